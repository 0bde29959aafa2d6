import assert from "node:assert/strict";
import {
  backoffMs,
  grantMs,
  keepEveryMs,
  keepLimitMs,
  pollMs,
  requestLimitMs,
  ttlSeconds,
} from "../../../mod/election/etcd/times.ts";

const DEFAULT = { ttlMs: 15_000, retryMs: 2000 };
const SHORT = { ttlMs: 5000, retryMs: 1000 };

Deno.test("etcd is asked for whole seconds, cut off, and at least one", () => {
  const cases: readonly (readonly [number, number])[] = [[15_000, 15], [5999, 5], [1000, 1], [10, 1]];
  for (const [ttlMs, seconds] of cases) assert.equal(ttlSeconds({ ttlMs, retryMs: 1000 }), seconds);
});

Deno.test("a grant ends a second, or 2 %, before the lease may; less what the machine may answer longer", () => {
  const cases: readonly (readonly [number, number, number | null])[] = [
    [15_000, 0, 14_000],
    [5000, 0, 4000],
    [100_000, 0, 98_000],
    [15_000, 3500, 10_500],
    [2000, 0, 1000],
    [1000, 0, null],
    [5000, 3600, null],
  ];
  for (const [ttlMs, graceMs, wanted] of cases) {
    assert.equal(grantMs({ ttlMs, retryMs: 1000 }, graceMs), wanted, `${ttlMs} ${graceMs}`);
  }
});

Deno.test("two keep-alives that hang fit into a grant that was renewed on time", () => {
  for (const times of [DEFAULT, SHORT, { ttlMs: 3000, retryMs: 500 }]) {
    const grant = grantMs(times, 0) ?? 0;
    assert.ok(keepEveryMs(times, grant) + keepLimitMs(times, grant) < grant, `${times.ttlMs}`);
    assert.ok(keepEveryMs(times, grant) <= grant / 3);
    assert.ok(requestLimitMs(grant) <= 0.4 * grant);
  }
  assert.equal(requestLimitMs(14_000), 2000);
  assert.equal(requestLimitMs(null), 800);
  assert.equal(keepEveryMs(DEFAULT, null), 5000);
});

Deno.test("candidates look every second, holders every retry period", () => {
  assert.equal(pollMs(DEFAULT, false), 1000);
  assert.equal(pollMs(DEFAULT, true), 2000);
  assert.equal(pollMs({ ttlMs: 3000, retryMs: 500 }, false), 500);
});

Deno.test("pauses double up to the retry period or an eighth of the lease, and are up to half as long by chance", () => {
  const at = (failures: number, chance: number): number => backoffMs(DEFAULT, { failures, chance });
  assert.deepEqual([1, 2, 3, 6, 7, 1000].map((failures) => at(failures, 1)), [50, 100, 200, 1600, 1875, 1875]);
  assert.equal(at(1, 0), 25);
  assert.equal(backoffMs({ ttlMs: 15_000, retryMs: 500 }, { failures: 9, chance: 1 }), 500);
});
