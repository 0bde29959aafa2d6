import assert from "node:assert/strict";
import type { LeaseRecord } from "../../../mod/election/lease/store.ts";
import { Bench, brief } from "./bench.ts";

// TestTryAcquireOrRenew of client-go: what there is, what is tried, what is written.

Deno.test("an absent Lease is created (acquire from no object)", () => {
  const bench = new Bench();
  assert.equal(brief(bench.at(0)), "read");
  bench.answer({ outcome: "absent" });
  const errand = bench.at(0);
  assert(errand?.kind === "create");
  const { acquireTime, renewTime, ...rest } = errand.record;
  assert.equal(acquireTime, renewTime);
  assert.deepEqual(rest, { holder: "a", durationSeconds: 15, transitions: 0, mark: "lease:1" });
  bench.written();
  assert.equal(bench.core.role, "leading");
});

Deno.test("a released Lease is taken with one transition more (acquire from released object)", () => {
  const bench = new Bench();
  bench.at(0);
  const lease = bench.lease({ holder: "", durationSeconds: 1 });
  bench.answer({ outcome: "found", lease });
  const errand = bench.at(0);
  assert.equal(brief(errand), `update ${lease.version}`);
  assert(errand?.kind === "update");
  assert.equal(errand.record.transitions, 4);
  assert.equal(errand.record.acquireTime, errand.record.renewTime);
});

Deno.test("a held Lease is taken when its record has not changed for its duration (acquire from led object)", () => {
  const bench = new Bench();
  bench.at(0);
  const lease = bench.lease({ durationSeconds: 4 });
  bench.answer({ outcome: "found", lease });
  assert.equal(brief(bench.at(1999)), "-");
  assert.equal(brief(bench.at(2000)), "read", "polled as client-go polls");
  bench.answer({ outcome: "found", lease });
  assert.equal(brief(bench.at(3999)), "-");
  assert.equal(brief(bench.at(4000)), `update ${lease.version}`, "not at the next poll, but at the moment of expiry");
  bench.answer({ outcome: "conflict" });
  assert.equal(brief(bench.at(4000)), "read");
  bench.answer({ outcome: "found", lease: bench.lease({ durationSeconds: 4 }) });
  assert.equal(brief(bench.at(5999)), "-", "it was renewed");
  assert.equal(bench.core.role, "candidate");
});

Deno.test("each change of the record begins the wait anew, whatever its times say (don't acquire from led, acked object)", () => {
  const bench = new Bench();
  bench.at(0);
  bench.answer({ outcome: "found", lease: bench.lease({ renewTime: "1970-01-01T00:00:00.000000Z" }) });
  bench.at(10_000);
  bench.answer({ outcome: "found", lease: bench.lease({ renewTime: "2099-01-01T00:00:00.000000Z" }) });
  for (let now = 10_000; now < 25_000; now += 100) {
    const errand = bench.at(now);
    assert(errand === null || errand.kind === "read", `at ${now}`);
    if (errand !== null) {
      bench.answer({ outcome: "found", lease: { ...bench.lease(), record: bench.core.record ?? never() } });
    }
  }
  assert.match(brief(bench.at(25_000)), /^update/);
});

Deno.test("a renewal keeps acquireTime and transitions (renew already acquired object)", () => {
  const bench = new Bench();
  const { record, version } = bench.lead();
  const errand = bench.at(2000);
  assert.equal(brief(errand), `update ${version}`);
  assert(errand?.kind === "update");
  assert.equal(errand.record.acquireTime, record.acquireTime);
  assert.equal(errand.record.transitions, record.transitions);
  assert.notEqual(errand.record.renewTime, record.renewTime);
});

Deno.test("the fast path needs no reading: a holder updates the version it knows (TestFastPath)", () => {
  const bench = new Bench();
  bench.lead();
  const kinds: string[] = [];
  for (let now = 2000; now <= 20_000; now += 2000) {
    kinds.push(bench.at(now)?.kind ?? "-");
    bench.written();
  }
  assert.deepEqual(new Set(kinds), new Set(["update"]));
});

Deno.test("after a conflict a holder reads, and goes on if only the metadata has changed (TestFastPath)", () => {
  const bench = new Bench();
  const { record } = bench.lead();
  bench.at(2000);
  bench.answer({ outcome: "conflict" });
  assert.equal(brief(bench.at(2001)), "read");
  const version = bench.version();
  bench.answer({ outcome: "found", lease: { record: { ...record, mark: null }, version } });
  assert.equal(bench.left, 12_000 - 2001);
  assert.equal(brief(bench.at(2002)), `update ${version}`);
});

// Grants

Deno.test("a grant counts from the start of the write, not from its answer", () => {
  const bench = new Bench();
  bench.lead();
  assert.equal(bench.left, 12_000);
  bench.at(2000);
  bench.now = 5000;
  bench.written();
  assert.equal(bench.core.tenure?.validUntil, 14_000);
});

Deno.test("an answer after the time it would give is worth nothing: the Lease is ours, but is renewed first", () => {
  const bench = new Bench();
  bench.at(0);
  bench.answer({ outcome: "absent" });
  bench.at(0);
  bench.now = 12_000;
  const version = bench.written();
  assert.equal(bench.core.role, "candidate");
  assert.equal(bench.core.tenure, null);
  assert.equal(brief(bench.at(12_000)), `update ${version}`);
});

Deno.test("a holder that wakes from a pause has lost before any answer is heard", () => {
  const bench = new Bench();
  bench.lead();
  bench.at(2000);
  bench.now = 30_000;
  bench.written();
  assert.equal(bench.core.tenure, null);
  assert.equal(bench.core.endReason, "lease-lost");
  assert.match(brief(bench.at(30_000)), /^update/, "it stands for election again");
});

Deno.test("a renewal whose answer was lost counts from its own start once it is seen to be there", () => {
  for (const by of ["read", "watch"] as const) {
    const bench = new Bench();
    bench.lead();
    const errand = bench.at(2000);
    assert(errand?.kind === "update");
    bench.now = 8000;
    bench.failed();
    assert.equal(bench.core.tenure?.validUntil, 12_000, "not a renewal yet");
    const lease = { record: errand.record, version: bench.version() };
    if (by === "watch") bench.watch(lease);
    else {
      assert.equal(brief(bench.at(8700)), "read");
      bench.answer({ outcome: "found", lease });
    }
    assert.equal(bench.core.tenure?.validUntil, 14_000, by);
    if (by === "read") assert.equal(brief(bench.at(8701)), `update ${lease.version}`);
  }
});

Deno.test("a hanging request leaves time for a second one, and none outlives the hold", () => {
  const bench = new Bench();
  bench.lead();
  const first = bench.at(2000);
  assert.equal(first?.limitMs, 6000);
  bench.now = 8000;
  bench.failed();
  const second = bench.at(8500);
  assert.equal(second?.kind, "read");
  assert.equal(second.limitMs, 1750, "a write has to follow");
  assert.equal(bench.at(9000), null, "one at a time");
});

Deno.test("epochs never go back, although a Lease that was deleted begins at 0 again", () => {
  const bench = new Bench();
  bench.at(0);
  bench.answer({ outcome: "found", lease: bench.lease({ holder: "", durationSeconds: 1, transitions: 7 }) });
  bench.at(0);
  bench.written();
  assert.equal(bench.core.tenure?.epoch, 8);
  bench.at(2000);
  bench.written();
  bench.watch({ record: bench.core.record ?? never(), version: bench.version() });
  bench.watch(null);
  assert.equal(bench.left, null);
  assert.equal(brief(bench.at(2000)), "create");
  bench.written();
  assert.equal(bench.core.tenure?.epoch, 8);
});

function never(): LeaseRecord {
  throw new Error("there is no record");
}
