/**
 * What this machine may hold, and until when: the grants that have been received, without any kernel in sight.
 * Pure: `now` comes in as an argument.
 */
import type { Grant } from "../election/elector.ts";

/** One address that is held under a grant. */
export interface Claim {
  readonly ip: string;
  readonly epoch: number;
  readonly validUntilMs: number;
  /** When this uninterrupted hold began. */
  readonly sinceMs: number;
  /** Nobody stands for the grant any more, see {@link Grant.preserved}. */
  readonly preserved: boolean;
}

/** What a grant means for the address it names. */
export type GrantOutcome =
  | "taken"
  | "renewed"
  /** Renewed, and from now on nobody stands for it. */
  | "preserved"
  /** Renewed, and somebody stands for it again. */
  | "resumed"
  | "too-late"
  | "unknown-address"
  /** A preserved grant for an address that was not held just now: somebody else may have it. */
  | "nothing-to-preserve";

/**
 * A preserved grant still continues a hold whose time ran out so long ago: the election notices the end at the same moment as the holder.
 * After a longer pause somebody else may have the address.
 */
export const PRESERVE_WITHIN_MS = 1000;

/** The grants of this machine, one per managed address. */
export class Claims {
  #managed: ReadonlySet<string>;
  readonly #claims = new Map<string, Claim>();
  /** The latest claim of each address whose time ran out. */
  readonly #ended = new Map<string, Claim>();

  /** @param managed canonical text of every address this machine may hold */
  constructor(managed: readonly string[]) {
    this.#managed = new Set(managed);
  }

  /** From now on these addresses may be held; claims of others have been dropped before. */
  manage(ips: readonly string[]): void {
    this.#managed = new Set(ips);
    for (const ip of this.#ended.keys()) {
      if (!this.#managed.has(ip)) this.#ended.delete(ip);
    }
  }

  /**
   * Takes note of a grant. A later deadline replaces an earlier one; an earlier deadline never shortens a claim of the same epoch,
   * since grants may arrive out of order.
   */
  grant(grant: Grant, now: number): GrantOutcome {
    if (!this.#managed.has(grant.scope)) return "unknown-address";
    if (grant.validUntil <= now) return "too-late";
    const held = this.#claims.get(grant.scope);
    const before = held ?? this.#ended.get(grant.scope);
    const preserved = grant.preserved === true;
    const endMs = preserved ? now - PRESERVE_WITHIN_MS : now;
    const continues = before !== undefined && before.validUntilMs > endMs;
    if (continues && before.epoch > grant.epoch) return "too-late";
    if (preserved && !continues) return "nothing-to-preserve";
    const validUntilMs = continues && before.epoch === grant.epoch
      ? Math.max(before.validUntilMs, grant.validUntil)
      : grant.validUntil;
    const sinceMs = continues ? before.sinceMs : now;
    this.#claims.set(grant.scope, { ip: grant.scope, epoch: grant.epoch, validUntilMs, sinceMs, preserved });
    this.#ended.delete(grant.scope);
    if (!continues || held === undefined) return "taken";
    if (held.preserved === preserved) return "renewed";
    return preserved ? "preserved" : "resumed";
  }

  /** Forgets a claim; gives it if there was one, run out or not. */
  drop(ip: string): Claim | null {
    const claim = this.#claims.get(ip) ?? null;
    this.#claims.delete(ip);
    this.#ended.delete(ip);
    return claim;
  }

  /** Claims whose deadline has passed; they are forgotten. */
  expire(now: number): Claim[] {
    const ended = [...this.#claims.values()].filter((claim) => claim.validUntilMs <= now);
    for (const claim of ended) {
      this.#claims.delete(claim.ip);
      this.#ended.set(claim.ip, claim);
    }
    return ended;
  }

  /** The live claim for an address, or null. */
  get(ip: string, now: number): Claim | null {
    const claim = this.#claims.get(ip);
    return claim !== undefined && claim.validUntilMs > now ? claim : null;
  }

  /** Every live claim. */
  live(now: number): Claim[] {
    return [...this.#claims.values()].filter((claim) => claim.validUntilMs > now);
  }

  /** The earliest deadline, or null when nothing is held. */
  nextDeadline(): number | null {
    let earliest: number | null = null;
    for (const claim of this.#claims.values()) {
      if (earliest === null || claim.validUntilMs < earliest) earliest = claim.validUntilMs;
    }
    return earliest;
  }
}
