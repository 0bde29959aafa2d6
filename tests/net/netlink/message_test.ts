import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import {
  decodeAcknowledgement,
  decodeDone,
  decodeMessages,
  encodeMessage,
  MessageFlag,
  MessageType,
  type NetlinkMessage,
} from "../../../mod/net/netlink/message.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes } from "./fixtures.ts";

/** Sent by `ip link set va up` (iproute2 6.1), taken with strace. */
const LINK_UP = "20000000 1000 0500 fb89016b 00000000 0000000006000000 0100000001000000";
/** The kernel's answer to it, and a refusal with words and place, made by hand. */
const ACCEPTED = "24000000 0200 0001 fb89016b 9f7f0000 00000000 20000000 1000 0500 fb89016b 00000000";
const REFUSED = `40000000 0200 0003 07000000 9f7f0000 eaffffff 30000000 1000 0506 07000000 00000000
  1300 0100 746f6f206c6f6e6720666f722000 0000 0800 0200 20000000`;

Deno.test("a message is header, payload and padding, in both directions", () => {
  const message: NetlinkMessage = {
    type: 16,
    flags: MessageFlag.REQUEST | MessageFlag.ACK,
    sequence: 0x6b0189fb,
    portId: 0,
    payload: bytes("0000000006000000 0100000001000000"),
  };
  assert.deepEqual(encodeMessage(message), bytes(LINK_UP));
  assert.deepEqual(decodeMessages(bytes(LINK_UP)), [message]);
  const odd = encodeMessage({ ...message, payload: bytes("01") });
  assert.equal(odd.length, 20);
  assert.deepEqual(decodeMessages(odd)[0]?.payload, bytes("01"));
});

Deno.test("several messages stand in one datagram", () => {
  const messages = decodeMessages(concat([bytes(LINK_UP), bytes(ACCEPTED)]));
  assert.deepEqual(messages.map(({ type }) => type), [16, MessageType.ERROR]);
  assert.deepEqual(decodeMessages(bytes("")), []);
});

Deno.test("messages whose length cannot be are refused", () => {
  const tail = "1000 0500 fb89016b 00000000";
  for (const digits of [`0f000000 ${tail}`, `00000000 ${tail}`, `11000000 ${tail}`, `ffffffff ${tail}`, "100000"]) {
    assert.throws(() => decodeMessages(bytes(digits)), WireError, digits);
  }
});

function acknowledgement(digits: string): ReturnType<typeof decodeAcknowledgement> {
  const [message] = decodeMessages(bytes(digits));
  assert.ok(message);
  return decodeAcknowledgement(message);
}

Deno.test("an acknowledgement says which request it accepts", () => {
  assert.deepEqual(acknowledgement(ACCEPTED), { errno: 0, type: 16, sequence: 0x6b0189fb, reason: "", offset: 0 });
});

Deno.test("a refusal carries errno, the kernel's words and the place", () => {
  assert.deepEqual(acknowledgement(REFUSED), {
    errno: 22,
    type: 16,
    sequence: 7,
    reason: "too long for ",
    offset: 32,
  });
});

Deno.test("a refusal that echoes the whole request is read behind it", () => {
  const whole = `38000000 0200 0002 07000000 00000000 edffffff 18000000 1000 0500 07000000 00000000 0102030405060708
    0a00 0100 776f72647300 0000`;
  assert.deepEqual(acknowledgement(whole), { errno: 19, type: 16, sequence: 7, reason: "words", offset: 0 });
});

Deno.test("acknowledgements that cannot be are refused", () => {
  const header = "0200 0001 07000000 00000000";
  assert.throws(() => acknowledgement(`14000000 ${header} 00000000`), WireError, "no request in it");
  assert.throws(
    () => acknowledgement(`24000000 ${header} 01000000 20000000 1000 0500 07000000 00000000`),
    WireError,
    "a positive error",
  );
});

Deno.test("the end of a dump tells whether it failed on its way", () => {
  const done = (flags: number, digits: string): ReturnType<typeof decodeDone> =>
    decodeDone({ type: MessageType.DONE, flags, sequence: 1, portId: 0, payload: bytes(digits) });
  assert.deepEqual(done(MessageFlag.MULTI, "00000000"), { errno: 0, reason: "" });
  assert.deepEqual(done(MessageFlag.MULTI, ""), { errno: 0, reason: "" });
  assert.deepEqual(done(MessageFlag.MULTI, "2a000000"), { errno: 0, reason: "" }, "a count is no error");
  assert.deepEqual(done(MessageFlag.ACK_TLVS, "eaffffff 0700 0100 6e6f00 00"), { errno: 22, reason: "no" });
  assert.throws(() => done(0, "00000080"), WireError);
});

Deno.test("decodeMessages() and what reads answers survive whatever comes", () => {
  fuzz({
    decode: (input) => {
      const messages = decodeMessages(input);
      for (const message of messages) {
        if (message.type === MessageType.ERROR) decodeAcknowledgement(message);
        if (message.type === MessageType.DONE) decodeDone(message);
      }
      return messages.map((message) => ({ ...message, payload: Uint8Array.from(message.payload) }));
    },
    encode: (messages) => concat(messages.map(encodeMessage)),
    samples: [LINK_UP, ACCEPTED, REFUSED, `${LINK_UP} ${ACCEPTED}`].map(bytes),
  });
});
