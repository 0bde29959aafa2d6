import assert from "node:assert/strict";
import { Sight } from "../../../mod/election/lease/sight.ts";
import type { LeaseRecord, StoredLease } from "../../../mod/election/lease/store.ts";

const DURATION_MS = 15_000;

function sight(): Sight {
  return new Sight({ durationMs: DURATION_MS, inTouchMs: 3000 });
}

let version = 0;
let time = 0;

function lease(change: Partial<LeaseRecord> = {}): StoredLease {
  const record = {
    holder: "b",
    durationSeconds: 15,
    acquireTime: "t",
    renewTime: `t${time++}`,
    transitions: 3,
    mark: null,
    ...change,
  };
  return { record, version: String(++version) };
}

const BLANKED = { holder: "" };
const RELEASED = { holder: "", durationSeconds: 1 };

Deno.test("a holder is waited out from the moment its record changed, for as long as the record says", () => {
  const seen = sight();
  const held = lease({ durationSeconds: 7 });
  assert(seen.look(1000, held, "other"));
  assert.equal(seen.claimedUntilMs, 8000);
  assert(!seen.look(3000, { ...held, version: "999" }, "other"), "another version of the same record");
  assert.equal(seen.changedMs, 1000);
  assert.equal(seen.claimedUntilMs, 8000);
  assert.equal(seen.lease?.version, "999");
  assert(seen.look(4000, lease({ durationSeconds: 7 }), "other"));
  assert.equal(seen.claimedUntilMs, 11_000);
});

Deno.test("an orderly release frees the Lease at once", () => {
  for (const mark of [null, "lease:b"]) {
    const seen = sight();
    seen.look(1000, lease({ mark }), "other");
    seen.look(2000, lease({ ...RELEASED, mark }), "other");
    assert.equal(seen.claimedUntilMs, -Infinity, `mark ${mark}`);
  }
});

Deno.test("a Lease that was deleted, blanked by hand or robbed is left alone for a whole duration", () => {
  const robberies: Record<string, readonly [Partial<LeaseRecord>, StoredLease | null]> = {
    "deleted": [{}, null],
    "blanked": [{}, lease(BLANKED)],
    "released by one that did not hold it: ours did": [{ mark: "lease:b" }, lease(RELEASED)],
    "released by one who took it unseen": [{}, lease({ ...RELEASED, transitions: 4 })],
  };
  for (const [what, [held, free]] of Object.entries(robberies)) {
    const seen = sight();
    seen.look(1000, lease(held), "other");
    seen.look(9000, free, "other");
    assert.equal(seen.claimedUntilMs, 9000 + DURATION_MS, what);
  }
});

Deno.test("a release says nothing about who was displaced before", () => {
  const seen = sight();
  seen.look(1000, lease({ holder: "b" }), "other");
  seen.look(5000, lease({ holder: "c", durationSeconds: 3, transitions: 4 }), "other");
  assert.equal(seen.claimedUntilMs, 16_000);
  seen.look(6000, lease({ ...RELEASED, transitions: 4 }), "other");
  assert.equal(seen.claimedUntilMs, 16_000);
  seen.taken();
  assert.equal(seen.claimedUntilMs, -Infinity);
});

Deno.test("for a process that looks for the first time an absent or released Lease is free, a blanked one is not", () => {
  const absent = sight();
  absent.look(1000, null, "other");
  assert.equal(absent.claimedUntilMs, -Infinity);
  const released = sight();
  released.look(1000, lease(RELEASED), "other");
  assert.equal(released.claimedUntilMs, -Infinity);
  const blanked = sight();
  blanked.look(1000, lease(BLANKED), "other");
  assert.equal(blanked.claimedUntilMs, 1000 + DURATION_MS);
});

Deno.test("a holder in touch knows that nobody took its Lease meanwhile; one that is not does not", () => {
  for (const free of [null, lease(BLANKED), lease(RELEASED)]) {
    const seen = sight();
    seen.look(1000, lease(), "own");
    seen.look(3500, free, "holder");
    assert.equal(seen.claimedUntilMs, -Infinity);
    const late = sight();
    late.look(1000, lease(), "own");
    late.look(4500, free, "holder");
    assert.equal(late.claimedUntilMs, 4500 + DURATION_MS);
  }
  const succeeded = sight();
  succeeded.look(1000, lease(), "own");
  succeeded.look(2000, lease({ ...BLANKED, transitions: 4 }), "holder");
  assert.equal(succeeded.claimedUntilMs, 2000 + DURATION_MS, "somebody held in between");
});

Deno.test("nobody waits for ever on a record that was deleted, however long it claimed to be valid", () => {
  const seen = sight();
  seen.look(1000, lease({ durationSeconds: 1e9 }), "other");
  assert.equal(seen.claimedUntilMs, 1000 + 1e12);
  seen.look(2000, null, "other");
  assert.equal(seen.claimedUntilMs, 302_000);
});

Deno.test("what a watch delivers late is known by its version; a version that was read may go back", () => {
  const seen = sight();
  const [old, current] = [lease(), lease()];
  seen.look(1000, current, "other");
  assert(seen.isPast(old));
  assert(!seen.isPast(current));
  assert(!seen.isNewest(old.version) && seen.isNewest(current.version));
  seen.look(2000, old, "other");
  assert(!seen.isPast(old), "etcd was restored");
  assert(!seen.isPast({ ...old, version: "opaque" }));
  assert(!seen.isNewest("opaque"));
});

Deno.test("nothing is known before the first look", () => {
  const seen = sight();
  assert(!seen.known);
  assert.equal(seen.record, null);
  assert.equal(seen.claimedUntilMs, -Infinity);
});
