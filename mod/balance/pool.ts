/** Which backend gets the next connection: weights, health, ejection and drain as pure bookkeeping. */
import { assert } from "../base/assert.ts";
import type { Policy } from "../config/types.ts";
import type { BackendStatus } from "./balancer.ts";

/** A backend as the pool sees it. */
export interface PoolMember {
  /** Printed in status and log, e.g. `10.0.0.5:80`. */
  readonly name: string;
  /** Relative share, ≥ 1. */
  readonly weight: number;
}

/** How a pool decides. */
export interface PoolOptions {
  readonly policy: Policy;
  /** Consecutive active checks until a member counts as up or down; null: no active checks. */
  readonly health: { readonly rise: number; readonly fall: number } | null;
  /** Failed connects in a row until a member rests, and for how long; null: off. */
  readonly ejection: { readonly failures: number; readonly restMs: number } | null;
}

/** A backend changed its state: what a log line is written for. */
export interface PoolChange {
  readonly name: string;
  readonly state: "up" | "down" | "ejected";
  readonly detail: string;
}

interface Member {
  readonly name: string;
  readonly weight: number;
  /** Smooth weighted round robin: grows by the weight each round, falls by the total when chosen. */
  credit: number;
  connections: number;
  totalConnections: number;
  failures: number;
  failedConnects: number;
  lastFailureMs: number;
  ejectedUntilMs: number;
  ejected: boolean;
  down: boolean;
  checked: boolean;
  /** Consecutive check results that speak against the present state. */
  against: number;
  draining: boolean;
  detail: string;
}

const NOBODY: ReadonlySet<number> = new Set();

function newMember({ name, weight }: PoolMember): Member {
  assert(weight >= 1, "a backend's weight is at least 1");
  return {
    name,
    weight,
    credit: 0,
    connections: 0,
    totalConnections: 0,
    failures: 0,
    failedConnects: 0,
    lastFailureMs: -Infinity,
    ejectedUntilMs: -Infinity,
    ejected: false,
    down: false,
    checked: false,
    against: 0,
    draining: false,
    detail: "",
  };
}

/** The backends of one balancer. Members are named by their index in the configuration. */
export class Pool {
  readonly #members: readonly Member[];
  readonly #options: PoolOptions;

  constructor(members: readonly PoolMember[], options: PoolOptions) {
    this.#members = members.map(newMember);
    this.#options = options;
  }

  /** How many members there are, whatever their state. */
  get size(): number {
    return this.#members.length;
  }

  /**
   * Chooses a member for a new connection and counts the connection; null when none is usable. `tried` are not chosen
   * again. A member that is down by active checks is never chosen. One that rests after failed connects is chosen only
   * when no other is left, the least recently failed first: connects that fail must not turn off the whole service.
   */
  pick(nowMs: number, tried: ReadonlySet<number> = NOBODY): number | null {
    const usable: number[] = [];
    for (const [index, member] of this.#members.entries()) {
      if (!member.down && !member.draining && !tried.has(index)) usable.push(index);
    }
    const rested = usable.filter((index) => this.#at(index).ejectedUntilMs <= nowMs);
    const chosen = rested.length > 0 ? this.#choose(rested) : this.#leastRecentlyFailed(usable);
    if (chosen === null) return null;
    const member = this.#at(chosen);
    member.connections++;
    member.totalConnections++;
    return chosen;
  }

  /** A connection given by {@link pick} has ended. */
  ended(index: number): void {
    const member = this.#at(index);
    assert(member.connections > 0, "a connection ends once");
    member.connections--;
  }

  /** The connect to a member succeeded: failures in a row start anew. */
  connected(index: number): PoolChange | null {
    const member = this.#at(index);
    member.failedConnects = 0;
    member.ejectedUntilMs = -Infinity;
    if (!member.ejected) return null;
    member.ejected = false;
    return this.#changed(member, "connections succeed again");
  }

  /** The connect to a member failed because of `detail`. */
  connectFailed(index: number, options: { readonly nowMs: number; readonly detail: string }): PoolChange | null {
    const { nowMs, detail } = options;
    const member = this.#at(index);
    const { ejection } = this.#options;
    member.failures++;
    member.failedConnects++;
    member.lastFailureMs = nowMs;
    if (ejection === null || member.failedConnects < ejection.failures) return null;
    member.ejectedUntilMs = nowMs + ejection.restMs;
    if (member.ejected) return null;
    member.ejected = true;
    return this.#changed(member, detail);
  }

  /**
   * The result of an active check. Members begin up, and the first result counts at once: a backend that was dead before
   * the start should not get connections until `fall` checks have failed.
   */
  checked(index: number, result: { readonly ok: boolean; readonly detail: string }): PoolChange | null {
    const member = this.#at(index);
    const { health } = this.#options;
    assert(health !== null, "checks come only where they are configured");
    const isFirst = !member.checked;
    member.checked = true;
    if (!result.ok) member.failures++;
    if (result.ok !== member.down) {
      member.against = 0;
      return null;
    }
    member.against++;
    const needed = member.down ? health.rise : health.fall;
    if (member.against < needed && !isFirst) return null;
    member.against = 0;
    member.down = !result.ok;
    return this.#changed(member, result.detail);
  }

  /** A draining member keeps its connections and gets no new ones. */
  setDraining(index: number, draining: boolean): void {
    this.#at(index).draining = draining;
  }

  /** Every member for the status, in the order of the configuration. */
  status(): BackendStatus[] {
    return this.#members.map((member) => ({
      name: member.name,
      state: stateOf(member),
      connections: member.connections,
      totalConnections: member.totalConnections,
      failures: member.failures,
      detail: stateOf(member) === "up" ? "" : member.detail,
    }));
  }

  #at(index: number): Member {
    const member = this.#members[index];
    assert(member !== undefined, "a member's index is within the pool");
    return member;
  }

  #changed(member: Member, detail: string): PoolChange {
    member.detail = detail;
    return { name: member.name, state: stateOf(member), detail };
  }

  #choose(candidates: readonly number[]): number | null {
    switch (this.#options.policy) {
      case "round-robin":
        return this.#nextInTurn(candidates);
      case "least-connections":
        return this.#nextInTurn(this.#leastLoaded(candidates));
    }
  }

  /** The members with the fewest connections for their weight; compared by cross products, free of rounding. */
  #leastLoaded(candidates: readonly number[]): number[] {
    let least: number[] = [];
    for (const index of candidates) {
      const member = this.#at(index);
      const best = least[0] === undefined ? null : this.#at(least[0]);
      const difference = best === null ? -1 : member.connections * best.weight - best.connections * member.weight;
      if (difference < 0) least = [index];
      else if (difference === 0) least.push(index);
    }
    return least;
  }

  /** Smooth weighted round robin, as nginx has it: 5:1:1 gives a a b a c a a, not five in a row. */
  #nextInTurn(candidates: readonly number[]): number | null {
    let total = 0;
    let chosen: number | null = null;
    for (const index of candidates) {
      const member = this.#at(index);
      member.credit += member.weight;
      total += member.weight;
      if (chosen === null || member.credit > this.#at(chosen).credit) chosen = index;
    }
    if (chosen !== null) this.#at(chosen).credit -= total;
    return chosen;
  }

  #leastRecentlyFailed(candidates: readonly number[]): number | null {
    let chosen: number | null = null;
    for (const index of candidates) {
      if (chosen === null || this.#at(index).lastFailureMs < this.#at(chosen).lastFailureMs) chosen = index;
    }
    return chosen;
  }
}

/** A member whose rest is over stays "ejected" to a reader until a connect has shown that it is well. */
function stateOf(member: Member): "up" | "down" | "ejected" {
  if (member.down) return "down";
  return member.ejected ? "ejected" : "up";
}
