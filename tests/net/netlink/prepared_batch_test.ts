import assert from "node:assert/strict";
import { decodeMessages, MessageFlag } from "../../../mod/net/netlink/message.ts";
import { readBe32 } from "../../../mod/net/netlink/bytes.ts";
import { addElements, addTable, elementTimes } from "../../../mod/net/netlink/nftables.ts";
import { PreparedBatch } from "../../../mod/net/netlink/prepared_batch.ts";

const TABLE = { family: "inet", table: "guard" } as const;
const LIVE = { ...TABLE, set: "live" };
/** Odd lengths of names make messages with padding. */
const MESSAGES = [
  addTable({ ...TABLE, table: "gua" }),
  ...addElements(LIVE, [{ key: new Uint8Array(4), timeoutMs: 7 }]),
];

Deno.test("the messages stand between begin and end, and only the last of them asks for an acknowledgement", () => {
  const decoded = decodeMessages(new PreparedBatch(MESSAGES).bytes);
  assert.deepEqual(decoded.map(({ type }) => type), [0x10, ...MESSAGES.map(({ type }) => type), 0x11]);
  assert.deepEqual(decoded.map(({ flags }) => (flags & MessageFlag.ACK) !== 0), [false, false, true, false]);
  assert.deepEqual(decoded.slice(1, -1).map(({ payload }) => payload), MESSAGES.map(({ payload }) => payload));
});

Deno.test("each numbering gives every message a new sequence and the batch its generation", () => {
  const batch = new PreparedBatch(MESSAGES);
  let last = 41;
  for (const generation of [7, 0xffff_ffff, 0]) {
    const numbers = batch.number(() => ++last, generation);
    const decoded = decodeMessages(batch.bytes);
    assert.deepEqual(decoded.map(({ sequence }) => sequence), numbers);
    assert.equal(new Set(numbers).size, MESSAGES.length + 2);
    assert.equal(readBe32(decoded[0]?.payload ?? new Uint8Array(), 8), generation);
  }
});

Deno.test("what is written into a payload is sent, and the times of elements are found there", () => {
  const elements = [1, 2, 3].map((n) => ({ key: new Uint8Array(16).fill(n), timeoutMs: n, expiresInMs: n }));
  const batch = new PreparedBatch([MESSAGES[0] ?? assert.fail(), ...addElements(LIVE, elements)]);
  const times = elementTimes(batch.payload(1));
  assert.deepEqual(times.map((time) => time.getBigUint64(0)), [1n, 1n, 2n, 2n, 3n, 3n]);
  for (const time of times) time.setUint32(4, 500);
  const wanted = addElements(LIVE, elements.map(({ key }) => ({ key, timeoutMs: 500, expiresInMs: 500 })));
  assert.deepEqual(decodeMessages(batch.bytes)[2]?.payload, wanted[0]?.payload);
});
