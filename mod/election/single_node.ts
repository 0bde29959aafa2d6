import type { Clock, Timer } from "../base/clock.ts";
import type { Elector, GrantSink } from "./elector.ts";
import type { Timing } from "./raft/types.ts";

/**
 * A single node's lease is at least this long: nobody waits for it to end, so it need not end quickly, and a process that is held up
 * for a moment does not drop an address that nobody else would take.
 */
const LEAST_LEASE_MS = 2000;

/**
 * `singleNode`: no peers, no network. This machine holds every address as long as it runs, still in leases, so that a process that
 * hangs lets go. Nothing keeps a second machine from doing the same.
 */
export class SingleNode implements Elector {
  readonly #options: {
    readonly addresses: readonly string[];
    readonly timing: Timing;
    readonly clock: Clock;
    readonly sink: GrantSink;
    readonly leastLeaseMs?: number;
  };
  #timer: Timer | null = null;
  #state: "new" | "running" | "stopped" = "new";

  constructor(options: {
    readonly addresses: readonly string[];
    readonly timing: Timing;
    readonly clock: Clock;
    readonly sink: GrantSink;
    /** Longer than routers keep the routes of a process that restarts. @default {2000} */
    readonly leastLeaseMs?: number;
  }) {
    this.#options = options;
  }

  start(): Promise<void> {
    if (this.#state === "new") {
      this.#state = "running";
      this.#renew();
    }
    return Promise.resolve();
  }

  stop(): Promise<void> {
    if (this.#state === "running") {
      this.#timer?.cancel();
      this.#options.sink.revoked(this.#options.addresses, "stopping");
    }
    this.#state = "stopped";
    return Promise.resolve();
  }

  #renew(): void {
    const { addresses, timing, clock, sink, leastLeaseMs = LEAST_LEASE_MS } = this.#options;
    const leaseMs = Math.max(timing.leaseMs, leastLeaseMs);
    const validUntil = clock.now() + leaseMs;
    // Soon, so that a process that is killed leaves almost all of a long lease behind.
    this.#timer = clock.after(Math.min(leaseMs, LEAST_LEASE_MS) / 4, () => this.#renew());
    sink.granted(addresses.map((scope) => ({ scope, epoch: 1, validUntil })));
  }
}
