import assert from "node:assert/strict";
import { type Errand, Release, type ReleaseOptions } from "../../../mod/election/lease/release.ts";
import type { LeaseRecord, LeaseWrite, StoredLease } from "../../../mod/election/lease/store.ts";

const RECORD: LeaseRecord = {
  holder: "a",
  durationSeconds: 15,
  acquireTime: "t0",
  renewTime: "t1",
  transitions: 3,
  mark: "lease:1",
};
const HELD: StoredLease = { record: RECORD, version: "7" };
const FAILED: LeaseWrite = { outcome: "failed", cause: "refused" };

function release(change: Partial<ReleaseOptions> = {}): Release {
  return new Release({
    now: 0,
    held: HELD,
    mark: "lease:1",
    hasFallback: true,
    isOurs: (record) => record.holder === "a",
    via: "primary",
    patientUntilMs: 0,
    ...change,
  });
}

function brief(errand: Errand | null): string {
  if (errand === null) return "-";
  const version = errand.kind === "update" ? ` over ${errand.version}` : "";
  return `${errand.kind}${version} via ${errand.via} in ${errand.limitMs}`;
}

Deno.test("a release writes over the version of our last write and nothing else", () => {
  const giving = release();
  const errand = giving.errand(0, "now");
  assert.equal(brief(errand), "update over 7 via primary in 1000");
  assert(errand?.kind === "update");
  const times = { acquireTime: "now", renewTime: "now" };
  assert.deepEqual(errand.record, { ...RECORD, ...times, holder: "", durationSeconds: 1 });
  giving.answered(5, { outcome: "written", version: "8" });
  assert.equal(giving.outcome, "released");
  assert.equal(giving.errand(6, "now"), null);
});

Deno.test("on a conflict the Lease is read once, and released only if it is still ours (TestReleaseRetriesOnConflict)", () => {
  const giving = release();
  giving.answered(5, { outcome: "conflict" });
  assert.equal(brief(giving.errand(5, "now")), "read via primary in 1000");
  giving.answered(9, { outcome: "found", lease: { ...HELD, version: "9" } });
  assert.equal(brief(giving.errand(9, "now")), "update over 9 via primary in 1000");
  giving.answered(12, { outcome: "conflict" });
  assert.equal(giving.outcome, "not-ours");
});

Deno.test("the Lease of a successor, or one that is gone, is left alone (TestReleaseLease)", () => {
  for (const record of [{ ...RECORD, holder: "b" }, { ...RECORD, holder: "", mark: null }]) {
    const giving = release();
    giving.answered(5, { outcome: "conflict" });
    giving.answered(9, { outcome: "found", lease: { record, version: "9" } });
    assert.equal(giving.outcome, "not-ours");
    assert.equal(giving.errand(10, "now"), null);
  }
  const giving = release();
  giving.answered(5, { outcome: "conflict" });
  giving.answered(9, { outcome: "absent" });
  assert.equal(giving.outcome, "not-ours");
});

Deno.test("a release whose answer was lost is found to be done", () => {
  const giving = release();
  giving.answered(1000, FAILED);
  giving.answered(1001, { outcome: "conflict" });
  giving.answered(1002, {
    outcome: "found",
    lease: { record: { ...RECORD, holder: "", durationSeconds: 1 }, version: "8" },
  });
  assert.equal(giving.outcome, "released");
});

Deno.test("a server that does not answer is left for another, back and forth until two seconds are over", () => {
  const giving = release();
  giving.answered(1000, FAILED);
  assert.equal(brief(giving.errand(1000, "now")), "update over 7 via fallback in 1000");
  giving.answered(1100, FAILED);
  assert.equal(brief(giving.errand(1100, "now")), "-", "a pause before the round begins again");
  assert.equal(giving.deadline(1100), 1300);
  assert.equal(brief(giving.errand(1300, "now")), "update over 7 via primary in 700");
  giving.answered(1990, FAILED);
  giving.tick(1990);
  assert.equal(giving.outcome, "failed");
});

Deno.test("without another server the one there is gets all the time, again and again", () => {
  const giving = release({ hasFallback: false });
  assert.equal(brief(giving.errand(0, "now")), "update over 7 via primary in 2000");
  giving.answered(5, FAILED);
  assert.equal(brief(giving.errand(100, "now")), "-");
  assert.equal(brief(giving.errand(205, "now")), "update over 7 via primary in 1795");
});

Deno.test("a request under way is waited for; then its server counts as one that does not answer", () => {
  const giving = release({ patientUntilMs: 300 });
  assert.equal(brief(giving.errand(299, "now")), "-");
  assert.equal(giving.deadline(0), 300);
  assert.equal(brief(giving.errand(300, "now")), "update over 7 via fallback in 1000");
  const answered = release({ patientUntilMs: 300 });
  answered.proceed(50, { ...HELD, version: "8" }, "answered");
  assert.equal(brief(answered.errand(50, "now")), "update over 8 via primary in 1000");
  const silent = release({ patientUntilMs: 300 });
  silent.proceed(50, null, "silent");
  assert.equal(brief(silent.errand(50, "now")), "update over 7 via fallback in 1000");
  const elsewhere = release({ patientUntilMs: 300, via: "fallback" });
  assert.equal(brief(elsewhere.errand(300, "now")), "update over 7 via fallback in 1000");
});

Deno.test("what may be ours is read before it is released", () => {
  const giving = release({ held: null });
  assert.equal(brief(giving.errand(0, "now")), "read via primary in 1000");
  giving.answered(3, { outcome: "found", lease: HELD });
  assert.equal(brief(giving.errand(3, "now")), "update over 7 via primary in 1000");
});
