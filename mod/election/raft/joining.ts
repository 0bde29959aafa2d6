import type { Random } from "../../base/clock.ts";
import { longestCandidacyMs } from "./campaign.ts";
import { majority } from "./quorum.ts";
import { CLOCK_RATE_TOLERANCE, type HelloReply, type MemberId, type Timing } from "./types.ts";

/**
 * What asking came to. `bootstrap`: nobody has ever had state, begin as an ordinary voter. `learn`: follow a leader of `term` or later
 * until it has brought the log up to date; `mayVote` meanwhile, or not.
 */
export type Learned =
  | { readonly outcome: "asking" }
  | { readonly outcome: "bootstrap" }
  | { readonly outcome: "learn"; readonly term: number; readonly mayVote: boolean };

const ASKING: Learned = { outcome: "asking" };

/**
 * A member without state asks the others before it takes part. It may have forgotten a vote, and to cast it twice could elect two
 * leaders; it may have forgotten log entries that count as stored on it.
 *
 * - The vote: any majority it voted with has `majority − 1` others, so among `voters − majority + 1` others one knows of that term,
 *   provided the candidate is done: answers count only to questions asked a full candidacy after this start. If all others answer there
 *   is no need to wait so long: the candidate is one of them, and is in that term itself unless its candidacy ended with its process.
 * - The log: it votes again only when it has what a leader of such a term had at a moment after this start. With an even number of
 *   voters it may vote before: two majorities then share a second member.
 * - If a majority has no state there is nothing to protect: a first start. The one case this cannot tell apart: a member that loses
 *   its state during the very first election, when a majority has not yet heard of any term.
 */
export class Asking {
  readonly #voters: number;
  readonly #selfFresh: boolean;
  readonly #random: Random;
  readonly #helloMs: number;
  /** When answers of all others begin to count, and when those of some do. */
  readonly #countsFrom: readonly [all: number, some: number];
  #nonce: number;
  #counting: "none" | "all" | "some" = "none";
  #nextHelloAt: number;
  readonly #answers = new Map<MemberId, HelloReply>();

  constructor(
    options: {
      readonly voters: number;
      readonly timing: Timing;
      readonly now: number;
      readonly random: Random;
      /** False if some state was kept (a restart while learning). */
      readonly selfFresh: boolean;
    },
  ) {
    this.#voters = options.voters;
    this.#selfFresh = options.selfFresh;
    this.#random = options.random;
    this.#helloMs = options.timing.electionMinMs / 4;
    const { now, timing } = options;
    const wait = (ms: number): number => now + ms * CLOCK_RATE_TOLERANCE;
    this.#countsFrom = [wait(timing.electionMinMs), wait(longestCandidacyMs(timing))];
    this.#nextHelloAt = options.now;
    this.#nonce = this.#newNonce();
  }

  #newNonce(): number {
    return Math.floor(this.#random() * 2 ** 32);
  }

  get nonce(): number {
    return this.#nonce;
  }

  get deadline(): number {
    return Math.min(this.#nextHelloAt, this.#nextStage?.at ?? Infinity);
  }

  get #nextStage(): { readonly counting: "all" | "some"; readonly at: number } | null {
    const [all, some] = this.#countsFrom;
    if (this.#counting === "none") return { counting: "all", at: all };
    return this.#counting === "all" ? { counting: "some", at: some } : null;
  }

  /** True when the question is to be asked now. */
  isHelloDue(now: number): boolean {
    for (let stage = this.#nextStage; stage !== null && now >= stage.at; stage = this.#nextStage) {
      this.#counting = stage.counting;
      this.#answers.clear();
      this.#nonce = this.#newNonce();
      this.#nextHelloAt = now;
    }
    if (now < this.#nextHelloAt) return false;
    this.#nextHelloAt = now + this.#helloMs;
    return true;
  }

  /** Counts an answer to this member's own, newest question. */
  onReply(from: MemberId, reply: HelloReply): Learned {
    if (reply.nonce !== this.#nonce) return ASKING;
    this.#answers.set(from, reply);
    return this.conclusion();
  }

  conclusion(): Learned {
    const answers = [...this.#answers.values()];
    const fresh = answers.filter((answer) => answer.fresh).length + (this.#selfFresh ? 1 : 0);
    const known = answers.filter((answer) => !answer.fresh);
    const needed = majority(this.#voters);
    if (this.#voters === 1) return { outcome: "bootstrap" };
    if (fresh >= needed && known.length === 0) return { outcome: "bootstrap" };
    const counts = this.#counting === "some" || this.#counting === "all" && answers.length === this.#voters - 1;
    if (!counts || known.length === 0) return ASKING;
    const term = Math.max(...known.map((answer) => answer.term));
    if (fresh >= needed) return { outcome: "learn", term, mayVote: true };
    // A member that lost its state as well may have been the one that knew: it does not count.
    if (known.length < this.#voters - needed + 1) return ASKING;
    return { outcome: "learn", term, mayVote: this.#voters % 2 === 0 };
  }
}
