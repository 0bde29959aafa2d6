/** The times of a Lease election and what follows from them. Pure. */

/** As client-go names them: LeaseDuration, RenewDeadline, RetryPeriod. */
export interface LeaseTimes {
  readonly durationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** client-go's JitterFactor: a candidate polls every retry × (1 … 2.2). */
export const JITTER_FACTOR = 1.2;

/** What two clocks may differ in rate. */
const CLOCK_RATE = 0.02;
/** Between the end of a grant and the first moment at which another may take the Lease. */
const LEAST_CLEARANCE_MS = 1000;
/** Below this a grant would end before its renewal can be expected. */
const LEAST_GRANT_MS = 500;
/** A part of a request's worst case is kept for a second try: over a new connection, when the first hangs. */
const REQUEST_SHARE = 0.6;

/** Why client-go would refuse these times, or null. */
export function leaseTimesProblem(times: LeaseTimes): string | null {
  const { durationMs, renewDeadlineMs, retryMs } = times;
  if (!(retryMs >= 1)) return "retryPeriod must be greater than zero";
  if (!(renewDeadlineMs >= 1)) return "renewDeadline must be greater than zero";
  if (!(durationMs >= 1000)) return "leaseDuration must be at least one second";
  if (!(durationMs > renewDeadlineMs)) return "leaseDuration must be greater than renewDeadline";
  if (!(renewDeadlineMs > JITTER_FACTOR * retryMs)) return "renewDeadline must be greater than retryPeriod × 1.2";
  return null;
}

/** What is written into the Lease: whole seconds, cut off as client-go does. */
export function durationSeconds(times: LeaseTimes): number {
  return Math.floor(times.durationMs / 1000);
}

/**
 * How long one successful write lets its writer hold, counted from the *start* of the write.
 *
 * Others may take the Lease `durationSeconds` after they saw the record, and they cannot see it before the write began. A holder whose
 * clock is 2 % slow still ends in time, and one second remains for what the kernel needs. Not longer than client-go leads without a
 * success either, so that the two kinds of holder behave alike.
 * @param graceMs how much longer than its grant this machine may answer (0 where the kernel ends holds by itself)
 * @returns null: with these times no hold could be kept
 */
export function grantMs(times: LeaseTimes, graceMs: number): number | null {
  const written = durationSeconds(times) * 1000;
  const longest = written - Math.max(LEAST_CLEARANCE_MS, CLOCK_RATE * written);
  const earned = Math.min(longest, times.retryMs + times.renewDeadlineMs) - graceMs;
  return earned >= LEAST_GRANT_MS ? earned : null;
}

/** A holder renews this often: client-go's period, more often only where grants are too short for it. */
export function renewEveryMs(times: LeaseTimes, grant: number): number {
  return Math.min(times.retryMs, grant / 3);
}

/** How long one request may take. */
export function requestLimitMs(times: LeaseTimes): number {
  return times.renewDeadlineMs * REQUEST_SHARE;
}

/** When a candidate looks next. */
export function pollDelayMs(times: LeaseTimes, chance: number): number {
  return times.retryMs * (1 + JITTER_FACTOR * chance);
}

/** For so long a node that gave the Lease away, or could not use it, leaves it to others: upstream's slowest poll, and some. */
export function standAsideMs(times: LeaseTimes): number {
  return times.retryMs * (1 + JITTER_FACTOR) + 500;
}

/** Whoever holds has renewed, or missed a renewal, after this. */
export function missedRenewalMs(times: LeaseTimes): number {
  return times.retryMs * 1.5;
}
