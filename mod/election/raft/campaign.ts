import type { Random } from "../../base/clock.ts";
import { majority } from "./quorum.ts";
import type { MemberId, Timing } from "./types.ts";

/** `won`, `lost` (a majority refused), or still `open`. */
export type Tally = "open" | "won" | "lost";

/** A member's place in the order in which followers campaign, from 0, and how many followers there are. */
export interface Seat {
  readonly place: number;
  readonly of: number;
}

/** The place of `id` among all members but the leader. */
export function seatOf(id: MemberId, peers: readonly MemberId[], leader: MemberId | null): Seat {
  const followers = [id, ...peers].filter((member) => member !== leader).sort();
  return { place: followers.indexOf(id), of: followers.length };
}

/** The part of its share of the time in which a follower campaigns; the rest keeps it apart from the next one. */
const SHARE_USED = 0.6;

/**
 * The moment a follower without a leader campaigns, if it heard one at `now` (raft thesis §3.4). Chance alone would let two of them
 * collide now and then, and would wait a third of the range on average; taking turns the first one follows the minimum closely.
 */
export function electionTimeout(
  now: number,
  timing: Timing,
  options: { readonly random: Random; readonly seat: Seat },
): number {
  const { random, seat } = options;
  const shareMs = (timing.electionMaxMs - timing.electionMinMs) / seat.of;
  return now + timing.electionMinMs + (seat.place + SHARE_USED * random()) * shareMs;
}

/** The moment to try again after a round that failed: soon, but not together with others that failed. */
export function retryTime(now: number, timing: Timing, random: Random): number {
  return now + (0.25 + 0.75 * random()) * (timing.electionMaxMs - timing.electionMinMs);
}

/** The moment to campaign after a leader said that its lease is over. */
export function succession(now: number, timing: Timing, random: Random): number {
  return now + random() * 0.25 * (timing.electionMaxMs - timing.electionMinMs);
}

/**
 * The longest that a candidacy lasts; members that join count on it. Much longer than an election minimum, so that disks which need
 * longer than that for a write can still elect.
 */
export function longestCandidacyMs(timing: Timing): number {
  return 4 * timing.electionMinMs;
}

/** One round of asking for votes: who answered what, when to ask the silent again and when to stop. */
export class Campaign {
  readonly kind: "preVote" | "vote";
  /** The term that is asked for. */
  readonly term: number;
  /** The leader of the term before is known to have given up its lease. */
  readonly released: boolean;
  readonly #voters: number;
  readonly #granted = new Set<MemberId>();
  readonly #refused = new Set<MemberId>();
  readonly #resendMs: number;
  /** A vote that nobody refused waits this long for slow disks and lost datagrams. */
  readonly #patienceAt: number;
  #retryAt: number;
  #resendAt: number;

  constructor(
    options: {
      readonly kind: "preVote" | "vote";
      readonly term: number;
      readonly released: boolean;
      readonly voters: number;
      readonly timing: Timing;
      readonly now: number;
      readonly random: Random;
    },
  ) {
    const { now, timing } = options;
    this.kind = options.kind;
    this.term = options.term;
    this.released = options.released;
    this.#voters = options.voters;
    this.#resendMs = 0.4 * timing.beatMs;
    this.#resendAt = now + this.#resendMs;
    const longest = now + longestCandidacyMs(timing);
    this.#retryAt = Math.min(retryTime(now, timing, options.random), longest);
    this.#patienceAt = options.kind === "vote" ? longest : this.#retryAt;
  }

  /** Counts an answer; a member that changes its mind counts as it spoke last. */
  count(member: MemberId, granted: boolean): Tally {
    (granted ? this.#granted : this.#refused).add(member);
    (granted ? this.#refused : this.#granted).delete(member);
    return this.tally();
  }

  tally(): Tally {
    const needed = majority(this.#voters);
    if (this.#granted.size >= needed) return "won";
    return this.#refused.size > this.#voters - needed ? "lost" : "open";
  }

  hasAnswered(member: MemberId): boolean {
    return this.#granted.has(member) || this.#refused.has(member);
  }

  /** When the round is over, won or not. */
  get endsAt(): number {
    return this.#refused.size > 0 ? this.#retryAt : this.#patienceAt;
  }

  get deadline(): number {
    return Math.min(this.#resendAt, this.endsAt);
  }

  /** True once per resend interval: the silent are to be asked again. */
  isResendDue(now: number): boolean {
    if (now < this.#resendAt) return false;
    this.#resendAt = now + this.#resendMs;
    return true;
  }
}
