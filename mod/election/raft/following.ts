import { type EchoClock, MemberGrants } from "./grants.ts";
import type { Ledger } from "./ledger.ts";
import type { RaftLog } from "./log.ts";
import type { Append, Beat, HeldGrant, InstallSnapshot, MemberId } from "./types.ts";

/** A member that learns its state again: what it waits for. */
interface Learning {
  readonly mayVote: boolean;
  /** The leader's last index at a moment after this start, once known; up to date when the log has reached it. */
  target: number | null;
}

/** A member under a leader: takes over its log, holds what it is assigned, and answers. Whose leader it is, the core decides. */
export class Following {
  readonly #log: RaftLog;
  readonly #ledger: Ledger;
  readonly #echo: EchoClock;
  readonly #held = new MemberGrants();
  /** The last index known to agree with the leader of this term: the rest of the log must not be committed on its word. */
  readonly #graceMs: number;
  #verified = 0;
  #learning: Learning | null = null;

  constructor(log: RaftLog, ledger: Ledger, options: { readonly echo: EchoClock; readonly graceMs: number }) {
    this.#log = log;
    this.#ledger = ledger;
    this.#echo = options.echo;
    this.#graceMs = options.graceMs;
  }

  /** A new term begins: its leader may disagree with what the last one said. */
  forgetTerm(): void {
    this.#verified = 0;
    this.#held.newTerm();
  }

  /** The leader has changed, or is not known any more: what it gave ends. */
  forgetLeader(): void {
    this.#held.clear();
    if (this.#learning !== null) this.#learning.target = null;
  }

  /** From now on this member only learns, until a leader has brought it up to date. */
  beginLearning(mayVote: boolean): void {
    this.#learning = { mayVote, target: null };
  }

  get isLearning(): boolean {
    return this.#learning !== null;
  }

  get mayVote(): boolean {
    return this.#learning?.mayVote ?? true;
  }

  grants(now: number): HeldGrant[] {
    return this.#held.grants(now);
  }

  onBeat(now: number, from: MemberId, beat: Beat): void {
    const echoAt = this.#echo.read(now, beat.echoMs);
    this.#held.onBeat(beat, echoAt);
    this.#log.commitTo(Math.min(beat.commit, this.#verified));
    if (echoAt !== null && this.#learning !== null) this.#learning.target ??= beat.lastIndex;
    if (beat.lastIndex > this.#verified) this.refuse(from, this.#log.lastIndex);
    this.#finishLearning(from);
  }

  /** Answers a beat, with this machine's clock; round 0 acknowledges nothing. */
  acknowledge(now: number, to: MemberId, round: number): void {
    const clockMs = this.#echo.show(now);
    this.#ledger.sendAfterHard(to, {
      type: "beatReply",
      term: this.#ledger.hard.term,
      round,
      clockMs,
      graceMs: this.#graceMs,
    });
  }

  onAppend(from: MemberId, append: Append): void {
    const appended = this.#log.append(append.prevIndex, append.prevTerm, append.entries);
    if (appended.outcome === "matched") this.#accept(from, appended.index, append.commit);
    else if (appended.outcome === "mismatch") this.refuse(from, appended.hint);
  }

  onSnapshot(from: MemberId, { snapshot }: InstallSnapshot): void {
    this.#log.install(snapshot);
    this.#accept(from, snapshot.index, snapshot.index);
  }

  #accept(from: MemberId, match: number, commit: number): void {
    this.#verified = Math.max(this.#verified, match);
    this.#log.commitTo(Math.min(commit, this.#verified));
    this.#ledger.sendAfterLog(from, { type: "appendReply", term: this.#ledger.hard.term, ok: true, match });
    this.#finishLearning(from);
  }

  /** Asks `to` for what follows `hint`, or tells an old leader the term. */
  refuse(to: MemberId, hint: number): void {
    this.#ledger.sendAfterHard(to, { type: "appendReply", term: this.#ledger.hard.term, ok: false, match: hint });
  }

  /** Takes part again once the log has what the leader had after this start; its vote in this term belongs to that leader. */
  #finishLearning(leader: MemberId): void {
    const target = this.#learning?.target ?? null;
    if (target === null || this.#verified < target) return;
    this.#learning = null;
    this.#ledger.setHard({ vote: leader, joining: false });
  }
}
