import { majority, reachedBy } from "./quorum.ts";
import type { MemberId } from "./types.ts";

/** Acknowledgements of rounds older than this many say nothing any more: the lease they would give has ended. */
const ROUNDS_KEPT = 64;

/**
 * The beat rounds of one leadership and the lease they earn: it counts from the *sending* of the newest round that a majority
 * acknowledged, because that is before any of them received it (raft thesis §6.4.1).
 */
export class BeatRounds {
  readonly #voters: number;
  readonly #leaseMs: number;
  readonly #bornAt: number;
  readonly #sentAt = new Map<number, number>();
  readonly #acked = new Map<MemberId, number>();
  #current = 0;
  #leaseStart = -Infinity;

  constructor(voters: number, options: { readonly leaseMs: number; readonly now: number }) {
    this.#voters = voters;
    this.#leaseMs = options.leaseMs;
    this.#bornAt = options.now;
  }

  get current(): number {
    return this.#current;
  }

  /** Starts the next round at `now`. */
  begin(now: number): number {
    this.#current++;
    this.#sentAt.set(this.#current, now);
    this.#sentAt.delete(this.#current - ROUNDS_KEPT);
    return this.#current;
  }

  /** Counts an acknowledgement; a later one of an older round still counts with that round's sending. */
  acknowledge(member: MemberId, round: number): void {
    const sentAt = this.#sentAt.get(round);
    if (sentAt === undefined || sentAt <= (this.#acked.get(member) ?? -Infinity)) return;
    this.#acked.set(member, sentAt);
    this.#leaseStart = Math.max(this.#leaseStart, reachedBy([...this.#acked.values()], majority(this.#voters) - 1));
  }

  /** True if `member` has acknowledged the current round. */
  hasAcknowledged(member: MemberId): boolean {
    const sentAt = this.#sentAt.get(this.#current);
    return sentAt !== undefined && (this.#acked.get(member) ?? -Infinity) >= sentAt;
  }

  /** True if a majority has acknowledged the current round. */
  get isConfirmed(): boolean {
    return this.#voters === 1 || this.#leaseStart >= (this.#sentAt.get(this.#current) ?? Infinity);
  }

  /** When `member` last acknowledged, as the sending of that round; −Infinity if never. */
  ackedAt(member: MemberId): number {
    return this.#acked.get(member) ?? -Infinity;
  }

  /** The end of the lease; −Infinity before a majority has answered. A single voter renews it by looking. */
  leaseUntil(now: number): number {
    return (this.#voters === 1 ? now : this.#leaseStart) + this.#leaseMs;
  }

  /** When to give up unless a majority answers: the end of the lease, or of the time a new leader has to earn its first. */
  quorumUntil(now: number): number {
    return Math.max(this.leaseUntil(now), this.#bornAt + this.#leaseMs);
  }
}
