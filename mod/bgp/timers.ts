/** Timers as deadlines: nothing runs, the driver asks. Pure. */

import type { TimerName } from "./fsm_types.ts";

/** In which order timers that are due together fire: an end makes the rest needless. */
const ORDER: readonly TimerName[] = ["hold", "idle-hold", "connect-retry", "keepalive"];

/** The timers of one state machine. */
export class Timers {
  readonly #deadlines = new Map<TimerName, number>();

  /** Starts the timer, or starts it anew: due at `atMs`. */
  start(name: TimerName, atMs: number): void {
    this.#deadlines.set(name, atMs);
  }

  stop(name: TimerName): void {
    this.#deadlines.delete(name);
  }

  stopAll(): void {
    this.#deadlines.clear();
  }

  runs(name: TimerName): boolean {
    return this.#deadlines.has(name);
  }

  /** When the timer is due; null: it does not run. */
  deadline(name: TimerName): number | null {
    return this.#deadlines.get(name) ?? null;
  }

  /** The earliest deadline; null: no timer runs. */
  next(): number | null {
    let earliest: number | null = null;
    for (const atMs of this.#deadlines.values()) {
      if (earliest === null || atMs < earliest) earliest = atMs;
    }
    return earliest;
  }

  /** One timer that is due, which stops by that; null: none is. */
  takeDue(now: number): TimerName | null {
    for (const name of ORDER) {
      const atMs = this.#deadlines.get(name);
      if (atMs === undefined || atMs > now) continue;
      this.#deadlines.delete(name);
      return name;
    }
    return null;
  }
}

/** RFC 4271 §10: a timer of `ms`, made shorter by a factor between 0.75 and 1.0. */
export function jittered(ms: number, random: number): number {
  return ms * (0.75 + 0.25 * random);
}
