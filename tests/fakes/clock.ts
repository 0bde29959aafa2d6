import type { Clock, Timer } from "../../mod/base/clock.ts";

/** Virtual time: stands still until {@link VirtualClock.advance} moves it, firing timers in order on the way. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #nextId = 1;
  readonly #timers = new Map<number, { atMs: number; fire: () => void }>();

  constructor(startMs = 1000) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const id = this.#nextId++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), fire });
    return { cancel: () => void this.#timers.delete(id) };
  }

  /** Timers that have not fired yet: zero after an owner has stopped. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time forward, firing every timer that falls due, in order of its moment and then of its making. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#earliest(untilMs);
      if (next === null) break;
      this.#timers.delete(next.id);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
    }
    this.#nowMs = untilMs;
  }

  #earliest(untilMs: number): { id: number; atMs: number; fire: () => void } | null {
    let best: { id: number; atMs: number; fire: () => void } | null = null;
    for (const [id, timer] of this.#timers) {
      if (timer.atMs <= untilMs && (best === null || timer.atMs < best.atMs)) best = { id, ...timer };
    }
    return best;
  }
}
