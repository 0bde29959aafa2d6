import assert from "node:assert/strict";
import {
  decodeMessage,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  MessageReader,
  type RawMessage,
} from "../../../mod/net/bgp/message.ts";
import { BgpError, notification } from "../../../mod/net/bgp/notification.ts";
import type { OpenMessage, ReceivedMessage } from "../../../mod/net/bgp/types.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import { be16, EXTERNAL, message, update, whole } from "./octets.ts";

const MARKER = "ff".repeat(16);
const OPEN: OpenMessage = {
  is: "open",
  version: 4,
  as: 65001,
  holdTimeS: 90,
  identifier: "192.0.2.1",
  capabilities: [{ is: "route-refresh" }],
};
const BYE = notification(6, 2, Uint8Array.of(1, 65));

/** RFC 4271 §4.1 to §4.5, RFC 2918 §3, RFC 7313 §3.2. */
const MESSAGES: readonly (readonly [string, Uint8Array, ReceivedMessage])[] = [
  ["002101" + "04fde9005ac00002010402020200", encodeOpen(OPEN), OPEN],
  ["001304", encodeKeepalive(), { is: "keepalive" }],
  ["001703" + "06020141", encodeNotification(BYE), BYE],
  ["001503" + "0400", encodeNotification(notification(4, 0)), notification(4, 0)],
  ["001705" + "00010001", encodeRouteRefresh(4, 0), { is: "route-refresh", family: 4, subtype: 0 }],
  ["001705" + "00020101", encodeRouteRefresh(6, 1), { is: "route-refresh", family: 6, subtype: 1 }],
  ["001705" + "00020201", encodeRouteRefresh(6, 2), { is: "route-refresh", family: 6, subtype: 2 }],
];

Deno.test("messages are written to and read from their octets", () => {
  for (const [octets, bytes, expected] of MESSAGES) {
    assert.equal(bytes.toHex(), MARKER + octets);
    const raw = whole(bytes);
    assert.equal(raw.is, expected.is);
    assert.deepEqual(decodeMessage(raw, null), expected);
  }
  assert.deepEqual(decodeMessage(whole(update({})), EXTERNAL), {
    is: "update",
    announced: 0,
    withdrawn: 0,
    endOfRib: 4,
    faults: [],
  });
});

Deno.test("a refresh of an unknown family or of an unknown subtype is no error, RFC 2918 §4, RFC 7313 §5", () => {
  const rows: readonly (readonly [number[], ReceivedMessage])[] = [
    [[0, 25, 0, 70], { is: "route-refresh", family: null, subtype: 0 }],
    [[0, 1, 0, 128], { is: "route-refresh", family: null, subtype: 0 }],
    [[0, 1, 77, 1], { is: "route-refresh", family: 4, subtype: 77 }],
  ];
  for (const [body, expected] of rows) assert.deepEqual(decodeMessage(whole(message(5, body)), null), expected);
});

/** A header that says a length, with as many octets behind it as make the message whole where that is possible. */
function header(length: number, type: number): Uint8Array<ArrayBuffer> {
  const bytes = message(type, new Array<number>(Math.max(0, length - 19)).fill(0));
  bytes.set(be16(length), 16);
  return bytes;
}

type BadHeader = readonly [name: string, bytes: Uint8Array, subcode: number, data: number[]];

function badLength(length: number, type: number): BadHeader {
  return [`length ${length} of type ${type}`, header(length, type), 2, be16(length)];
}

const BAD_HEADERS: readonly BadHeader[] = [
  ["first octet of the marker", header(19, 4).with(0, 0xfe), 1, []],
  ["last octet of the marker", header(19, 4).with(15, 0), 1, []],
  ...[0, 18, 4097, 65535].map((length) => badLength(length, 4)),
  ...([[1, 28], [2, 22], [3, 20], [4, 20], [5, 22]] as const).map(([type, length]) => badLength(length, type)),
  // RFC 4271 §6.1 names the length before the type.
  ...[18, 4097].map((length) => badLength(length, 9)),
  ["type 0", header(19, 0), 3, [0]],
  ["type 6", header(19, 6), 3, [6]],
  ["type 255", header(4096, 255), 3, [255]],
];

Deno.test("a bad header is answered with the subcode and data of RFC 4271 §6.1, and no message follows it", () => {
  for (const [name, bytes, subcode, data] of BAD_HEADERS) {
    const reader = new MessageReader();
    reader.push(bytes);
    for (let time = 0; time < 2; time++) {
      assert.throws(() => reader.next(), (error) => isBgpError(error, [1, subcode, data], name), name);
    }
  }
  const long = whole(header(24, 5));
  assert.throws(() => decodeMessage(long, null), (error) => isBgpError(error, [1, 2, be16(24)], "a long refresh"));
});

function isBgpError(error: unknown, [code, subcode, data]: readonly [number, number, number[]], name: string): true {
  assert(error instanceof BgpError, name);
  assert.deepEqual([error.code, error.subcode, [...error.data]], [code, subcode, data], name);
  return true;
}

Deno.test("the shortest and the longest message of each type are read, RFC 4271 §4.1", () => {
  for (const [type, lengths] of [[1, [29, 4096]], [2, [23, 4096]], [3, [21, 4096]], [4, [19]], [5, [23]]] as const) {
    for (const length of lengths) assert.equal(whole(header(length, type)).bytes.length, length);
  }
});

Deno.test("a marked refresh of a wrong length is answered with itself, RFC 7313 §5", () => {
  for (const subtype of [1, 2]) {
    const bytes = message(5, [0, 1, subtype, 1, 0]);
    assert.throws(() => decodeMessage(whole(bytes), null), (error) => isBgpError(error, [7, 1, [...bytes]], "refresh"));
  }
});

Deno.test("an UPDATE before the session is up is an error of the state machine, RFC 6608", () => {
  assert.throws(() => decodeMessage(whole(update({})), null), (error) => isBgpError(error, [5, 0, []], "update"));
});

Deno.test("a stream is cut into the same messages however it comes", () => {
  const seed = seedFromEnv(5);
  const random = seededRandom(seed);
  const longest = header(4096, 3);
  const parts = [...MESSAGES.map(([, bytes]) => bytes), longest, update({}), longest, longest, encodeKeepalive()];
  const stream = Uint8Array.from(parts.flatMap((part) => [...part]));
  for (const size of [1, 2, 18, 19, 20, 4095, 4096, 4097, stream.length, 0]) {
    const got: string[] = [];
    const reader = new MessageReader();
    for (let at = 0; at < stream.length;) {
      const end = at + (size === 0 ? Math.floor(random() * 300) : size);
      // Lent bytes are overwritten as soon as the call that lent them is over.
      const lent = stream.slice(at, end);
      reader.push(lent);
      for (let raw = reader.next(); raw !== null; raw = reader.next()) got.push(raw.bytes.toHex());
      lent.fill(0xaa);
      at = end;
    }
    assert.deepEqual(got, parts.map((part) => part.toHex()), `seed ${seed} size ${size}`);
  }
});

Deno.test("bytes are not pushed over messages that were not taken", () => {
  const reader = new MessageReader();
  reader.push(Uint8Array.from([...encodeKeepalive(), ...encodeKeepalive()]));
  assert.notEqual(reader.next(), null);
  assert.throws(() => reader.push(encodeKeepalive()), { name: "AssertionError" });
});

Deno.test("what is decoded outlives the message", () => {
  const decoded = [encodeOpen(OPEN), encodeNotification(BYE)].map((bytes) => {
    const message = decodeMessage(whole(bytes), null);
    bytes.fill(0);
    return message;
  });
  assert.deepEqual(decoded, [OPEN, BYE]);
});

Deno.test("a message that comes octet by octet is copied once", () => {
  const reader = new MessageReader();
  const bytes = header(4096, 3);
  let raw: RawMessage | null = null;
  for (const byte of bytes) {
    assert.equal(raw, null);
    reader.push(Uint8Array.of(byte));
    raw = reader.next();
  }
  assert.deepEqual(raw?.bytes, bytes);
});
