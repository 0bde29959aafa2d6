import type { Clock, Timer } from "../base/clock.ts";

/** The real clock: `performance.now()` is CLOCK_MONOTONIC in Deno. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs: number, fire: () => void): Timer {
    const id = setTimeout(fire, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(id) };
  },
};
