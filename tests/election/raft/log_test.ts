import assert from "node:assert/strict";
import { RaftLog } from "../../../mod/election/raft/log.ts";
import type { Entry } from "../../../mod/election/raft/types.ts";
import { seededRandom } from "../../fakes/random.ts";
import { DiskImage } from "../../sim/disk.ts";

const data = new Uint8Array(0);

/** Entries with these terms, from `first` on. */
function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, at) => ({ index: first + at, term, data }));
}

function logOf(...terms: number[]): RaftLog {
  const log = new RaftLog({
    hard: { term: 9, vote: null, joining: false },
    snapshot: null,
    entries: entries(1, ...terms),
  });
  return log;
}

function termsOf(log: RaftLog): (number | null)[] {
  return Array.from({ length: log.length }, (_, at) => log.termAt(log.baseIndex + 1 + at));
}

const APPENDS: readonly {
  readonly name: string;
  readonly log: readonly number[];
  readonly prev: readonly [number, number];
  readonly terms: readonly number[];
  readonly outcome: object;
  readonly after: readonly number[];
}[] = [
  { name: "to an empty log", log: [], prev: [0, 0], terms: [1, 1], outcome: matched(2), after: [1, 1] },
  { name: "after the end", log: [1], prev: [1, 1], terms: [2], outcome: matched(2), after: [1, 2] },
  { name: "of what is there", log: [1, 1, 1], prev: [1, 1], terms: [1], outcome: matched(2), after: [1, 1, 1] },
  { name: "of nothing", log: [1, 1], prev: [2, 1], terms: [], outcome: matched(2), after: [1, 1] },
  { name: "over a conflict", log: [1, 2, 2], prev: [1, 1], terms: [3], outcome: matched(2), after: [1, 3] },
  { name: "beyond the end", log: [1], prev: [3, 1], terms: [1], outcome: hint(1), after: [1] },
  { name: "after a conflict", log: [1, 2, 2], prev: [3, 3], terms: [3], outcome: hint(1), after: [1, 2, 2] },
];

function matched(index: number): object {
  return { outcome: "matched", index };
}

function hint(index: number): object {
  return { outcome: "mismatch", hint: index };
}

for (const { name, log: own, prev: [index, term], terms, outcome, after } of APPENDS) {
  Deno.test(`append ${name} (§3.5)`, () => {
    const log = logOf(...own);
    assert.deepEqual(log.append(index, term, entries(index + 1, ...terms)), outcome);
    assert.deepEqual(termsOf(log), after);
  });
}

Deno.test("a committed entry is never replaced, and hints never point before it", () => {
  const log = logOf(1, 1, 1);
  log.commitTo(2);
  assert.deepEqual(log.append(1, 1, entries(2, 5)), { outcome: "contradiction" });
  assert.deepEqual(log.append(3, 5, []), { outcome: "mismatch", hint: 2 });
  assert.deepEqual(termsOf(log), [1, 1, 1]);
});

Deno.test("an up-to-date log ends in a later term, or in the same term and not earlier (§3.6.1)", () => {
  const log = logOf(1, 2, 2);
  const asked: [number, number][] = [[1, 3], [3, 2], [4, 2], [2, 2], [9, 1]];
  assert.deepEqual(asked.map(([index, term]) => log.isCoveredBy(index, term)), [true, true, true, false, false]);
});

Deno.test("a snapshot replaces a log that disagrees, and keeps what follows in one that agrees (§5.3)", () => {
  const behind = logOf(1, 1);
  assert.ok(behind.install({ index: 5, term: 2, data }));
  assert.deepEqual([behind.lastIndex, behind.lastTerm, behind.commitIndex, behind.length], [5, 2, 5, 0]);
  const agreeing = logOf(1, 2, 2);
  assert.ok(agreeing.install({ index: 2, term: 2, data }));
  assert.deepEqual([agreeing.lastIndex, termsOf(agreeing)], [3, [2]]);
  const conflicting = logOf(1, 1, 1);
  assert.ok(conflicting.install({ index: 2, term: 2, data }));
  assert.deepEqual([conflicting.lastIndex, conflicting.takeUnsaved().truncateFrom], [2, 3]);
  assert.ok(!conflicting.install({ index: 1, term: 1, data }), "older than what is committed");
});

Deno.test("appends from before the snapshot agree where the snapshot stands for them", () => {
  const log = logOf();
  log.install({ index: 5, term: 2, data });
  assert.deepEqual(log.append(3, 1, entries(4, 1, 2, 2)), matched(6));
  assert.deepEqual(log.append(1, 1, entries(2, 1)), matched(5));
  assert.equal(log.lastIndex, 6);
});

Deno.test("what is on disk counts only while the log still says the same", () => {
  const log = logOf(1);
  log.append(1, 1, entries(2, 1, 1));
  log.takeUnsaved();
  log.append(1, 1, entries(2, 2));
  log.markDurable(3, 1);
  assert.equal(log.durableIndex, 1);
  log.markDurable(2, 2);
  assert.equal(log.durableIndex, 2);
});

Deno.test("committed entries come out once and in order; compaction waits for them", () => {
  const log = logOf(1, 1, 1);
  log.commitTo(2);
  assert.throws(() => log.compact(2, data), /compaction/);
  assert.deepEqual(log.takeCommitted().committed.map((entry) => entry.index), [1, 2]);
  assert.ok(!log.hasCommitted);
  log.compact(2, data);
  assert.deepEqual([log.baseIndex, log.length, log.termAt(1), log.termAt(2)], [2, 1, null, 1]);
});

Deno.test("one append carries what fits a datagram, and at least one entry", () => {
  const log = logOf();
  for (let each = 0; each < 40; each++) log.add(1, new Uint8Array(each === 20 ? 2000 : 10));
  assert.equal(log.batchFrom(1).length, 16);
  assert.equal(log.batchFrom(18).length, 3);
  assert.equal(log.batchFrom(21).length, 1);
  assert.equal(log.batchFrom(41).length, 0);
});

Deno.test("a disk that was given every change has the log, whatever happened in between", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const log = new RaftLog(null);
    const disk = new DiskImage();
    let term = 1;
    for (let step = 0; step < 60; step++) {
      const chance = random();
      if (chance < 0.4) log.add(term, data);
      else if (chance < 0.6) overwrite(log, ++term, random());
      else if (chance < 0.7) log.commitTo(Math.ceil(log.lastIndex * random()));
      else if (chance < 0.8) compact(log);
      else if (chance < 0.85) log.install({ index: log.lastIndex + 1 - Math.floor(3 * random()), term: ++term, data });
      else disk.apply({ hard: null, ...log.takeUnsaved() });
    }
    disk.apply({ hard: null, ...log.takeUnsaved() });
    assert.deepEqual(disk.entries.map((entry) => entry.term), termsOf(log), `seed ${seed}`);
    assert.equal(disk.snapshot?.index ?? 0, log.baseIndex, `seed ${seed}`);
  }
});

function overwrite(log: RaftLog, term: number, chance: number): void {
  const prev = log.commitIndex + Math.floor((log.lastIndex - log.commitIndex) * chance);
  log.append(prev, log.termAt(prev) ?? 0, entries(prev + 1, term));
}

function compact(log: RaftLog): void {
  log.takeCommitted();
  log.compact(log.commitIndex, data);
}
