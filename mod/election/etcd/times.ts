/** The times of an etcd election and what follows from them. Pure. */

/** What two clocks may differ in rate. */
const CLOCK_RATE = 0.02;
/** Between the end of a grant and the first moment at which etcd may let the lease run out. */
const LEAST_CLEARANCE_MS = 1000;
/** Below this a grant would end before its renewal can be expected. */
const LEAST_GRANT_MS = 500;
/** A candidate looks at least this often: the watch it relies on may be dead without a sign. */
const LONGEST_POLL_MS = 1000;
/** One request may take this long, unless the lease is short. */
const REQUEST_MS = 2000;
/** The share of a grant that one request may take: a second try at another endpoint has to fit in as well. */
const REQUEST_SHARE = 0.4;
const LEAST_REQUEST_MS = 200;
/** The first retry goes to another endpoint: soon, but not in a tight loop. */
const LEAST_BACKOFF_MS = 50;

export interface EtcdTimes {
  /** The lease's time to live; etcd counts whole seconds. */
  readonly ttlMs: number;
  readonly retryMs: number;
}

/** What etcd is asked for: whole seconds, cut off as upstream does, at least one. etcd may give more. */
export function ttlSeconds(times: EtcdTimes): number {
  return Math.max(1, Math.floor(times.ttlMs / 1000));
}

/**
 * How long a lease that was kept alive lets its owner hold, counted from the *start* of the keep-alive.
 *
 * etcd counts from the moment at which its leader handled the request, which is later; it ends leases late rather than early, and a new
 * leader of etcd extends them all. A holder whose clock is 2 % slow still ends in time, and one second remains for what the kernel needs.
 * @param graceMs how much longer than its grant this machine may answer (0 where the kernel ends holds by itself)
 * @returns null: with these times no hold could be kept
 */
export function grantMs(times: EtcdTimes, graceMs: number): number | null {
  const leaseMs = ttlSeconds(times) * 1000;
  const earned = leaseMs - Math.max(LEAST_CLEARANCE_MS, CLOCK_RATE * leaseMs) - graceMs;
  return earned >= LEAST_GRANT_MS ? earned : null;
}

/** A lease is kept alive this often: as clientv3 does, more often only where grants are too short for it. */
export function keepEveryMs(times: EtcdTimes, grant: number | null): number {
  return Math.min(ttlSeconds(times) * 1000, grant ?? Infinity) / 3;
}

/** How long one request may take. */
export function requestLimitMs(grant: number | null): number {
  return Math.min(REQUEST_MS, Math.max(LEAST_REQUEST_MS, REQUEST_SHARE * (grant ?? REQUEST_MS)));
}

/** … and a keep-alive, which everything hangs on: a slow etcd must not end a hold. */
export function keepLimitMs(times: EtcdTimes, grant: number | null): number {
  return Math.max(LEAST_REQUEST_MS, REQUEST_SHARE * (grant ?? times.retryMs));
}

/** When to look next, if the watch says nothing. */
export function pollMs(times: EtcdTimes, holding: boolean): number {
  return holding ? times.retryMs : Math.min(times.retryMs, LONGEST_POLL_MS);
}

/** The pause after so many failures in a row: doubled each time, by chance half as long, never so long that a grant runs out. */
export function backoffMs(times: EtcdTimes, state: { readonly failures: number; readonly chance: number }): number {
  const most = Math.min(times.retryMs, ttlSeconds(times) * 1000 / 8);
  const pause = Math.min(most, LEAST_BACKOFF_MS * 2 ** Math.min(state.failures - 1, 20));
  return pause * (0.5 + state.chance / 2);
}
