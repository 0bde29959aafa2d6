import type { Random } from "../../mod/base/clock.ts";

/** A seeded generator (mulberry32): the same seed gives the same run on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** The seed for a randomised test: `SEED` from the environment, or `fallback`; print it in every failure message. */
export function seedFromEnv(fallback: number): number {
  const given = Deno.env.get("SEED");
  return given === undefined ? fallback : Number(given);
}
