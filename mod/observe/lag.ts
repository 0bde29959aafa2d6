/**
 * How late the event loop runs its timers. Work that keeps it busy, a starved processor and a stopped process all show here: a loop
 * that stands still renews nothing.
 */

import type { Clock, Timer } from "../base/clock.ts";
import { getLog } from "./log.ts";

const log = getLog("observe");

/** Timers are looked at this often. */
const TICK_MS = 250;
/** The largest lag is kept for each of these spans, so that "within the last minute" needs little memory. */
const SPAN_MS = 5000;
const SPANS = 12;

/** What was measured. Times in milliseconds. */
export interface LagReport {
  /** Of the tick before, or of the one that is due, if that is more. */
  readonly lastMs: number;
  /** Within the last minute; of a loop that stands still, as far as it goes. */
  readonly largestMs: number;
  /** Ticks later than {@link LoopLagOptions.stallMs}, since the start. */
  readonly stalls: number;
}

export interface LoopLagOptions {
  readonly clock: Clock;
  /** A tick that is later than this is a stall: counted, and logged. A quarter of the renew deadline is too long to lose. */
  readonly stallMs: number;
}

/** Measures until it is closed. */
export class LoopLag {
  readonly #options: LoopLagOptions;
  /** Largest lag by number of span, newest last, {@link SPANS} + 1 at most (the oldest is partly outside of the minute). */
  #spans: { readonly span: number; readonly largestMs: number }[] = [];
  #timer: Timer | null = null;
  #dueMs = 0;
  #lastMs = 0;
  #stalls = 0;

  constructor(options: LoopLagOptions) {
    this.#options = options;
  }

  /** Begins to measure. Idempotent. */
  start(): void {
    if (this.#timer === null) this.#schedule();
  }

  /** Ends the timer. Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  report(): LagReport {
    const now = this.#options.clock.now();
    const pendingMs = this.#timer === null ? 0 : Math.max(0, now - this.#dueMs);
    const largestMs = Math.max(pendingMs, ...this.#spans.map((span) => span.largestMs));
    return { lastMs: Math.max(this.#lastMs, pendingMs), largestMs, stalls: this.#stalls };
  }

  #schedule(): void {
    this.#dueMs = this.#options.clock.now() + TICK_MS;
    this.#timer = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const now = this.#options.clock.now();
    this.#lastMs = Math.max(0, now - this.#dueMs);
    this.#note(Math.floor(now / SPAN_MS), this.#lastMs);
    if (this.#lastMs > this.#options.stallMs) {
      this.#stalls += 1;
      log.warning("the event loop stood still", { lagMs: Math.round(this.#lastMs), stalls: this.#stalls });
    }
    this.#schedule();
  }

  #note(span: number, lagMs: number): void {
    const newest = this.#spans.at(-1);
    if (newest?.span === span) {
      this.#spans[this.#spans.length - 1] = { span, largestMs: Math.max(newest.largestMs, lagMs) };
      return;
    }
    this.#spans = [...this.#spans.filter((old) => old.span >= span - SPANS), { span, largestMs: lagMs }];
  }
}
