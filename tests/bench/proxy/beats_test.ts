import assert from "node:assert/strict";
import { type Content, deriveKeys, encodeFrame } from "../../../mod/election/raft/frame.ts";
import { RAFT_CHANNEL, STATUS_CHANNEL } from "../../../mod/election/raft/mux.ts";
import type { Message } from "../../../mod/election/raft/types.ts";
import { encodeMessage } from "../../../mod/election/raft/wire.ts";
import { beatReceiver, beatTimes, senderFilter } from "./beats.ts";

const KEYS = deriveKeys("a secret that the reader does not have", "bench");
const READER_KEYS = deriveKeys(null, "bench");
const BEAT: Message = {
  type: "beat",
  term: 3,
  round: 7,
  commit: 2,
  lastIndex: 2,
  echoMs: null,
  leaseLeftMs: 100,
  graceMs: 0,
  holds: [],
};
const RESIGN_LIKE: Message = { type: "timeoutNow", term: 3 };

/** Ethernet, IPv4 without options or with 4 bytes of them, UDP, and a few bytes that a short frame is filled up with. */
function frame(content: Content, options: { optionBytes?: number; padding?: number } = {}): Uint8Array {
  const { optionBytes = 0, padding = 0 } = options;
  const envelope = { from: "node1", to: "node2", senderSession: 1n, receiverSession: 2n, sequence: 3 };
  const datagram = encodeFrame(KEYS, envelope, { content });
  const headerBytes = 20 + optionBytes;
  const bytes = new Uint8Array(14 + headerBytes + 8 + datagram.length + padding);
  bytes[14] = 0x40 | headerBytes / 4;
  new DataView(bytes.buffer).setUint16(14 + headerBytes + 4, datagram.length + 8);
  bytes.set(datagram, 14 + headerBytes + 8);
  return bytes;
}

function data(message: Message, channel = RAFT_CHANNEL): Content {
  return { kind: "data", payload: Uint8Array.of(channel, ...encodeMessage(message)) };
}

Deno.test("a heartbeat is told from the frame, without the secret, with options and padding", () => {
  assert.equal(beatReceiver(frame(data(BEAT)), READER_KEYS), "node2");
  assert.equal(beatReceiver(frame(data(BEAT), { optionBytes: 4, padding: 6 }), READER_KEYS), "node2");
});

const OTHERS: { name: string; bytes: Uint8Array }[] = [
  { name: "another message", bytes: frame(data(RESIGN_LIKE)) },
  { name: "another channel", bytes: frame(data(BEAT, STATUS_CHANNEL)) },
  { name: "a handshake", bytes: frame({ kind: "hello", nonce: new Uint8Array(16) }) },
  { name: "a payload that is no message", bytes: frame({ kind: "data", payload: Uint8Array.of(RAFT_CHANNEL, 9, 9) }) },
  { name: "a cut frame", bytes: frame(data(BEAT)).subarray(0, 60) },
  { name: "nothing", bytes: new Uint8Array(0) },
];

for (const { name, bytes } of OTHERS) {
  Deno.test(`what is no heartbeat is left out: ${name}`, () => assert.equal(beatReceiver(bytes, READER_KEYS), null));
}

Deno.test("the filter asks for the sender and its port", () => {
  const constants = senderFilter(Uint8Array.of(10, 98, 0, 1), 10_000).map(({ k }) => k);
  for (const wanted of [0x0800, 17, 0x0a620001, 10_000]) {
    assert.ok(constants.includes(wanted), `${wanted} is asked for`);
  }
});

Deno.test("times are sorted by receiver", () => {
  const times = beatTimes(["listening", "b node2 10.5", "b node3 11", "", "b node2 60.75"]);
  assert.deepEqual([...times], [["node2", [10.5, 60.75]], ["node3", [11]]]);
});
