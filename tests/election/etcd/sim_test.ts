import assert from "node:assert/strict";
import { seedFromEnv } from "../../fakes/random.ts";
import { type SimReport, Simulation } from "./sim.ts";

const RUNS = 1000;
const TIMINGS = [{ ttlMs: 15_000, retryMs: 2000 }, { ttlMs: 5000, retryMs: 1000 }, { ttlMs: 3000, retryMs: 1000 }];

function simulate(seed: number): SimReport {
  const timing = TIMINGS[seed % TIMINGS.length] ?? { ttlMs: 5000, retryMs: 1000 };
  const run = { seed, nodes: 2 + seed % 3, ...timing, calmFromMs: 90_000, endMs: 150_000 };
  return new Simulation(run).run();
}

Deno.test(`in ${RUNS} simulated runs with faults two nodes never hold at once, and somebody holds in the end`, () => {
  const first = seedFromEnv(1);
  let [handovers, resumed, faults] = [0, 0, 0];
  for (let seed = first; seed < first + RUNS; seed++) {
    const report = simulate(seed);
    assert.deepEqual(report.overlaps, [], `SEED=${seed}`);
    assert.equal(report.holders.length, 1, `SEED=${seed}`);
    handovers += report.handovers;
    resumed += report.resumed;
    faults += report.faults;
  }
  // Runs in which nothing happens show nothing.
  assert.ok(faults > RUNS * 10, `${faults} faults`);
  assert.ok(handovers > RUNS, `${handovers} handovers`);
  assert.ok(resumed > RUNS / 4, `${resumed} places resumed`);
});
