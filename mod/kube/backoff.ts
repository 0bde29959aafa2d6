/** How long to wait before something that failed is tried again. */

import type { Random } from "../base/clock.ts";

/** First wait, and the longest: an API server that restarts is back in seconds, one that is gone is not asked all the time. */
const FIRST_MS = 250;
const LONGEST_MS = 15_000;

/** Grows by two with each failure in a row; half to one and a half times that, so that nodes do not come back all at once. */
export class Backoff {
  #failures = 0;

  constructor(private readonly random: Random) {}

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure. @returns milliseconds to wait */
  next(): number {
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    return this.spread(wait);
  }

  /** Around `delayMs`, by chance. */
  spread(delayMs: number): number {
    return delayMs * (0.5 + this.random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
