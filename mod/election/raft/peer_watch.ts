/** Which members a leader may count on to hold an address. Pure. */
import type { MemberId, Timing } from "./types.ts";

/** How long a member that said it leaves is not counted on, unless it comes back before: longer than it may take to stop. */
const LEAVING_MS = 5000;

interface Seen {
  lastMs: number;
  /** Since when it has been heard without a gap. */
  sinceMs: number;
  leavingUntilMs: number;
}

/** Remembers when each peer was heard. */
export class PeerWatch {
  readonly #seen: ReadonlyMap<MemberId, Seen>;
  readonly #graceMs: number;
  readonly #settleMs: number;

  constructor(peers: readonly MemberId[], timing: Timing) {
    this.#graceMs = timing.leaseMs;
    this.#settleMs = 2 * timing.electionMaxMs;
    this.#seen = new Map(
      peers.map((id) => [id, { lastMs: -Infinity, sinceMs: -Infinity, leavingUntilMs: -Infinity }]),
    );
  }

  heard(now: number, from: MemberId): void {
    const seen = this.#seen.get(from);
    if (seen === undefined) return;
    if (now - seen.lastMs > this.#graceMs) {
      seen.sinceMs = now;
      // It was away and is back.
      seen.leavingUntilMs = -Infinity;
    }
    seen.lastMs = now;
  }

  /** The member said that it stops. */
  leaving(now: number, from: MemberId): void {
    const seen = this.#seen.get(from);
    if (seen !== undefined) seen.leavingUntilMs = now + LEAVING_MS;
  }

  /** Milliseconds since the peer was heard; null if it never was. */
  silentMs(now: number, peer: MemberId): number | null {
    const seen = this.#seen.get(peer);
    return seen === undefined || seen.lastMs === -Infinity ? null : now - seen.lastMs;
  }

  /** True for a known peer that has not said it leaves: it may just not have been heard yet. */
  mayReturn(now: number, peer: MemberId): boolean {
    const seen = this.#seen.get(peer);
    return seen !== undefined && now >= seen.leavingUntilMs;
  }

  /**
   * Peers that were heard within a lease. One without an address has to be there for a while before it counts, so that a member that
   * comes and goes does not move addresses each time; one that has some (`holds`) counts at once.
   */
  live(now: number, holds: ReadonlySet<MemberId>): MemberId[] {
    return [...this.#seen].filter(([id, seen]) => {
      if (now < seen.leavingUntilMs || now - seen.lastMs > this.#graceMs) return false;
      return holds.has(id) || now - seen.sinceMs >= this.#settleMs;
    }).map(([id]) => id);
  }
}
