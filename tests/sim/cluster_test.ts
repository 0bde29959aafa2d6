import assert from "node:assert/strict";
import { runSeed } from "./cluster.ts";
import { Violation } from "./checks.ts";
import type { Canary } from "./member.ts";

/** One gate's worth; `deno task sim --seeds N --from K` runs more. */
const SEEDS = 2000;
const CHAOS_MS = 60_000;

Deno.test(`${SEEDS} random clusters keep every promise and recover when healed`, () => {
  const total = { leaderships: 0, commits: 0, grants: 0, handovers: 0, grantEnds: 0, faults: 0, simulatedMs: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const { seen, faults, simulatedMs } = runSeed(seed, { chaosMs: CHAOS_MS });
      for (const [what, count] of Object.entries({ ...seen, faults, simulatedMs })) {
        total[what as keyof typeof total] += count;
      }
    } catch (cause) {
      throw new Error(`seed ${seed}: deno task sim --seeds 1 --from ${seed} --seconds 60 --trace`, { cause });
    }
  }
  // A simulation in which nothing happens finds nothing.
  assert.ok(total.leaderships > 10 * SEEDS, `leaderships: ${total.leaderships}`);
  assert.ok(total.commits > 100 * SEEDS, `commits: ${total.commits}`);
  assert.ok(total.grants > 1000 * SEEDS, `grants: ${total.grants}`);
  assert.ok(total.handovers > SEEDS, `addresses taken over after the former holder's time-out: ${total.handovers}`);
  assert.ok(total.faults > 50 * SEEDS, `faults: ${total.faults}`);
});

Deno.test("a seed gives the same run again", () => {
  assert.deepEqual(runSeed(7, { chaosMs: 5000 }), runSeed(7, { chaosMs: 5000 }));
});

function seedsUntilCaught(canary: Canary, limit: number): { readonly seed: number; readonly promise: string } {
  for (let seed = 1; seed <= limit; seed++) {
    try {
      runSeed(seed, { chaosMs: CHAOS_MS, canary });
    } catch (cause) {
      assert.ok(cause instanceof Violation, String(cause));
      return { seed, promise: cause.message };
    }
  }
  throw new Error(`${JSON.stringify(canary)} was not noticed in ${limit} seeds`);
}

const OVERLAP = /^grants of one address never overlap/;
const CANARIES: readonly { readonly name: string; readonly canary: Canary; readonly promise: RegExp }[] = [
  { name: "voters ignore the lease of a leader they hear", canary: { forgeRelease: true }, promise: OVERLAP },
  { name: "the kernel holds 60 ms longer than granted", canary: { holdLongerMs: 60 }, promise: OVERLAP },
  { name: "replies leave before the kernel has let go", canary: { sendBeforeDeny: true }, promise: OVERLAP },
  { name: "the disk forgets what it called durable", canary: { forgetfulDisk: true }, promise: /./ },
];

for (const { name, canary, promise } of CANARIES) {
  Deno.test(`the simulator notices when ${name}`, () => {
    assert.match(seedsUntilCaught(canary, 400).promise, promise);
  });
}
