import assert from "node:assert/strict";
import { encodeGroup, encodeJournal, isNothing, NOTHING_STORED, replay } from "../../../mod/election/raft/journal.ts";
import type { Batch } from "../../../mod/election/raft/storage.ts";
import type { Stored } from "../../../mod/election/raft/types.ts";
import { batch, entry, hard } from "../../contracts/storage.ts";

const OWNER = { member: "a", cluster: "test" };
const BASE: Stored = {
  hard: hard(4, "b"),
  snapshot: { index: 3, term: 2, data: Uint8Array.of(1) },
  entries: [entry(4, 3)],
};

function file(base: Stored, ...groups: Batch[][]): Uint8Array {
  return Uint8Array.of(...encodeJournal(OWNER, base), ...groups.flatMap((group) => [...encodeGroup(group)]));
}

Deno.test("the bytes of a file are these", () => {
  const hex = "6b76697072616601" + // magic, version
    "00000013" + "4482149f" + "fabb6b3f" + // length, checksums
    "0161" + "0474657374" + // owner
    "01" + "02" + "00" + "01" + "0162" + "00" + "00" + "01" + "01" + "01" + "00"; // term 2 for b, no snapshot, entry 1 of term 1
  const stored: Stored = {
    hard: hard(2, "b"),
    snapshot: null,
    entries: [{ index: 1, term: 1, data: new Uint8Array() }],
  };
  assert.equal(encodeJournal(OWNER, stored).toHex(), hex);
  const read = replay(Uint8Array.fromHex(hex), OWNER);
  assert.deepEqual(read, { outcome: "whole", stored, goodBytes: hex.length / 2, cutBytes: 0 });
});

Deno.test("a new file reads back as nothing", () => {
  const read = replay(file(NOTHING_STORED), OWNER);
  assert(read.outcome === "whole" && isNothing(read.stored));
});

Deno.test("groups are applied in order, batch by batch", () => {
  const bytes = file(BASE, [batch({ entries: [entry(5, 4)] }), batch({ truncateFrom: 5 })], [
    batch({ hard: hard(9, null) }),
  ]);
  const read = replay(bytes, OWNER);
  assert.deepEqual(read, {
    outcome: "whole",
    stored: { ...BASE, hard: hard(9, null) },
    goodBytes: bytes.length,
    cutBytes: 0,
  });
});

Deno.test("a file cut at any byte of its last record loses that record and nothing else", () => {
  const before = file(BASE, [batch({ hard: hard(5, "c") })]);
  const last = encodeGroup([batch({ hard: hard(6, "a"), entries: [entry(5, 6), entry(6, 6)] })]);
  const whole = Uint8Array.of(...before, ...last);
  for (let cut = before.length; cut < whole.length; cut++) {
    const read = replay(whole.subarray(0, cut), OWNER);
    assert(read.outcome === "whole", `cut at ${cut}`);
    assert.deepEqual(read.stored.hard, hard(5, "c"));
    assert.deepEqual([read.goodBytes, read.cutBytes], [before.length, cut - before.length]);
  }
});

Deno.test("a last record of which only some pages reached the disk is cut", () => {
  const before = file(BASE);
  const last = encodeGroup([batch({ hard: hard(6, "a"), entries: [entry(5, 6), entry(6, 6)] })]);
  for (let zeroed = 4; zeroed <= last.length; zeroed++) {
    const torn = Uint8Array.of(...before, ...last.map((byte, at) => at < zeroed ? 0 : byte));
    const read = replay(torn, OWNER);
    assert(read.outcome === "whole" && read.cutBytes === last.length, `first ${zeroed} bytes zero`);
  }
});

Deno.test("a flipped bit anywhere before the last record is damage, in the last record a cut", () => {
  const before = file(BASE, [batch({ hard: hard(5, "c") })]);
  const whole = Uint8Array.of(...before, ...encodeGroup([batch({ hard: hard(6, "a") })]));
  for (let at = 0; at < whole.length; at++) {
    for (const bit of [1, 16, 128]) {
      const flipped = Uint8Array.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ bit;
      const read = replay(flipped, OWNER);
      if (at < before.length) assert.equal(read.outcome, "damaged", `bit ${bit} of byte ${at}`);
      else assert(read.outcome === "whole" && read.goodBytes === before.length, `bit ${bit} of byte ${at}`);
    }
  }
});

const BODY = encodeGroup([batch({ hard: hard(6, "a") })]);
const DAMAGED: readonly [name: string, bytes: Uint8Array, detail: RegExp][] = [
  ["an empty file", new Uint8Array(), /not a kube-vip state file/],
  ["another program's file", new TextEncoder().encode("#!/bin/sh\nexit 0\n"), /not a kube-vip state file/],
  ["a later version", Uint8Array.of(...file(BASE)).with(7, 2), /version 1/],
  ["nothing after the magic", file(BASE).subarray(0, 8), /first record/],
  ["a first record cut short", file(BASE).subarray(0, 30), /first record/],
  [
    "another member's",
    encodeJournal({ ...OWNER, member: "b" }, BASE),
    /belongs to member "b" of cluster "test"; this is member "a"/,
  ],
  [
    "another cluster's",
    encodeJournal({ ...OWNER, cluster: "x" }, BASE),
    /cluster "x"; this is member "a" of cluster "test"/,
  ],
  ["a gap", file(BASE, [batch({ entries: [entry(6, 4)] })], [batch({})]), /entry 6 where 5 is next/],
  ["a term going back", file(BASE, [batch({ hard: hard(3, null) })]), /term 3 after term 4/],
  [
    "an older snapshot",
    file(BASE, [batch({ snapshot: { index: 1, term: 1, data: new Uint8Array() } })]),
    /a snapshot at 1 after one at 3/,
  ],
  ["a hole of zeros", Uint8Array.of(...file(BASE), ...new Uint8Array(64), ...BODY), /others after it/],
];

Deno.test("anything else that does not read back is damage, with the reason", () => {
  for (const [name, bytes, detail] of DAMAGED) {
    const read = replay(bytes, OWNER);
    assert(read.outcome === "damaged", name);
    assert.match(read.detail, detail, name);
  }
});
