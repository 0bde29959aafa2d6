import type { Clock } from "../../base/clock.ts";

interface Waiter {
  readonly condition: () => boolean;
  readonly done: () => void;
}

/** Lets tasks wait for a condition on something that changes in turns; the owner calls {@link check} after each. */
export class Waiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when `condition` holds, after `limitMs` at the latest. */
  until(condition: () => boolean, limitMs: number): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(limitMs, () => waiter.done());
      const waiter: Waiter = {
        condition,
        done: () => {
          timer.cancel();
          this.#waiting.delete(waiter);
          resolve();
        },
      };
      this.#waiting.add(waiter);
    });
  }

  /** Lets go those whose condition holds now. */
  check(): void {
    for (const waiter of [...this.#waiting]) if (waiter.condition()) waiter.done();
  }
}
