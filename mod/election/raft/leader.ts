import { LeaderGrants } from "./grants.ts";
import { Handover } from "./handover.ts";
import { BeatRounds } from "./lease.ts";
import type { RaftLog } from "./log.ts";
import { Progress } from "./progress.ts";
import { majority, reachedBy } from "./quorum.ts";
import type { AppendReply, BeatReply, MemberId, Message, Timing } from "./types.ts";

const NO_DATA = new Uint8Array(0);
/** Entries that may wait for a majority. */
const MAX_UNCOMMITTED = 256;

/** What a leadership comes to: it goes on, or ends in one of three ways (see {@link Leader.tick}). */
export type LeaderVerdict = "lead" | "quorum-lost" | "resign" | "reelect";

/** What a leader works on. */
export interface LeaderContext {
  readonly id: MemberId;
  readonly peers: readonly MemberId[];
  readonly timing: Timing;
  readonly term: number;
  readonly log: RaftLog;
  readonly send: (to: MemberId, message: Message) => void;
  /** How much longer than its lease this machine may answer; see {@link Beat.graceMs}. */
  readonly graceMs: number;
}

interface Peer {
  readonly id: MemberId;
  readonly progress: Progress;
  /** The peer's clock as of its last reply, and the round that it answered. */
  echoMs: number | null;
  echoRound: number;
  /** The round that has been repeated to this peer with the lease it earned. */
  refreshedRound: number;
  graceMs: number;
}

/** One leadership, from election to its end: beats, lease, replication, grants and hand-over of one term. */
export class Leader {
  readonly #context: LeaderContext;
  readonly #rounds: BeatRounds;
  readonly #grants: LeaderGrants;
  readonly #peers = new Map<MemberId, Peer>();
  #handover: Handover | null = null;
  #nextBeatAt: number;
  /** When to repeat the current round to those that have not answered; Infinity once done. */
  #repeatAt = Infinity;
  /** The grace that the beats of the current round announce, and the one that a majority has acknowledged. */
  #roundGraceMs = 0;
  #announcedGraceMs = 0;

  constructor(context: LeaderContext, now: number) {
    this.#context = context;
    const voters = context.peers.length + 1;
    this.#rounds = new BeatRounds(voters, { leaseMs: context.timing.leaseMs, now });
    this.#grants = new LeaderGrants(context.id);
    this.#nextBeatAt = now;
    const next = context.log.lastIndex + 1;
    for (const id of context.peers) {
      this.#peers.set(id, {
        id,
        progress: new Progress(next),
        echoMs: null,
        echoRound: 0,
        refreshedRound: 0,
        graceMs: 0,
      });
    }
    // Entries of earlier terms are committed only by one of this term (raft thesis §3.6.2).
    context.log.add(context.term, NO_DATA);
    this.#replicate(now);
    this.#beginRound(now);
  }

  // Beats and lease

  /**
   * Does what is due. `quorum-lost`: the lease ran out, so did every grant; `resign`: all grants were released; `reelect`: the target
   * of a hand-over did not take it. After each but `lead` the caller ends this leadership, and the lease is over for good.
   */
  tick(now: number): LeaderVerdict {
    if (now >= this.#rounds.quorumUntil(now)) return "quorum-lost";
    const verdict = this.#driveHandover(now);
    if (verdict !== "lead") return verdict;
    if (now >= this.#nextBeatAt || now >= this.#grants.nextExpiry()) this.#beginRound(now);
    else if (now >= this.#repeatAt) this.#repeatRound(now);
    return "lead";
  }

  get deadline(): number {
    // A single voter's lease moves with the clock: there is nothing to wait for.
    const quorumUntil = this.#peers.size === 0 ? Infinity : this.#rounds.quorumUntil(0);
    const handover = this.#handover?.deadline ?? Infinity;
    return Math.min(quorumUntil, handover, this.#nextBeatAt, this.#repeatAt, this.#grants.nextExpiry());
  }

  #beginRound(now: number): void {
    const { timing } = this.#context;
    this.#grants.plan(now, this.#rounds.begin(now));
    this.#roundGraceMs = Math.max(this.#context.graceMs, this.memberGraceMs);
    this.#nextBeatAt = now + timing.beatMs;
    if (this.#peers.size === 0) return;
    this.#repeatAt = now + 0.4 * timing.beatMs;
    for (const peer of this.#peers.values()) this.#beat(now, peer);
    this.#replicate(now);
  }

  #repeatRound(now: number): void {
    this.#repeatAt = Infinity;
    for (const peer of this.#peers.values()) {
      if (!this.#rounds.hasAcknowledged(peer.id)) this.#beat(now, peer);
    }
  }

  #beat(now: number, peer: Peer): void {
    const until = this.#isHanding ? -Infinity : this.#rounds.leaseUntil(now);
    const { term, log } = this.#context;
    if (until > now) this.#grants.sent(peer.id, until + peer.graceMs);
    this.#context.send(peer.id, {
      type: "beat",
      term,
      round: this.#rounds.current,
      commit: log.commitIndex,
      lastIndex: log.lastIndex,
      echoMs: peer.echoMs,
      leaseLeftMs: Math.max(0, until - now),
      graceMs: this.#roundGraceMs,
      // Supporters have to know how long a holder may answer before it holds anything.
      holds: peer.graceMs > this.#announcedGraceMs ? [] : this.#grants.listFor(peer.id),
    });
  }

  onBeatReply(now: number, from: MemberId, reply: BeatReply): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) return;
    // Not the greatest: after a restart the peer's clock is another one, and an echo of the old one is worth nothing to it.
    if (reply.round >= peer.echoRound) {
      peer.echoMs = reply.clockMs;
      peer.echoRound = reply.round;
    }
    peer.graceMs = reply.graceMs;
    this.#rounds.acknowledge(from, reply.round);
    if (this.#rounds.isConfirmed) this.#announcedGraceMs = this.#roundGraceMs;
    if (this.#grants.acknowledged(from, reply.round)) this.#beginRound(now);
    else this.#refresh(now);
  }

  /**
   * Tells holders of the lease that the current round has earned: counted from their newest reply it lasts as long as the leader's
   * own, where the beat itself could only give what was left of the round before.
   */
  #refresh(now: number): void {
    if (!this.#rounds.isConfirmed || this.#isHanding) return;
    const round = this.#rounds.current;
    for (const peer of this.#peers.values()) {
      if (peer.refreshedRound === round || !this.#rounds.hasAcknowledged(peer.id)) continue;
      if (this.#grants.listFor(peer.id).length === 0) continue;
      peer.refreshedRound = round;
      this.#beat(now, peer);
    }
  }

  /** The longest that another member may answer beyond this lease. */
  get memberGraceMs(): number {
    return Math.max(0, ...[...this.#peers.values()].map((peer) => peer.graceMs));
  }

  /** The end of the lease; −Infinity before a majority has answered, and once leadership has been offered to another. */
  leaseUntil(now: number): number {
    return this.#isHanding ? -Infinity : this.#rounds.leaseUntil(now);
  }

  // Replication

  /** Adds an entry; null if too many wait already. */
  propose(now: number, data: Uint8Array): number | null {
    const { log, term } = this.#context;
    if (this.#handover !== null || log.lastIndex - log.commitIndex >= MAX_UNCOMMITTED) return null;
    const index = log.add(term, data);
    this.#replicate(now);
    return index;
  }

  #replicate(now: number): void {
    const { log, timing } = this.#context;
    for (const peer of this.#peers.values()) {
      if (peer.progress.match < log.lastIndex && peer.progress.isIdle(now, timing.beatMs)) this.#append(now, peer);
    }
  }

  #append(now: number, { id, progress }: Peer): void {
    const { log, term } = this.#context;
    const prevIndex = Math.min(progress.next, log.lastIndex + 1) - 1;
    const prevTerm = log.termAt(prevIndex);
    progress.pendingSince = now;
    if (prevTerm === null || prevIndex < log.baseIndex) {
      if (log.snapshot !== null) this.#context.send(id, { type: "snapshot", term, snapshot: log.snapshot });
      return;
    }
    const entries = log.batchFrom(prevIndex + 1);
    this.#context.send(id, { type: "append", term, prevIndex, prevTerm, commit: log.commitIndex, entries });
  }

  onAppendReply(now: number, from: MemberId, reply: AppendReply): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) return;
    const { log, timing } = this.#context;
    if (reply.ok) {
      if (!peer.progress.matched(Math.min(reply.match, log.lastIndex))) return;
      this.advanceCommit();
      if (peer.progress.match < log.lastIndex) this.#append(now, peer);
    } else if (peer.progress.next > reply.match + 1 || peer.progress.isIdle(now, timing.beatMs)) {
      peer.progress.refused(reply.match, log.lastIndex);
      this.#append(now, peer);
    }
  }

  /** Commits what a majority has on disk, this member included only once its own disk has it (raft thesis §10.2.1). */
  advanceCommit(): void {
    const { log, term } = this.#context;
    const matches = [log.durableIndex];
    for (const peer of this.#peers.values()) matches.push(peer.progress.match);
    const index = reachedBy(matches, majority(matches.length));
    if (index > log.commitIndex && log.termAt(index) === term) log.commitTo(index);
  }

  // Grants

  assign(now: number, holders: ReadonlyMap<string, MemberId>): void {
    this.#grants.assign(holders);
    this.#beginRound(now);
  }

  /** The addresses this member holds itself, under its own lease. */
  get ownHolds(): readonly string[] {
    return this.#handover === null ? this.#grants.listFor(this.#context.id) : [];
  }

  holders(): ReadonlyMap<string, MemberId> {
    return this.#grants.holders();
  }

  // Hand-over

  get handingOver(): boolean {
    return this.#handover !== null;
  }

  get #isHanding(): boolean {
    return this.#handover?.phase === "handing";
  }

  /** True while a vote for another is allowed: leadership has been offered. */
  get offersLeadership(): boolean {
    return this.#isHanding;
  }

  /** True if `member` is a follower that acknowledged a beat of the last lease. */
  answers(now: number, member: MemberId): boolean {
    return now - this.#rounds.ackedAt(member) <= this.#context.timing.leaseMs;
  }

  /** The follower that has most of the log among those that answered lately; null if none did. */
  bestTarget(now: number): MemberId | null {
    let best: Peer | null = null;
    for (const peer of this.#peers.values()) {
      if (!this.answers(now, peer.id)) continue;
      if (best === null || peer.progress.match > best.progress.match) best = peer;
    }
    return best?.id ?? null;
  }

  /** Followers that answered lately and have the whole log: each could take over at once. */
  successors(now: number): MemberId[] {
    return [...this.#peers.values()]
      .filter((peer) => this.answers(now, peer.id) && peer.progress.match === this.#context.log.lastIndex)
      .map((peer) => peer.id);
  }

  /** Begins to hand over to `to`, or to whoever comes first if null; the grants end first. */
  beginHandover(now: number, to: MemberId | null): void {
    if (this.#isHanding) return;
    this.#handover = new Handover(to, { now, timing: this.#context.timing });
    this.#grants.releaseAll();
    this.#beginRound(now);
  }

  #driveHandover(now: number): LeaderVerdict {
    const handover = this.#handover;
    if (handover === null) return "lead";
    const peer = handover.to === null ? undefined : this.#peers.get(handover.to);
    const caughtUp = peer === undefined || peer.progress.match === this.#context.log.lastIndex;
    switch (handover.next(now, this.#grants.isSettled(now) && caughtUp)) {
      case "wait":
        return "lead";
      case "offer":
        if (handover.to === null) return "resign";
        this.#context.send(handover.to, { type: "timeoutNow", term: this.#context.term });
        return "lead";
      case "cancel":
        this.#handover = null;
        this.#grants.resume();
        this.#beginRound(now);
        return "lead";
      case "give-up":
        return "reelect";
    }
  }
}
