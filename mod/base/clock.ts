/**
 * Time and chance as arguments: pure code receives `now` and `random`, drivers receive a {@link Clock}.
 * Only `mod/runtime/` knows the real ones.
 */

/** A timer that has been started and can be taken back. */
export interface Timer {
  /** Stops the timer; calling it twice, or after it has fired, does nothing. */
  cancel(): void;
}

/** The monotonic clock of this machine and the timers that run on it. */
export interface Clock {
  /** Milliseconds on CLOCK_MONOTONIC; never steps, stands still while the whole machine is suspended. */
  now(): number;
  /** Calls `fire` once, not before `delayMs` have passed. */
  after(delayMs: number, fire: () => void): Timer;
}

/** A number in [0, 1). */
export type Random = () => number;
