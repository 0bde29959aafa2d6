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

/** What became of the members when they were given anew. */
export interface PoolUpdate {
  /** The index of each member, in the order given. One that stays keeps its own. */
  readonly indices: readonly number[];
  /** The indices of those that were given before and are not any more. */
  readonly gone: readonly number[];
  /** Those that are used again because what kept them away is not configured any more. */
  readonly changes: readonly PoolChange[];
}

interface Member {
  readonly name: string;
  weight: number;
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
  /** New among others that are well, and not checked yet: chosen only when no other is left. */
  waiting: boolean;
  /** Not configured any more; kept for the connections that it has. */
  gone: boolean;
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
    waiting: false,
    gone: false,
    detail: "",
  };
}

/**
 * The backends of one balancer. Members are named by an index: at first that in the configuration, after an {@link update} what that gave.
 */
export class Pool {
  /** By index; null where the next new member goes. */
  readonly #members: (Member | null)[];
  /** The indices of those configured, in the order of the configuration. */
  #order: readonly number[];
  #options: PoolOptions;

  constructor(members: readonly PoolMember[], options: PoolOptions) {
    this.#members = members.map(newMember);
    this.#order = [...this.#members.keys()];
    this.#options = options;
  }

  /** How many members are configured, whatever their state. */
  get size(): number {
    return this.#order.length;
  }

  /**
   * Goes over to other members and options. A member of the same name stays: its index, its state, its counters. One that is gone gets
   * nothing new and keeps what it has; its index is given to another one only after its last connection has ended. A new one begins
   * without connections; where there are checks, and others are well, it waits for its first result.
   */
  update(members: readonly PoolMember[], options: PoolOptions): PoolUpdate {
    const before = this.#order;
    const known = this.#byName();
    this.#options = options;
    const fresh = new Set<Member>();
    const indices = members.map((given) => {
      const index = known.get(given.name)?.shift() ?? this.#place(newMember(given));
      const member = this.#at(index);
      if (member.gone || !before.includes(index)) fresh.add(member);
      member.weight = given.weight;
      return index;
    });
    const gone = before.filter((index) => !indices.includes(index));
    for (const index of gone) this.#leave(index);
    for (const member of fresh) begin(member);
    const changes = indices.flatMap((index) => this.#forgive(this.#at(index)));
    this.#order = indices;
    this.#settle(fresh);
    return { indices, gone, changes };
  }

  /** Every member that is left, by its name; equal names in the order of their indices, those configured first. */
  #byName(): Map<string, number[]> {
    const known = new Map<string, number[]>();
    const left = [...this.#members.keys()].filter((index) => this.#members[index]?.gone === true);
    for (const index of [...this.#order, ...left]) {
      const { name } = this.#at(index);
      const same = known.get(name);
      if (same === undefined) known.set(name, [index]);
      else same.push(index);
    }
    return known;
  }

  #place(member: Member): number {
    const free = this.#members.indexOf(null);
    const index = free < 0 ? this.#members.length : free;
    this.#members[index] = member;
    return index;
  }

  #leave(index: number): void {
    const member = this.#at(index);
    member.gone = true;
    if (member.connections === 0) this.#members[index] = null;
  }

  /** What kept a member away ends with the configuration that it came from. */
  #forgive(member: Member): PoolChange[] {
    const { health, ejection } = this.#options;
    const was = stateOf(member);
    if (health === null) {
      member.down = false;
      member.waiting = false;
      member.checked = false;
      member.against = 0;
    }
    if (ejection === null) {
      member.ejected = false;
      member.ejectedUntilMs = -Infinity;
    }
    const isBetter = was !== stateOf(member) && stateOf(member) === "up";
    return isBetter ? [this.#changed(member, "what kept it away is not configured any more")] : [];
  }

  /** Turns begin anew, or a changed weight would have to make up for the old one's. Who is new waits only while others are well. */
  #settle(fresh: ReadonlySet<Member>): void {
    const members = this.#order.map((index) => this.#at(index));
    const isWell = (member: Member): boolean => !member.down && !member.draining && !member.waiting;
    const others = members.some((member) => !fresh.has(member) && isWell(member));
    for (const member of members) {
      member.credit = 0;
      if (fresh.has(member)) member.waiting = this.#options.health !== null;
      if (!others) member.waiting = false;
    }
  }

  /**
   * Chooses a member for a new connection and counts the connection; null when none is usable. `tried` are not chosen
   * again. A member that is down by active checks is never chosen. One that rests after failed connects is chosen only
   * when no other is left, the least recently failed first: connects that fail must not turn off the whole service.
   */
  pick(nowMs: number, tried: ReadonlySet<number> = NOBODY): number | null {
    const usable: number[] = [];
    for (const index of this.#order) {
      const { down, draining } = this.#at(index);
      if (!down && !draining && !tried.has(index)) usable.push(index);
    }
    const rested = usable.filter((index) => {
      const { ejectedUntilMs, waiting } = this.#at(index);
      return ejectedUntilMs <= nowMs && !waiting;
    });
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
    if (member.gone && member.connections === 0) this.#members[index] = null;
  }

  /** The connect to a member succeeded: failures in a row start anew. */
  connected(index: number): PoolChange | null {
    const member = this.#members[index] ?? null;
    if (member === null || member.gone) return null;
    member.failedConnects = 0;
    member.ejectedUntilMs = -Infinity;
    if (!member.ejected) return null;
    member.ejected = false;
    return this.#changed(member, "connections succeed again");
  }

  /** The connect to a member failed because of `detail`. */
  connectFailed(index: number, options: { readonly nowMs: number; readonly detail: string }): PoolChange | null {
    const { nowMs, detail } = options;
    const member = this.#members[index] ?? null;
    if (member === null || member.gone) return null;
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
   * the start should not get connections until `fall` checks have failed. Of one that is gone nobody wants to know.
   */
  checked(index: number, result: { readonly ok: boolean; readonly detail: string }): PoolChange | null {
    const member = this.#members[index] ?? null;
    if (member === null || member.gone) return null;
    const { health } = this.#options;
    assert(health !== null, "checks come only where they are configured");
    const isFirst = !member.checked;
    const wasWaiting = member.waiting;
    member.checked = true;
    member.waiting = false;
    if (!result.ok) member.failures++;
    if (wasWaiting) {
      member.down = !result.ok;
      return this.#changed(member, result.detail);
    }
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

  /** Every member for the status, in the order of the configuration; then those that are gone and have connections left. */
  status(): BackendStatus[] {
    const left = [...this.#members.keys()].filter((index) => this.#members[index]?.gone === true);
    return [...this.#order, ...left].map((index) => {
      const member = this.#at(index);
      const { name, connections, totalConnections, failures } = member;
      return { name, state: stateOf(member), connections, totalConnections, failures, detail: detailOf(member) };
    });
  }

  #at(index: number): Member {
    const member = this.#members[index] ?? null;
    assert(member !== null, "a member's index is within the pool");
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
  if (member.down || member.waiting || member.gone) return "down";
  return member.ejected ? "ejected" : "up";
}

function detailOf(member: Member): string {
  if (member.gone) return `removed, ${member.connections} connection${member.connections === 1 ? "" : "s"} left`;
  if (member.waiting) return "new, not checked yet";
  return stateOf(member) === "up" ? "" : member.detail;
}

/** What was known of a member that comes back may have changed meanwhile. */
function begin(member: Member): void {
  member.gone = false;
  member.down = false;
  member.checked = false;
  member.against = 0;
  member.ejected = false;
  member.ejectedUntilMs = -Infinity;
}
