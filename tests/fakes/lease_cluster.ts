import { LeaseElector, type LeaseElectorOptions } from "../../mod/election/lease/elector.ts";
import type { LeaseTimes } from "../../mod/election/lease/times.ts";
import { VirtualClock } from "./clock.ts";
import { MemoryLease, MemoryLeaseStore } from "./lease_store.ts";
import { HoldLedger, Machine } from "./machine.ts";
import { settle } from "./raft_cluster.ts";
import { seededRandom } from "./random.ts";

/** Upstream's defaults, and those of its earlier versions. */
export const LONG: LeaseTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 };
export const SHORT: LeaseTimes = { durationMs: 5000, renewDeadlineMs: 3000, retryMs: 1000 };

/** A node's process. */
export interface LeaseNode {
  readonly machine: Machine;
  readonly store: MemoryLeaseStore;
  readonly fallback: MemoryLeaseStore;
  readonly elector: LeaseElector;
  /** Holders it was told of. */
  readonly leaders: (string | null)[];
}

/** Lease electors in virtual time around one Lease in memory, with one ledger over all their sinks. */
export class LeaseCluster {
  readonly clock = new VirtualClock();
  readonly ledger = new HoldLedger(this.clock);
  readonly lease = new MemoryLease();
  readonly #random: () => number;
  readonly #options: Partial<LeaseElectorOptions>;
  readonly #nodes = new Map<string, LeaseNode>();

  constructor(seed: number, options: Partial<LeaseElectorOptions> = {}) {
    this.#random = seededRandom(seed);
    this.#options = options;
  }

  make(id: string, more: Partial<LeaseElectorOptions> = {}): LeaseNode {
    const machine = new Machine(this.clock);
    const store = new MemoryLeaseStore(this.lease, this.clock, machine.clock);
    const fallback = new MemoryLeaseStore(this.lease, this.clock, machine.clock);
    const leaders: (string | null)[] = [];
    const elector = new LeaseElector({
      identity: id,
      mark: `lease:boot-${id}`,
      addresses: () => ["10.0.0.1"],
      times: SHORT,
      store,
      fallback,
      clock: machine.clock,
      wallNow: () => 1_767_323_045_000 + this.clock.now(),
      random: this.#random,
      sink: this.ledger.sink(id),
      fit: () => true,
      rival: () => true,
      graceMs: () => 0,
      preserveOnLoss: false,
      onLeader: (holder) => leaders.push(holder),
      ...this.#options,
      ...more,
    });
    const node = { machine, store, fallback, elector, leaders };
    this.#nodes.set(id, node);
    return node;
  }

  async start(id: string, more: Partial<LeaseElectorOptions> = {}): Promise<LeaseNode> {
    const node = this.make(id, more);
    await node.elector.start();
    return node;
  }

  node(id: string): LeaseNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  holders(scope = "10.0.0.1"): string[] {
    return this.ledger.holders(scope);
  }

  /** Lets time pass, and promises settle after every step of it. */
  async advance(ms: number, stepMs = 1): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await settle();
    }
  }

  /** Lets time pass until `condition`, at most `limitMs`; gives the time it took, Infinity if it never came. */
  async advanceUntil(condition: () => boolean, limitMs: number): Promise<number> {
    const start = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - start >= limitMs) return Infinity;
      await this.advance(1);
    }
    return this.clock.now() - start;
  }

  /** Lets time pass while `work` goes on, and gives its result. */
  async during<T>(work: Promise<T>, limitMs = 5000): Promise<T> {
    let over = false;
    const watched = work.finally(() => over = true);
    watched.catch(() => {});
    await this.advanceUntil(() => over, limitMs);
    if (!over) throw new Error(`not done after ${limitMs} ms`);
    return await watched;
  }

  async stopAll(): Promise<void> {
    const all = Promise.all([...this.#nodes.values()].map((node) => node.elector.stop()));
    await this.during(all, 20_000).catch(() => {});
    for (const { store, fallback } of this.#nodes.values()) {
      store.close();
      fallback.close();
    }
  }
}
