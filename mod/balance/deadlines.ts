/**
 * Deadlines for many connections on one timer. Moving a deadline, which happens with every read, is one assignment; the
 * set looks through its members from time to time. A deadline fires late by at most the granularity, never early.
 */
import type { Clock, Timer } from "../base/clock.ts";

/** The moment at which one thing has to be over. */
export interface Deadline {
  /** Fires `delayMs` from now instead of whenever it would have; calls `onExpired`. */
  in(delayMs: number, onExpired: () => void): void;
  /** Fires no more until set again. */
  clear(): void;
  /** Ends it; the set forgets it. */
  remove(): void;
}

class Entry implements Deadline {
  atMs = Infinity;
  onExpired: (() => void) | null = null;
  readonly #clock: Clock;
  readonly #remove: (entry: Entry) => void;

  constructor(clock: Clock, remove: (entry: Entry) => void) {
    this.#clock = clock;
    this.#remove = remove;
  }

  in(delayMs: number, onExpired: () => void): void {
    this.atMs = this.#clock.now() + delayMs;
    this.onExpired = onExpired;
  }

  clear(): void {
    this.atMs = Infinity;
    this.onExpired = null;
  }

  remove(): void {
    this.clear();
    this.#remove(this);
  }
}

/** Owns the deadlines of one balancer; its timer runs only while it has members. */
export class DeadlineSet {
  readonly #clock: Clock;
  readonly #granularityMs: number;
  readonly #entries = new Set<Entry>();
  #timer: Timer | null = null;

  constructor(clock: Clock, granularityMs: number) {
    this.#clock = clock;
    this.#granularityMs = granularityMs;
  }

  /** How many deadlines exist: zero when everything that had one has ended. */
  get size(): number {
    return this.#entries.size;
  }

  /** Makes a deadline that is not set yet. */
  add(): Deadline {
    const entry = new Entry(this.#clock, (gone) => this.#remove(gone));
    this.#entries.add(entry);
    this.#arm();
    return entry;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#entries.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    if (this.#timer === null && this.#entries.size > 0) {
      this.#timer = this.#clock.after(this.#granularityMs, () => this.#sweep());
    }
  }

  #sweep(): void {
    this.#timer = null;
    const nowMs = this.#clock.now();
    for (const entry of [...this.#entries]) {
      if (entry.atMs > nowMs) continue;
      const fire = entry.onExpired;
      entry.clear();
      fire?.();
    }
    this.#arm();
  }
}
