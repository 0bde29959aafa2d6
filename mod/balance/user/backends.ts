/** The backends of a balancer in one thread: a pool of its own, counters that the main thread sees, and what it is told. */
import { assert } from "../../base/assert.ts";
import type { BalancerConfig } from "../../config/types.ts";
import type { CheckResult } from "../health.ts";
import { Pool, type PoolChange, type PoolOptions } from "../pool.ts";
import { backendTargets } from "../targets.ts";
import type { Counters } from "./counters.ts";
import type { Backends, Destination } from "./types.ts";

/** A backend whose address may have changed is reported this often. */
const UNREACHED_EVERY_MS = 1000;

/** What belongs to the backends of a configuration, by their place in it. */
export interface Placed {
  readonly config: BalancerConfig;
  /** Where each counts. */
  readonly slots: readonly number[];
  readonly destinations: readonly (Destination | null)[];
}

/** What a thread's backends are made with. */
export interface ThreadBackendsOptions extends Placed {
  readonly counters: Counters;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly onChange: (slot: number, change: PoolChange) => void;
  /** A connect to the backend at this place has failed. */
  readonly onUnreached: (place: number) => void;
}

/** What is known of the member with an index of the pool. */
interface Known {
  slot: number;
  /** −1: not configured any more. */
  place: number;
  destination: Destination | null;
  reportedMs: number;
}

/** The main thread has counted checks already: what it says of them holds at once. */
function poolOptions({ policy, health, ejection }: BalancerConfig): PoolOptions {
  return { policy, health: health === null ? null : { rise: 1, fall: 1 }, ejection };
}

/** {@link Backends} of a thread. */
export class ThreadBackends implements Backends {
  readonly #options: ThreadBackendsOptions;
  readonly #pool: Pool;
  readonly #known: (Known | undefined)[] = [];
  /** The pool's index of each place. */
  #indices: readonly number[];

  constructor(options: ThreadBackendsOptions) {
    this.#options = options;
    const targets = backendTargets(options.config);
    this.#pool = new Pool(targets, poolOptions(options.config));
    this.#indices = [...targets.keys()];
    this.#place(options);
  }

  pick(tried?: ReadonlySet<number>): number | null {
    const index = this.#pool.pick(this.#options.now(), tried);
    if (index !== null) this.#options.counters.began(this.#at(index).slot);
    return index;
  }

  ended(index: number): void {
    this.#options.counters.ended(this.#at(index).slot);
    this.#pool.ended(index);
  }

  connected(index: number): void {
    this.#report(index, this.#pool.connected(index));
  }

  connectFailed(index: number, detail: string): void {
    const nowMs = this.#options.now();
    const known = this.#at(index);
    this.#options.counters.failed(known.slot);
    this.#report(index, this.#pool.connectFailed(index, { nowMs, detail }));
    if (known.place < 0 || nowMs - known.reportedMs < UNREACHED_EVERY_MS) return;
    known.reportedMs = nowMs;
    this.#options.onUnreached(known.place);
  }

  destination(index: number): Destination | null {
    return this.#at(index).destination;
  }

  isConfigured(index: number): boolean {
    return this.#at(index).place >= 0;
  }

  moved(index: number, bytes: number): void {
    this.#options.counters.moved(this.#at(index).slot, bytes);
  }

  /** A check has changed the state of the backend at this place. Gives its index if it gets nothing any more, else null. */
  checked(place: number, result: CheckResult): number | null {
    const index = this.#indices[place];
    if (index === undefined) return null;
    this.#pool.checked(index, result);
    return result.ok ? null : index;
  }

  /** Goes over to other backends; gives the indices of those that get nothing any more. */
  update(placed: Placed): readonly number[] {
    const { indices, gone } = this.#pool.update(backendTargets(placed.config), poolOptions(placed.config));
    this.#indices = indices;
    for (const index of gone) this.#at(index).place = -1;
    this.#place(placed);
    const { counters } = this.#options;
    if (placed.config.ejection === null) { for (const slot of placed.slots) counters.setEjected(slot, false); }
    return gone;
  }

  /** Host names have other addresses. */
  relocate(destinations: readonly (Destination | null)[]): void {
    for (const [place, index] of this.#indices.entries()) this.#at(index).destination = destinations[place] ?? null;
  }

  #place({ slots, destinations }: Placed): void {
    for (const [place, index] of this.#indices.entries()) {
      const known = this.#known[index];
      const slot = slots[place] ?? 0;
      const destination = destinations[place] ?? null;
      this.#known[index] = { slot, place, destination, reportedMs: known?.reportedMs ?? -Infinity };
    }
  }

  #report(index: number, change: PoolChange | null): void {
    if (change === null) return;
    const { slot } = this.#at(index);
    this.#options.counters.setEjected(slot, change.state === "ejected");
    this.#options.onChange(slot, change);
  }

  #at(index: number): Known {
    const known = this.#known[index];
    assert(known !== undefined, "a backend's index is one that was given");
    return known;
  }
}
