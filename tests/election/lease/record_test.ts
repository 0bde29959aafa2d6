import assert from "node:assert/strict";
import {
  claimRecord,
  isFree,
  looksReleased,
  microTime,
  releaseRecord,
  sameRecord,
} from "../../../mod/election/lease/record.ts";
import type { LeaseRecord } from "../../../mod/election/lease/store.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

const HELD: LeaseRecord = {
  holder: "b",
  durationSeconds: 15,
  acquireTime: "then",
  renewTime: "later",
  transitions: 4,
  mark: "lease:2",
};
const SELF = { identity: "a", mark: "lease:1", durationSeconds: 5, time: "now" };

Deno.test("a Lease is created with 0 transitions, taken over with one more, renewed with the same", () => {
  const common = { holder: "a", durationSeconds: 5, renewTime: "now", mark: "lease:1" };
  assert.deepEqual(claimRecord(null, SELF), { ...common, acquireTime: "now", transitions: 0 });
  assert.deepEqual(claimRecord(HELD, SELF), { ...common, acquireTime: "now", transitions: 5 });
  assert.deepEqual(claimRecord({ ...HELD, holder: "" }, SELF), { ...common, acquireTime: "now", transitions: 5 });
  assert.deepEqual(claimRecord({ ...HELD, holder: "a" }, SELF), { ...common, acquireTime: "then", transitions: 4 });
  assert.equal(claimRecord({ ...HELD, holder: "a", acquireTime: "" }, SELF).acquireTime, "now");
});

Deno.test("a release leaves no holder, one second, times of now, and the transitions (TestReleaseLease)", () => {
  const released = releaseRecord(HELD, { mark: "lease:1", time: "now" });
  const expected = { holder: "", durationSeconds: 1, acquireTime: "now", renewTime: "now", transitions: 4 };
  assert.deepEqual(released, { ...expected, mark: "lease:1" });
  assert(looksReleased(released));
  assert(!looksReleased({ ...HELD, holder: "" }), "blanked by hand");
  assert(!looksReleased({ ...HELD, durationSeconds: 1 }), "held");
});

Deno.test("records are the same if every field is", () => {
  assert(sameRecord(HELD, { ...HELD }));
  assert(sameRecord(null, null));
  assert(!sameRecord(HELD, null));
  assert(!sameRecord(null, HELD));
  const others: readonly Partial<LeaseRecord>[] = [
    { holder: "c" },
    { durationSeconds: 1 },
    { acquireTime: "x" },
    { renewTime: "x" },
    { transitions: 5 },
    { mark: null },
  ];
  for (const change of others) assert(!sameRecord(HELD, { ...HELD, ...change }), JSON.stringify(change));
  assert(isFree(null) && isFree({ ...HELD, holder: "" }) && !isFree(HELD));
});

Deno.test("MicroTime is what the calendar says", () => {
  assert.equal(microTime(1_767_323_045_000, 6), "2026-01-02T03:04:05.000006Z");
  assert.equal(microTime(0, 0), "1970-01-01T00:00:00.000000Z");
  assert.equal(microTime(951_782_400_000 + 86_399_999.9, 999), "2000-02-29T23:59:59.999999Z");
  const seed = seedFromEnv(3);
  const random = seededRandom(seed);
  for (let turn = 0; turn < 20_000; turn++) {
    const ms = Math.floor(random() * 4e12);
    assert.equal(microTime(ms, 0), new Date(ms).toISOString().replace("Z", "000Z"), `seed ${seed}: ${ms}`);
  }
});
