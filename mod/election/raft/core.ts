import { assert, assertNever } from "../../base/assert.ts";
import type { Random } from "../../base/clock.ts";
import { Campaign, electionTimeout, retryTime, seatOf, succession } from "./campaign.ts";
import { Following } from "./following.ts";
import { EchoClock } from "./grants.ts";
import { Asking, type Learned } from "./joining.ts";
import { Leader } from "./leader.ts";
import { Ledger } from "./ledger.ts";
import { RaftLog } from "./log.ts";
import { Support } from "./support.ts";
import {
  type Beat,
  CLOCK_RATE_TOLERANCE,
  type CoreOptions,
  type HeldGrant,
  type Hello,
  type MemberId,
  type Message,
  type ProposeOutcome,
  type Ready,
  type Role,
  type Timing,
  type TransferOutcome,
  type VoteReply,
  type VoteRequest,
} from "./types.ts";

/**
 * One member of the election, as a pure state machine: time and chance are arguments, what to do comes out of {@link ready}.
 *
 * The driver's turn, after every input: `grants(now)` to the kernel, `ready(now)` while `hasReady()`, one timer for `nextDeadline()`.
 * `now` is this machine's monotonic clock in milliseconds and never goes back.
 */
export class RaftCore {
  readonly #id: MemberId;
  readonly #peers: readonly MemberId[];
  readonly #timing: Timing;
  readonly #random: Random;
  readonly #log: RaftLog;
  readonly #ledger: Ledger;
  readonly #following: Following;
  readonly #support: Support;
  #role: Exclude<Role, "joining"> = "follower";
  #leaderId: MemberId | null = null;
  #leading: Leader | null = null;
  #campaign: Campaign | null = null;
  #electionAt: number;
  #asking: Asking | null = null;
  /** How much longer than its lease this machine may answer. */
  readonly #graceMs: number;
  /** The same of the leader that is followed. */
  #leaderGraceMs = 0;

  /** Throws AssertionError if the timing cannot be safe or `id` is not among the voters. */
  constructor(options: CoreOptions) {
    const { id, voters, timing, stored, now, random } = options;
    assert(voters.includes(id) && new Set(voters).size === voters.length, `${id} is one of the voters`);
    assert(timing.leaseMs * CLOCK_RATE_TOLERANCE < timing.electionMinMs, "the lease ends before an election can");
    this.#id = id;
    this.#peers = voters.filter((voter) => voter !== id);
    this.#timing = timing;
    this.#random = random;
    this.#graceMs = options.graceMs ?? 0;
    this.#log = new RaftLog(stored);
    const hard = stored?.hard ?? { term: 0, vote: null, joining: true };
    this.#ledger = new Ledger(this.#log, hard);
    this.#following = new Following(this.#log, this.#ledger, {
      echo: new EchoClock(now, random()),
      graceMs: this.#graceMs,
    });
    // It has forgotten whose lease it stood for, and takes it that the leader had no guard if this machine has none.
    const quietMs = timing.electionMinMs + this.#graceMs * CLOCK_RATE_TOLERANCE;
    this.#support = new Support(hard.term, this.#peers.length === 0 ? -Infinity : now + quietMs);
    this.#electionAt = this.#peers.length === 0 ? now : this.#timeout(now);
    if (hard.joining) this.#startAsking(now, stored === null);
  }

  // Input

  /** Takes in a message of another voter. */
  step(now: number, from: MemberId, message: Message): void {
    if (!this.#peers.includes(from)) return;
    // A lease or candidacy that ran out while this process stood still must not see the answers that came too late.
    if (this.#role !== "follower") this.tick(now);
    if (this.#asking !== null && message.type !== "hello" && message.type !== "helloReply") return;
    this.#dispatch(now, from, message);
    if (this.#leading !== null) this.#lead(now);
  }

  #dispatch(now: number, from: MemberId, message: Message): void {
    switch (message.type) {
      case "preVote":
      case "vote":
        return this.#onVoteRequest(now, from, message);
      case "preVoteReply":
      case "voteReply":
        return this.#onVoteReply(now, from, message);
      case "beat":
        return this.#onBeat(now, from, message);
      case "beatReply":
        if (this.#isFromMyTerm(now, message.term)) this.#leading?.onBeatReply(now, from, message);
        return;
      case "appendReply":
        if (this.#isFromMyTerm(now, message.term)) this.#leading?.onAppendReply(now, from, message);
        return;
      case "append":
      case "snapshot":
        if (!this.#follow(now, from, message.term)) this.#following.refuse(from, this.#log.commitIndex);
        else if (message.type === "append") this.#following.onAppend(from, message);
        else this.#following.onSnapshot(from, message);
        return;
      case "resign":
        return this.#onResign(now, message.term);
      case "timeoutNow":
        return this.#onTimeoutNow(now, message.term);
      case "hello":
        return this.#onHello(from, message);
      case "helloReply":
        if (this.#asking !== null) this.#conclude(now, this.#asking.onReply(from, message));
        return;
      default:
        assertNever(message);
    }
  }

  /** Does what has fallen due by `now`; harmless when nothing has. */
  tick(now: number): void {
    if (this.#asking !== null) this.#ask(now);
    else if (this.#leading !== null) this.#lead(now);
    else if (this.#campaign !== null) this.#pursue(now, this.#campaign);
    else if (!this.#following.isLearning && now >= this.#electionAt) this.#stand(now);
  }

  /** When {@link tick} must be called at the latest; Infinity when nothing is pending. */
  nextDeadline(): number {
    if (this.#asking !== null) return this.#asking.deadline;
    if (this.#leading !== null) return this.#leading.deadline;
    if (this.#campaign !== null) return this.#campaign.deadline;
    return this.#following.isLearning ? Infinity : this.#electionAt;
  }

  // Roles

  #becomeFollower(term: number, leader: MemberId | null): void {
    if (this.#leading !== null) this.#promiseOwnLease(this.#leading);
    if (term !== this.#ledger.hard.term) {
      this.#ledger.setHard({ term, vote: null });
      this.#following.forgetTerm();
    }
    this.#following.forgetLeader();
    this.#role = "follower";
    this.#leaderId = leader;
    this.#leaderGraceMs = 0;
    this.#leading = null;
    this.#campaign = null;
  }

  /** Members may hold under a lease that its leader no longer has the right to renew: until it ends the leader stands by it too. */
  #promiseOwnLease(leading: Leader): void {
    const term = this.#ledger.hard.term;
    const until = leading.leaseUntil(-Infinity);
    if (!this.#support.isReleased(term) && until > -Infinity) {
      this.#support.promise(term, until + leading.memberGraceMs);
    }
  }

  /** Asks whether a campaign would succeed (raft thesis §9.6), so that a member that cannot win disturbs nobody. */
  #becomePreCandidate(now: number): void {
    this.#becomeFollower(this.term, null);
    this.#role = "preCandidate";
    this.#startCampaign(now, { kind: "preVote", released: this.#support.isReleased(this.term) });
    if (this.#campaign?.count(this.#id, true) === "won") this.#becomeCandidate(now, this.#campaign.released);
  }

  #becomeCandidate(now: number, released: boolean): void {
    this.#becomeFollower(this.term + 1, null);
    this.#ledger.setHard({ vote: this.#id });
    this.#role = "candidate";
    this.#startCampaign(now, { kind: "vote", released });
  }

  #becomeLeader(now: number): void {
    this.#role = "leader";
    this.#leaderId = this.#id;
    this.#campaign = null;
    this.#leading = new Leader({
      id: this.#id,
      peers: this.#peers,
      timing: this.#timing,
      term: this.term,
      log: this.#log,
      send: (to, message) => this.#ledger.send(to, message),
      graceMs: this.#graceMs,
    }, now);
  }

  /** A message of a leader's follower: true if it is about this term; a later term ends this leadership. */
  #isFromMyTerm(now: number, term: number): boolean {
    if (term > this.term) this.#stepDown(now, term);
    return term === this.term;
  }

  #stepDown(now: number, term: number): void {
    this.#becomeFollower(term, null);
    this.#electionAt = this.#timeout(now);
  }

  // Campaigns

  #stand(now: number): void {
    const released = this.#support.isReleased(this.term);
    if (this.#support.forbids(now, this.term + 1, released)) this.#electionAt = this.#support.untilMs;
    else if (this.#ledger.owesVote(this.#id)) this.#electionAt = this.#timeout(now);
    else this.#becomePreCandidate(now);
  }

  #startCampaign(now: number, options: { readonly kind: "preVote" | "vote"; readonly released: boolean }): void {
    const term = options.kind === "preVote" ? this.term + 1 : this.term;
    const [timing, random, voters] = [this.#timing, this.#random, this.#peers.length + 1];
    this.#campaign = new Campaign({ ...options, term, voters, timing, now, random });
    this.#requestVotes(this.#campaign);
  }

  #requestVotes(campaign: Campaign): void {
    const { kind: type, term, released: transfer } = campaign;
    const request = { type, term, lastIndex: this.#log.lastIndex, lastTerm: this.#log.lastTerm, transfer };
    for (const peer of this.#peers) if (!campaign.hasAnswered(peer)) this.#ledger.send(peer, request);
  }

  #pursue(now: number, campaign: Campaign): void {
    if (now >= campaign.endsAt) {
      this.#becomeFollower(this.term, null);
      this.#stand(now);
    } else if (campaign.isResendDue(now)) {
      this.#requestVotes(campaign);
    }
  }

  #onVoteReply(now: number, from: MemberId, reply: VoteReply): void {
    const campaign = this.#campaign;
    if (campaign === null || reply.type !== `${campaign.kind}Reply`) return;
    if (reply.term > this.term && !reply.granted) {
      this.#becomeFollower(reply.term, null);
      this.#electionAt = retryTime(now, this.#timing, this.#random);
      return;
    }
    if (reply.granted && reply.term !== campaign.term) return;
    this.#judge(now, campaign, campaign.count(from, reply.granted));
  }

  #judge(now: number, campaign: Campaign, tally: "open" | "won" | "lost"): void {
    if (tally === "lost") {
      this.#becomeFollower(this.term, null);
      this.#electionAt = Math.max(now, campaign.endsAt);
    } else if (tally === "won") {
      if (campaign.kind === "preVote") this.#becomeCandidate(now, campaign.released);
      else if (campaign.hasAnswered(this.#id)) this.#becomeLeader(now);
    }
  }

  #timeout(now: number): number {
    const seat = seatOf(this.#id, this.#peers, this.#leaderId);
    return electionTimeout(now, this.#timing, { random: this.#random, seat });
  }

  // Votes

  #onVoteRequest(now: number, from: MemberId, request: VoteRequest): void {
    if (!this.#following.mayVote) return;
    const granted = this.#mayGrant(now, request) && this.#grant(now, from, request);
    const term = granted ? request.term : this.term;
    const type = request.type === "vote" ? "voteReply" : "preVoteReply";
    this.#ledger.sendAfterHard(from, { type, term, granted });
  }

  #mayGrant(now: number, request: VoteRequest): boolean {
    if (this.#leading !== null && !this.#leading.offersLeadership) return false;
    if (this.#support.forbids(now, request.term, request.transfer)) return false;
    return request.type === "vote" ? request.term >= this.term : request.term > this.term;
  }

  #grant(now: number, from: MemberId, request: VoteRequest): boolean {
    const upToDate = this.#log.isCoveredBy(request.lastIndex, request.lastTerm);
    if (request.type === "preVote") return upToDate;
    if (request.term > this.term) this.#stepDown(now, request.term);
    const free = this.#ledger.hard.vote === null ? this.#leaderId === null : this.#ledger.hard.vote === from;
    if (!free || !upToDate) return false;
    this.#ledger.setHard({ vote: from });
    this.#electionAt = this.#timeout(now);
    return true;
  }

  #onResign(now: number, term: number): void {
    if (term < this.term || this.#support.isReleased(term)) return;
    this.#support.release(term);
    if (this.#leading !== null && term === this.term) return;
    this.#becomeFollower(term, null);
    this.#electionAt = succession(now, this.#timing, this.#random);
  }

  #onTimeoutNow(now: number, term: number): void {
    if (term < this.term || this.#leading !== null || this.#following.isLearning || this.#role === "candidate") return;
    if (term > this.term) this.#stepDown(now, term);
    this.#support.release(term);
    this.#becomeCandidate(now, true);
  }

  // Following

  /** True if `from` leads this term as far as this member can tell; follows it then. An older leader is told the term. */
  #follow(now: number, from: MemberId, term: number, graceMs = this.#leaderGraceMs): boolean {
    // What a leader sent before it resigned may still be under way.
    if (term < this.term || this.#support.isReleased(term)) return false;
    if (term > this.term || this.#role !== "follower" || this.#leaderId !== from) this.#becomeFollower(term, from);
    this.#leaderGraceMs = graceMs;
    this.#support.promise(term, now + this.#timing.electionMinMs + this.#leaderGraceMs);
    this.#electionAt = this.#timeout(now) + this.#leaderGraceMs;
    return true;
  }

  #onBeat(now: number, from: MemberId, beat: Beat): void {
    const followed = this.#follow(now, from, beat.term, beat.graceMs * CLOCK_RATE_TOLERANCE);
    if (followed) this.#following.onBeat(now, from, beat);
    // The number of a round means something in its own term only: an older leader learns the term, and nothing is acknowledged.
    this.#following.acknowledge(now, from, followed ? beat.round : 0);
  }

  // Joining

  #startAsking(now: number, selfFresh: boolean): void {
    const [timing, random, voters] = [this.#timing, this.#random, this.#peers.length + 1];
    this.#asking = new Asking({ voters, timing, now, random, selfFresh });
    this.#conclude(now, this.#asking.conclusion());
  }

  #ask(now: number): void {
    if (this.#asking === null || !this.#asking.isHelloDue(now)) return;
    const hello = { type: "hello", fresh: this.fresh, nonce: this.#asking.nonce } as const;
    for (const peer of this.#peers) this.#ledger.send(peer, hello);
  }

  #onHello(from: MemberId, hello: Hello): void {
    this.#ledger.sendAfterHard(from, { type: "helloReply", term: this.term, fresh: this.fresh, nonce: hello.nonce });
  }

  #conclude(now: number, learned: Learned): void {
    if (learned.outcome === "asking") return;
    this.#asking = null;
    if (learned.outcome === "bootstrap") {
      this.#ledger.setHard({ joining: false });
      const retryAt = this.#peers.length === 0 ? now : retryTime(now, this.#timing, this.#random);
      this.#electionAt = Math.max(this.#electionAt, retryAt);
      return;
    }
    // Its own name in place of the forgotten vote: in that term it votes no more.
    this.#ledger.setHard({ term: Math.max(this.term, learned.term), vote: this.#id });
    this.#following.beginLearning(learned.mayVote);
  }

  // Leading

  #lead(now: number): void {
    const verdict = this.#leading?.tick(now) ?? "lead";
    if (verdict === "lead") return;
    // Where a member's kernel has no guard, the end of the lease is not the end of what was held under it: nobody is told to hurry.
    if (verdict === "quorum-lost" && (this.#leading?.memberGraceMs ?? 0) > 0) return this.#stepDown(now, this.term);
    // However it ended, no lease of this term is left, and none will be.
    this.#support.release(this.term);
    if (verdict === "reelect") return this.#becomeCandidate(now, true);
    for (const peer of this.#peers) this.#ledger.send(peer, { type: "resign", term: this.term });
    this.#stepDown(now, this.term);
  }

  /** Adds an entry to the log if this member leads; at most 1000 bytes, so that it fits a datagram. */
  propose(now: number, data: Uint8Array): ProposeOutcome {
    this.tick(now);
    if (this.#leading === null) return { outcome: "not-leader", leader: this.#leaderId };
    const index = this.#leading.handingOver ? null : this.#leading.propose(now, data);
    return index === null ? { outcome: "busy" } : { outcome: "accepted", index };
  }

  /**
   * Hands leadership to `to`, or to the best follower if null. From this call on `grants` is empty here; once no member holds
   * anything, the target is told to campaign. If nobody takes over within one election minimum, this member leads on (in a new term).
   */
  transfer(now: number, to: MemberId | null): TransferOutcome {
    this.tick(now);
    if (this.#leading === null) return { outcome: "not-leader", leader: this.#leaderId };
    const target = to ?? this.#leading.bestTarget(now);
    if (target === null || !this.#leading.answers(now, target)) return { outcome: "no-target" };
    this.#leading.beginHandover(now, target);
    this.#lead(now);
    return { outcome: "started", to: target };
  }

  /** Gives leadership up to whoever campaigns first, after every grant has ended; does nothing unless leading. */
  resign(now: number): void {
    this.tick(now);
    this.#leading?.beginHandover(now, null);
    this.#lead(now);
  }

  /** The wanted holder of each address, while this member leads; kept until replaced, forgotten with the leadership. */
  assign(now: number, holders: ReadonlyMap<string, MemberId>): void {
    this.tick(now);
    this.#leading?.assign(now, holders);
  }

  /** What this machine may hold now, as leader or as member; anything not listed must be let go before the next `ready`. */
  grants(now: number): HeldGrant[] {
    if (this.#leading === null) return this.#following.grants(now);
    const validUntil = this.#leading.leaseUntil(now);
    return validUntil <= now ? [] : this.#leading.ownHolds.map((ip) => ({ ip, validUntil }));
  }

  /** For the leader: who holds, or may still hold, each address; empty on others. */
  holders(): ReadonlyMap<string, MemberId> {
    return this.#leading?.holders() ?? new Map();
  }

  /** For the leader: followers that answered lately and have the whole log; empty on others. */
  successors(now: number): readonly MemberId[] {
    return this.#leading?.successors(now) ?? [];
  }

  // Output

  hasReady(): boolean {
    return this.#ledger.hasReady;
  }

  /** Takes what is to be done, see {@link Ready}. */
  ready(_now: number): Ready {
    return this.#ledger.ready();
  }

  /** The batch `seq` is durable; the next may follow in {@link ready}. */
  persisted(now: number, seq: number): void {
    const owedVote = this.#ledger.owesVote(this.#id);
    this.#ledger.persisted(seq);
    // The vote leaves only now: its candidate gets the time to win with it.
    if (owedVote && this.#ledger.isHardDurable) this.#electionAt = Math.max(this.#electionAt, this.#timeout(now));
    if (this.#role !== "follower") this.tick(now);
    this.#leading?.advanceCommit();
    const campaign = this.#campaign;
    // A candidate's own vote counts, like any other, once it cannot be forgotten.
    if (campaign?.kind === "vote" && this.#ledger.isHardDurable) {
      this.#judge(now, campaign, campaign.count(this.#id, true));
    }
  }

  /** Replaces the log up to `index` (applied already) by `data`, the state machine there. */
  compact(index: number, data: Uint8Array): void {
    this.#log.compact(index, data);
  }

  // Looking in

  /** Until when this member leads by lease; −Infinity when it does not. */
  leaseUntil(now: number): number {
    return this.#leading?.leaseUntil(now) ?? -Infinity;
  }

  get role(): Role {
    return this.#asking !== null || this.#following.isLearning ? "joining" : this.#role;
  }

  get term(): number {
    return this.#ledger.hard.term;
  }

  /** The leader as far as this member knows. */
  get leader(): MemberId | null {
    return this.#leaderId;
  }

  get commitIndex(): number {
    return this.#log.commitIndex;
  }

  get lastIndex(): number {
    return this.#log.lastIndex;
  }

  /** Entries in memory that a snapshot could replace. */
  get logLength(): number {
    return this.#log.length;
  }

  /** True while this member has never had state. */
  get fresh(): boolean {
    return this.term === 0 && this.#log.lastIndex === 0;
  }

  /** True while a hand-over or resignation is under way. */
  get handingOver(): boolean {
    return this.#leading?.handingOver ?? false;
  }
}
