import type { RaftLog } from "./log.ts";
import { Outbox } from "./outbox.ts";
import type { HardState, MemberId, Message, PersistBatch, Ready } from "./types.ts";

interface Issued {
  readonly seq: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/**
 * What a member has promised and what of it is on disk. A message that promises something leaves only when that is durable
 * (raft thesis §3.8): a vote with the term and vote, an acknowledged entry with the log.
 */
export class Ledger {
  readonly #log: RaftLog;
  readonly #outbox = new Outbox();
  #hard: HardState;
  #hardDirty = false;
  #nextSeq = 1;
  #hardSeq = 0;
  #logSeq = 0;
  #durableSeq = 0;
  #issued: Issued | null = null;

  constructor(log: RaftLog, hard: HardState) {
    this.#log = log;
    this.#hard = hard;
  }

  get hard(): HardState {
    return this.#hard;
  }

  /** Changes the hard state; costs a write only if it differs. */
  setHard(change: Partial<HardState>): void {
    const hard = { ...this.#hard, ...change };
    const same = hard.term === this.#hard.term && hard.vote === this.#hard.vote && hard.joining === this.#hard.joining;
    if (same) return;
    this.#hard = hard;
    this.#hardDirty = true;
    this.#hardSeq = this.#nextSeq;
  }

  get isHardDurable(): boolean {
    return this.#hardSeq <= this.#durableSeq;
  }

  /** True while a vote of `self` for another is not on disk yet: to stand against that candidate would help neither. */
  owesVote(self: MemberId): boolean {
    return !this.isHardDurable && this.#hard.vote !== null && this.#hard.vote !== self;
  }

  /** Sends what promises nothing. */
  send(to: MemberId, message: Message): void {
    this.#outbox.sendNow(to, message);
  }

  /** Sends once the hard state is durable. */
  sendAfterHard(to: MemberId, message: Message): void {
    this.#outbox.send(to, message, { needsSeq: this.#hardSeq, durableSeq: this.#durableSeq });
  }

  /** Sends once hard state and log are durable. */
  sendAfterLog(to: MemberId, message: Message): void {
    const logSeq = this.#log.hasUnsaved ? this.#nextSeq : this.#logSeq;
    this.#outbox.send(to, message, { needsSeq: Math.max(this.#hardSeq, logSeq), durableSeq: this.#durableSeq });
  }

  get hasReady(): boolean {
    return !this.#outbox.isEmpty || this.#hasBatch || this.#log.hasCommitted;
  }

  /** One batch at a time: what changes while a slow disk writes becomes one batch, not a queue. */
  get #hasBatch(): boolean {
    return this.#issued === null && (this.#hardDirty || this.#log.hasUnsaved);
  }

  ready(): Ready {
    return { send: this.#outbox.take(), batch: this.#takeBatch(), ...this.#log.takeCommitted() };
  }

  #takeBatch(): PersistBatch | null {
    if (!this.#hasBatch) return null;
    const seq = this.#nextSeq++;
    const hard = this.#hardDirty ? this.#hard : null;
    this.#hardDirty = false;
    if (this.#log.hasUnsaved) this.#logSeq = seq;
    this.#issued = { seq, lastIndex: this.#log.lastIndex, lastTerm: this.#log.lastTerm };
    return { seq, hard, ...this.#log.takeUnsaved() };
  }

  /** Batch `seq` is durable. */
  persisted(seq: number): void {
    if (this.#issued?.seq !== seq) return;
    this.#durableSeq = seq;
    this.#log.markDurable(this.#issued.lastIndex, this.#issued.lastTerm);
    this.#issued = null;
    this.#outbox.release(seq);
  }
}
