/** When another member was last known to lead, or to hold an address: its claims on the wire are no stranger's. Pure. */
import type { MemberId } from "./types.ts";

/** Remembers for one member. */
export class Elsewhere {
  readonly #self: MemberId;
  #otherLedMs: number | null = null;
  /** For each address, when this member as leader last let another one hold it. */
  readonly #heldMs = new Map<string, number>();

  constructor(self: MemberId) {
    this.#self = self;
  }

  /**
   * Takes down what is so now; to be called when anything has changed, and at least once a beat. `holders`: on the leader, who holds
   * or may still hold each address; empty on others.
   */
  note(now: number, { leader, holders }: { leader: MemberId | null; holders: ReadonlyMap<string, MemberId> }): void {
    // A follower does not know who holds what: under another leader any address may be held elsewhere.
    if (leader !== null && leader !== this.#self) this.#otherLedMs = now;
    for (const [ip, holder] of holders) if (holder !== this.#self) this.#heldMs.set(ip, now);
  }

  /** The last moment at which, as far as was noted, another member might hold `ip`; null: never. */
  lastMs(ip: string): number | null {
    const heldMs = this.#heldMs.get(ip) ?? null;
    if (this.#otherLedMs === null || heldMs === null) return this.#otherLedMs ?? heldMs;
    return Math.max(this.#otherLedMs, heldMs);
  }
}
