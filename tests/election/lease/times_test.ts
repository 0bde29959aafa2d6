import assert from "node:assert/strict";
import {
  durationSeconds,
  grantMs,
  type LeaseTimes,
  leaseTimesProblem,
  pollDelayMs,
  renewEveryMs,
} from "../../../mod/election/lease/times.ts";
import { LONG, SHORT } from "../../fakes/lease_cluster.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

function times(durationMs: number, renewDeadlineMs: number, retryMs: number): LeaseTimes {
  return { durationMs, renewDeadlineMs, retryMs };
}

Deno.test("times are refused where client-go refuses them (TestLeaderElectionConfigValidation)", () => {
  const cases: readonly (readonly [LeaseTimes, RegExp | null])[] = [
    [LONG, null],
    [SHORT, null],
    [times(15_000, 10_000, 2000), null],
    [times(10_000, 10_000, 2000), /leaseDuration must be greater than renewDeadline/],
    [times(9000, 10_000, 2000), /leaseDuration must be greater than renewDeadline/],
    [times(15_000, 2400, 2000), /renewDeadline must be greater than retryPeriod × 1.2/],
    [times(15_000, 2401, 2000), null],
    [times(0, -1, -2), /greater than zero/],
    [times(15_000, 0, 2000), /renewDeadline must be greater than zero/],
    [times(15_000, 10_000, 0), /retryPeriod must be greater than zero/],
    [times(900, 800, 100), /at least one second/],
    [times(NaN, 10_000, 2000), /leaseDuration/],
  ];
  for (const [given, problem] of cases) {
    const found = leaseTimesProblem(given);
    if (problem === null) assert.equal(found, null, JSON.stringify(given));
    else assert.match(found ?? "", problem, JSON.stringify(given));
  }
});

Deno.test("a grant is as long as client-go leads without a success, and leaves a second or two percent", () => {
  assert.equal(grantMs(LONG, 0), 12_000);
  assert.equal(grantMs(SHORT, 0), 4000);
  assert.equal(grantMs(times(15_000, 14_000, 2000), 0), 14_000);
  assert.equal(grantMs(times(100_000, 99_000, 2000), 0), 98_000);
  assert.equal(grantMs(SHORT, 1250), 2750);
  assert.equal(grantMs(times(1500, 1400, 1000), 0), null, "one second is written, and nothing is left of it");
  assert.equal(grantMs(times(2000, 1900, 1000), 600), null);
  assert.equal(durationSeconds(times(2999, 1900, 1000)), 2);
});

Deno.test("no grant outlives what others wait, with clocks 2 % apart", () => {
  const seed = seedFromEnv(7);
  const random = seededRandom(seed);
  for (let turn = 0; turn < 5000; turn++) {
    const retryMs = 100 + 20_000 * random();
    const renewDeadlineMs = retryMs * (1.21 + 5 * random());
    const given = times(Math.max(1000, renewDeadlineMs * (1.01 + random())), renewDeadlineMs, retryMs);
    const graceMs = 2000 * random();
    const grant = grantMs(given, graceMs);
    if (grant === null) continue;
    const waited = durationSeconds(given) * 1000;
    assert((grant + graceMs) * 1.02 <= waited, `seed ${seed}: ${JSON.stringify(given)} ${graceMs}`);
    assert(renewEveryMs(given, grant) < grant / 2, `seed ${seed}: two tries within a grant`);
  }
});

Deno.test("a candidate polls every 1 to 2.2 retry periods, as client-go's JitterUntil", () => {
  assert.equal(pollDelayMs(LONG, 0), 2000);
  assert.equal(pollDelayMs(LONG, 0.5), 3200);
  assert.equal(Math.round(pollDelayMs(LONG, 0.999999)), 4400);
});
