/**
 * What Prometheus is told: counted as it happens, or looked up when somebody asks. Loaded only where metrics are on
 * ({@link file://./load_metrics.ts}).
 */

import { BalancerInstruments } from "./balancer_instruments.ts";
import { ADDRESS, Instruments, LEASE, NODE, replace, type Sample } from "./instruments.ts";
import type { LagReport } from "./lag.ts";
import type { ProcessFacts } from "./process_facts.ts";
import { RoutingInstruments } from "./routing_instruments.ts";
import type { BalancerReport, RoutingStatus } from "./status_types.ts";

/** Addresses and Leases that are counted at a time; the one silent for longest makes room. Addresses behind names come and go. */
const MAX_NAMES = 64;

/** One address, as a holder shows it: its `HoldStatus` fits. */
export interface HoldSample {
  readonly ip: string;
  readonly heldHere: boolean;
  /** The right to hold ends then without a renewal; null: no right. */
  readonly validForMs: number | null;
  readonly conflictsSeen: number;
}

/** One election. */
export interface ElectionSample {
  readonly leaseName: string;
  /** Since its last read or write that succeeded; null: never. */
  readonly goodAgoMs: number | null;
}

/** What is looked up at a scrape. */
export interface MetricsSnapshot {
  readonly holds: readonly HoldSample[];
  readonly elections: readonly ElectionSample[];
  readonly lag: LagReport;
  readonly routing: RoutingStatus;
  readonly balancers: readonly BalancerReport[];
  /** Whether this node may hold as far as its own health goes; null: not known yet. */
  readonly healthy: boolean | null;
}

export interface MetricsOptions {
  readonly version: string;
  /** Commit. */
  readonly build: string;
  readonly node: string;
  readonly process: () => ProcessFacts;
}

/** One set of metrics; nothing outside of it is touched. */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #instruments = new Instruments();
  readonly #leading = new Bounded<{ readonly leading: boolean; readonly transitions: number }>();
  readonly #changes = new Bounded<number>();
  /** null: no mode has told of routers yet. */
  #routing: RoutingInstruments | null = null;
  /** null: there was no load balancer yet. */
  #balancers: BalancerInstruments | null = null;
  #source: (() => MetricsSnapshot) | null = null;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const { version, build, node } = options;
    this.#instruments.buildInfo.set({ version, build, [NODE]: node }, 1);
  }

  /** Of the page. */
  get contentType(): string {
    return this.#instruments.registry.contentType;
  }

  /** This node begins or ceases to lead a Lease. To be called once at the start, too, so that the metric is there. */
  leader(leaseName: string, leading: boolean): void {
    const before = this.#leading.get(leaseName) ?? { leading: false, transitions: 0 };
    const began = leading && !before.leading ? 1 : 0;
    this.#leading.set(leaseName, { leading, transitions: before.transitions + began });
  }

  /** An address answers here from now on. */
  held(ip: string): void {
    this.#countChange(ip);
  }

  /** An address does not answer here any more. */
  released(ip: string): void {
    this.#countChange(ip);
  }

  /** An address was taken over, and that took so long; the three together are what a `HoldListener` hears. */
  announced(_ip: string, takeoverMs: number): void {
    this.#instruments.takeover.observe(takeoverMs / 1000);
  }

  /** Where the rest is looked up at each scrape. */
  source(snapshot: () => MetricsSnapshot): void {
    this.#source = snapshot;
  }

  /** The page, in Prometheus's text format 0.0.4. */
  text(): Promise<string> {
    // Whoever is asked may find that something has ended of which it was never told.
    const state = this.#source?.() ?? null;
    this.#collectProcess();
    this.#collectLeading();
    if (state !== null) this.#collectState(state);
    return this.#instruments.registry.metrics();
  }

  #countChange(ip: string): void {
    this.#changes.set(ip, (this.#changes.get(ip) ?? 0) + 1);
  }

  #collectProcess(): void {
    const facts = this.#options.process();
    const { cpu, resident, started, openFiles, maxFiles } = this.#instruments;
    replace(cpu, [[{}, facts.cpuSeconds]]);
    resident.set(facts.residentBytes);
    started.set(facts.startSeconds);
    openFiles.set(facts.openFiles);
    maxFiles.set(facts.maxFiles);
  }

  #collectLeading(): void {
    const states = this.#leading.entries();
    const { node } = this.#options;
    replace(
      this.#instruments.isLeader,
      states.map(([name, { leading }]) => [{ [NODE]: node, [LEASE]: name }, leading ? 1 : 0]),
    );
    replace(this.#instruments.transitions, states.map(([name, { transitions }]) => [{ [LEASE]: name }, transitions]));
  }

  #collectState({ holds, elections, lag, routing, balancers, healthy }: MetricsSnapshot): void {
    const instruments = this.#instruments;
    const known = holds.slice(0, MAX_NAMES);
    const each = (value: (hold: HoldSample) => number | null): Sample[] =>
      known.flatMap((hold) => {
        const measured = value(hold);
        return measured === null ? [] : [[{ [ADDRESS]: hold.ip }, measured]];
      });
    replace(instruments.holding, each((hold) => hold.heldHere ? 1 : 0));
    replace(instruments.conflicts, each((hold) => hold.conflictsSeen));
    replace(instruments.changes, each((hold) => this.#changes.get(hold.ip) ?? 0));
    replace(instruments.remaining, each((hold) => seconds(hold.validForMs)));
    replace(
      instruments.lastSuccess,
      elections.slice(0, MAX_NAMES).map((one) => [{ [LEASE]: one.leaseName }, seconds(one.goodAgoMs) ?? Infinity]),
    );
    if (routing.bgp.length + routing.routes.length > 0) {
      this.#routing ??= new RoutingInstruments(instruments.registry);
    }
    this.#routing?.collect(routing);
    if (balancers.length > 0) this.#balancers ??= new BalancerInstruments(instruments.registry);
    this.#balancers?.collect(balancers);
    instruments.lag.set(lag.lastMs / 1000);
    instruments.lagMax.set(lag.largestMs / 1000);
    replace(instruments.stalls, [[{}, lag.stalls]]);
    if (healthy === null) instruments.healthy.remove();
    else instruments.healthy.set(healthy ? 1 : 0);
  }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

/** What was noted last for each name, of the names noted last. */
class Bounded<T> {
  readonly #byName = new Map<string, T>();

  get(name: string): T | undefined {
    return this.#byName.get(name);
  }

  set(name: string, value: T): void {
    this.#byName.delete(name);
    this.#byName.set(name, value);
    for (const oldest of this.#byName.keys()) {
      if (this.#byName.size <= MAX_NAMES) break;
      this.#byName.delete(oldest);
    }
  }

  entries(): [string, T][] {
    return [...this.#byName];
  }
}
