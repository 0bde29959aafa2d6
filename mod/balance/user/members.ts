/** The backends of one balancer as the main thread knows them: what checks say, where the threads count, and the sum of it all. */
import type { BalancerConfig } from "../../config/types.ts";
import type { BackendStatus } from "../balancer.ts";
import type { CheckResult } from "../health.ts";
import { Pool, type PoolChange, type PoolOptions } from "../pool.ts";
import { backendTargets } from "../targets.ts";
import type { Counters, Counts } from "./counters.ts";

/** Where a backend counts. */
interface Slot {
  readonly number: number;
  name: string;
  /** What was counted here for others before. */
  before: Counts;
  /** Threads in which it rests, and why. */
  readonly resting: Map<number, string>;
}

const NOTHING: Counts = { connections: 0, total: 0, failures: 0, bytes: 0 };

/** Rests are the threads' business: each meets failed connects of its own. */
function poolOptions({ policy, health }: BalancerConfig): PoolOptions {
  return { policy, health, ejection: null };
}

/** Keeps state and counters of each backend over changes of the configuration. */
export class Members {
  readonly #pool: Pool;
  readonly #counters: readonly Counters[];
  /** By their number. */
  readonly #slots: Slot[] = [];
  /** Of each place in the configuration. */
  #places: readonly Slot[] = [];
  /** The pool's index of each place. */
  #indices: readonly number[];

  /** `counters`: of each thread. */
  constructor(config: BalancerConfig, counters: readonly Counters[]) {
    const targets = backendTargets(config);
    this.#counters = counters;
    this.#pool = new Pool(targets, poolOptions(config));
    this.#indices = [...targets.keys()];
    this.#places = this.#assign(targets.map(({ name }) => name));
  }

  /** Where each backend counts, in the order of the configuration. */
  get slots(): readonly number[] {
    return this.#places.map(({ number }) => number);
  }

  /** The pool's index of each backend, by which checks name it. */
  get indices(): readonly number[] {
    return this.#indices;
  }

  /** Goes over to another configuration; gives what a person is to be told. */
  update(config: BalancerConfig): readonly PoolChange[] {
    const targets = backendTargets(config);
    const { indices, changes } = this.#pool.update(targets, poolOptions(config));
    this.#indices = indices;
    const rested = config.ejection === null ? this.#slots.filter(({ resting }) => resting.size > 0) : [];
    for (const { resting } of rested) resting.clear();
    this.#places = this.#assign(targets.map(({ name }) => name));
    const detail = "what kept it away is not configured any more";
    return [...changes, ...rested.map(({ name }) => ({ name, state: "up" as const, detail }))];
  }

  /** The result of a check of the backend with this index of the pool: what has changed by it, and its place. */
  checked(index: number, result: CheckResult): { readonly change: PoolChange; readonly place: number } | null {
    const change = this.#pool.checked(index, result);
    const place = this.#indices.indexOf(index);
    return change === null || place < 0 ? null : { change, place };
  }

  /** A thread lets the backend of a slot rest, or uses it again; gives whether that is the first or the last one to do so. */
  rests(slot: number, change: PoolChange, { thread }: { readonly thread: number }): boolean {
    const resting = this.#slots[slot]?.resting;
    if (resting === undefined) return false;
    const before = resting.size;
    if (change.state === "ejected") resting.set(thread, change.detail);
    else resting.delete(thread);
    return (before === 0) !== (resting.size === 0);
  }

  /** Every backend in the order of the configuration; then those that are gone and have connections left. */
  status(): BackendStatus[] {
    const known = this.#pool.status();
    const configured = this.#places.map((slot, place) => {
      const { state = "up", detail = "", failures = 0 } = known[place] ?? {};
      return this.#sum(slot, { state, detail, failures });
    });
    const left = this.#slots.filter((slot) => !this.#places.includes(slot)).map((slot) => {
      const { connections } = this.#count(slot);
      const detail = `removed, ${connections} connection${connections === 1 ? "" : "s"} left`;
      return this.#sum(slot, { state: "down", detail, failures: 0 });
    });
    return [...configured, ...left.filter(({ connections }) => connections > 0)];
  }

  #sum(slot: Slot, checked: Pick<BackendStatus, "state" | "detail" | "failures">): BackendStatus {
    const { connections, total, failures, bytes } = this.#count(slot);
    const counts = { connections, totalConnections: total, failures: failures + checked.failures, bytes };
    const isEjected = checked.state === "up" && this.#counters.some((one) => one.isEjected(slot.number));
    const [why = ""] = slot.resting.values();
    const { state, detail } = isEjected ? { state: "ejected" as const, detail: why } : checked;
    return { name: slot.name, state, detail, ...counts };
  }

  /** Since the slot is this backend's. */
  #count(slot: Slot): Counts {
    const now = this.#total(slot);
    const { total, failures, bytes } = slot.before;
    return {
      connections: now.connections,
      total: now.total - total,
      failures: now.failures - failures,
      bytes: now.bytes - bytes,
    };
  }

  #total(slot: Slot): Counts {
    return this.#counters.map((one) => one.of(slot.number)).reduce((sum, one) => ({
      connections: sum.connections + one.connections,
      total: sum.total + one.total,
      failures: sum.failures + one.failures,
      bytes: sum.bytes + one.bytes,
    }), NOTHING);
  }

  /** A backend of a known name keeps its slot; a slot without a backend and without connections goes to another. */
  #assign(names: readonly string[]): Slot[] {
    const taken = new Set<Slot>();
    const preferred = [...this.#places, ...this.#slots];
    const kept = names.map((name) => {
      const slot = preferred.find((one) => one.name === name && !taken.has(one));
      if (slot !== undefined) taken.add(slot);
      return slot;
    });
    return names.map((name, place) => kept[place] ?? this.#claim(name, taken));
  }

  #claim(name: string, taken: Set<Slot>): Slot {
    const free = this.#slots.find((slot) => !taken.has(slot) && this.#total(slot).connections === 0);
    const slot = free ?? this.#newSlot();
    slot.name = name;
    slot.before = { ...this.#total(slot), connections: 0 };
    slot.resting.clear();
    taken.add(slot);
    return slot;
  }

  #newSlot(): Slot {
    const slot = { number: this.#slots.length, name: "", before: NOTHING, resting: new Map() };
    this.#slots.push(slot);
    return slot;
  }
}
