/** The names, labels and descriptions of every metric there is. */

import { Counter, Gauge, Histogram, Registry } from "@kube-vip/metrics";

/** Labels. A Lease goes by its name, an address by its canonical text. */
export const NODE = "node";
export const LEASE = "lease_name";
export const ADDRESS = "address";

/** Seconds. Peers mode takes a quarter of a second, a Lease of 15 s up to 16. */
const TAKEOVER_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 60];

/** Values by labels: all of a metric. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Sets all series of a metric; those that are not named end. */
export function replace(metric: Gauge | Counter, samples: readonly Sample[]): void {
  metric.reset();
  for (const [labels, value] of samples) metric.inc(labels, value);
}

/** One of each, in a registry of its own. */
export class Instruments {
  readonly registry = new Registry();

  // Upstream's, with its labels.
  readonly buildInfo = this.#gauge(
    "kube_vip_build_info",
    "Constant 1; the labels say what runs here",
    ["version", "build", NODE],
  );
  readonly isLeader = this.#gauge("kube_vip_is_leader", "1 while this node leads the Lease", [NODE, LEASE]);
  readonly transitions = this.#counter(
    "kube_vip_leader_election_transitions_total",
    "How often this node began to lead the Lease",
    [LEASE],
  );

  readonly holding = this.#gauge("kube_vip_holding", "1 while this node answers for the address", [ADDRESS]);
  readonly changes = this.#counter(
    "kube_vip_hold_changes_total",
    "How often this node began or ceased to answer for the address",
    [ADDRESS],
  );
  readonly remaining = this.#gauge(
    "kube_vip_grant_remaining_seconds",
    "The right to answer for the address ends then without a renewal; absent without a right",
    [ADDRESS],
  );
  readonly conflicts = this.#counter(
    "kube_vip_address_conflicts_total",
    "Claims of other machines that were seen while the address was held here",
    [ADDRESS],
  );
  readonly takeover = new Histogram({
    name: "kube_vip_takeover_seconds",
    help: "Time from the grant of an address until it was announced from here",
    buckets: TAKEOVER_BUCKETS,
    registers: [this.registry],
  });
  readonly lastSuccess = this.#gauge(
    "kube_vip_election_last_success_seconds",
    "Time since the election last read or wrote what it lives on; +Inf if it never did",
    [LEASE],
  );
  readonly healthy = this.#gauge(
    "kube_vip_healthy",
    "1 while the health of this node lets it hold addresses, 0 while not; absent until that is known",
  );
  readonly lag = this.#gauge("kube_vip_event_loop_lag_seconds", "How late the event loop ran its last timer");
  readonly lagMax = this.#gauge(
    "kube_vip_event_loop_lag_max_seconds",
    "How late the event loop ran a timer at the most, within the last minute",
  );
  readonly stalls = this.#counter(
    "kube_vip_event_loop_stalls_total",
    "How often the event loop stood still for too long",
  );

  // What Prometheus clients of all languages have.
  readonly cpu = this.#counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  readonly resident = this.#gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  readonly started = this.#gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
  );
  readonly openFiles = this.#gauge("process_open_fds", "Number of open file descriptors.");
  readonly maxFiles = this.#gauge("process_max_fds", "Maximum number of open file descriptors.");

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}
