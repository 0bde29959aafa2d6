import assert from "node:assert/strict";
import type { Random } from "../../../mod/base/clock.ts";
import type { Entry, Message } from "../../../mod/election/raft/types.ts";
import {
  decodeMessage,
  encodeMessage,
  MAX_BEAT_HOLDS,
  MAX_COUNTER,
  MAX_DATA_BYTES,
  MAX_MESSAGE_BYTES,
} from "../../../mod/election/raft/wire.ts";
import { WireError } from "../../../mod/net/errors.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

const TABLE: readonly [hex: string, message: Message][] = [
  ["0100070301" + "01", { type: "preVote", term: 7, lastIndex: 3, lastTerm: 1, transfer: true }],
  ["0101ac02030000", { type: "vote", term: 300, lastIndex: 3, lastTerm: 0, transfer: false }],
  ["01020701", { type: "preVoteReply", term: 7, granted: true }],
  ["01030700", { type: "voteReply", term: 7, granted: false }],
  [
    "010407090203003ff8000000000000" + "00" + "01" + "0831302e302e302e31",
    {
      type: "beat",
      term: 7,
      round: 9,
      commit: 2,
      lastIndex: 3,
      echoMs: null,
      leaseLeftMs: 1.5,
      graceMs: 0,
      holds: ["10.0.0.1"],
    },
  ],
  [
    "01040709" + "0003" + "01" + "4059000000000000" + "c000000000000000" + "9a08" + "00",
    {
      type: "beat",
      term: 7,
      round: 9,
      commit: 0,
      lastIndex: 3,
      echoMs: 100,
      leaseLeftMs: -2,
      graceMs: 1050,
      holds: [],
    },
  ],
  ["010507094059000000000000" + "9a08", { type: "beatReply", term: 7, round: 9, clockMs: 100, graceMs: 1050 }],
  ["010607", { type: "resign", term: 7 }],
  ["010707", { type: "timeoutNow", term: 7 }],
  ["01080705060400", { type: "append", term: 7, prevIndex: 5, prevTerm: 6, commit: 4, entries: [] }],
  [
    "010807050604020607000707" + "02beef",
    {
      type: "append",
      term: 7,
      prevIndex: 5,
      prevTerm: 6,
      commit: 4,
      entries: [entry(6, 7, ""), entry(7, 7, "beef")],
    },
  ],
  ["0109070105", { type: "appendReply", term: 7, ok: true, match: 5 }],
  ["010a07050602beef", {
    type: "snapshot",
    term: 7,
    snapshot: { index: 5, term: 6, data: Uint8Array.fromHex("beef") },
  }],
  ["010b01ffffffff", { type: "hello", fresh: true, nonce: 2 ** 32 - 1 }],
  ["010c070000000007", { type: "helloReply", term: 7, fresh: false, nonce: 7 }],
];

function entry(index: number, term: number, hex: string): Entry {
  return { index, term, data: Uint8Array.fromHex(hex) };
}

Deno.test("every message has exactly one form on the wire", () => {
  assert.equal(new Set(TABLE.map(([, message]) => message.type)).size, 13, "all types are in the table");
  for (const [hex, message] of TABLE) {
    assert.equal(encodeMessage(message).toHex(), hex, message.type);
    assert.deepEqual(decodeMessage(Uint8Array.fromHex(hex)), message);
  }
});

const MALFORMED: readonly [hex: string, expected: RegExp][] = [
  ["", /offset 0 is 0 bytes/],
  ["01", /offset 1/],
  ["020607", /version 1/],
  ["010d07", /type from 0 to 12/],
  ["0106", /offset 2/],
  ["01060700", /1 more bytes/],
  ["0106" + "8700", /padded/],
  ["0106ffffffffffffff10", /at most 281474976710656/],
  ["0106ffffffffffffff0f", /at most 281474976710656/],
  ["010681808080808040", /at most 281474976710656/],
  ["01080705060401" + "81808080808040", /at most 281474976710656/],
  ["01020702", /0 or 1/],
  ["0105070940590000000000", /7 bytes, wanted 8/],
  ["010507097ff8000000000000", /NaN/],
  ["010407090203004059000000000000" + "00" + "8104", /at most 512/],
  ["010407090203004059000000000000" + "00" + "0101ff", /UTF-8/],
  ["0108070506048202", /at most 256/],
  ["0108070506040107070" + "0", /entry 7, wanted entry 6/],
  ["010807050604010607" + "c1b503", /at most 56000/],
];

Deno.test("malformed messages are refused with the place of the fault", () => {
  for (const [hex, expected] of MALFORMED) {
    const error = failure(Uint8Array.fromHex(hex));
    assert(error instanceof WireError, `${hex}: ${error}`);
    assert.match(error.message, expected, hex);
  }
  assert.match(failure(new Uint8Array(MAX_MESSAGE_BYTES + 1))?.message ?? "", /at most 60000 bytes/);
});

Deno.test("a message cut anywhere, or with a byte more, is refused", () => {
  for (const [hex, message] of TABLE) {
    const bytes = Uint8Array.fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      assert(failure(bytes.subarray(0, length)) instanceof WireError, `${message.type} cut to ${length}`);
    }
    assert(failure(Uint8Array.of(...bytes, 0)) instanceof WireError, `${message.type} with one byte more`);
  }
});

Deno.test("50,000 mutated messages either decode to what encodes to the same bytes, or are refused", () => {
  const seed = seedFromEnv(20);
  const random = seededRandom(seed);
  const encoded = TABLE.map(([hex]) => Uint8Array.fromHex(hex));
  let accepted = 0;
  for (let turn = 0; turn < 50_000; turn++) {
    const bytes = mutate(encoded[turn % encoded.length] ?? new Uint8Array(), random);
    const error = failure(bytes);
    assert(error === null || error instanceof WireError, `seed ${seed}, turn ${turn}: ${error?.stack}`);
    if (error !== null) continue;
    accepted++;
    assert.deepEqual(encodeMessage(decodeMessage(bytes)), bytes, `seed ${seed}, turn ${turn}`);
  }
  assert(accepted > 5000 && accepted < 45_000, `${accepted} accepted`);
});

Deno.test("the largest message of each bounded kind fits, one more is the maker's mistake", () => {
  const holds = Array.from({ length: MAX_BEAT_HOLDS }, (_, i) => `2001:db8:1111:2222:3333:4444:5555:${i.toString(16)}`);
  const beat: Message = {
    type: "beat",
    term: 1,
    round: 1,
    commit: 1,
    lastIndex: 1,
    echoMs: null,
    leaseLeftMs: 1,
    graceMs: 0,
    holds,
  };
  assert.deepEqual(decodeMessage(encodeMessage(beat)), beat);
  assert.throws(() => encodeMessage({ ...beat, holds: [...holds, "10.0.0.1"] }), /513 addresses/);
  const snapshot = { index: MAX_COUNTER, term: MAX_COUNTER, data: new Uint8Array(MAX_DATA_BYTES) };
  const install: Message = { type: "snapshot", term: MAX_COUNTER, snapshot };
  assert(encodeMessage(install).length <= MAX_MESSAGE_BYTES);
  assert.deepEqual(decodeMessage(encodeMessage(install)), install);
  const tooBig = { ...snapshot, data: new Uint8Array(MAX_DATA_BYTES + 1) };
  assert.throws(() => encodeMessage({ type: "snapshot", term: 1, snapshot: tooBig }), /56001 bytes/);
});

function failure(bytes: Uint8Array): Error | null {
  try {
    decodeMessage(bytes);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Flips, cuts, repeats or inserts a few bytes. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes = Array.from(original);
  for (let left = Math.floor(random() * 3); left >= 0; left--) {
    const at = Math.floor(random() * bytes.length);
    const kind = random();
    if (kind < 0.6) bytes[at] = Math.floor(random() * 256);
    else if (kind < 0.75) bytes = bytes.slice(0, at);
    else if (kind < 0.9) bytes.splice(at, 0, Math.floor(random() * 256));
    else bytes = bytes.concat(bytes.slice(at));
  }
  return Uint8Array.from(bytes);
}
