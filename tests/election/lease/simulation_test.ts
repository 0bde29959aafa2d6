import assert from "node:assert/strict";
import { Simulation } from "./simulation.ts";

/** `SEED` runs one, `SEEDS` that many. */
const ONE = Deno.env.get("SEED");
const SEEDS = Number(Deno.env.get("SEEDS") ?? 500);

Deno.test(`in ${SEEDS} random runs with faults at most one holds at any instant, and one does in the end`, () => {
  const first = ONE === undefined ? 1 : Number(ONE);
  const last = ONE === undefined ? SEEDS : first;
  let takes = 0;
  for (let seed = first; seed <= last; seed++) {
    const outcome = new Simulation(seed).run();
    takes += outcome.takes;
    const story = (): string => `seed ${seed}\n${outcome.log.slice(-400).join("\n")}`;
    assert.deepEqual(outcome.overlaps, [], story());
    assert.equal(outcome.ending, null, story());
  }
  assert(ONE !== undefined || takes > 5 * SEEDS, `only ${takes} holds began: the faults do not bite`);
});
