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
  readonly #issued: Issued[] = [];

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
    return !this.#outbox.isEmpty || this.#hardDirty || this.#log.hasUnsaved || this.#log.hasCommitted;
  }

  ready(): Ready {
    return { send: this.#outbox.take(), batch: this.#takeBatch(), ...this.#log.takeCommitted() };
  }

  #takeBatch(): PersistBatch | null {
    const logChanged = this.#log.hasUnsaved;
    if (!this.#hardDirty && !logChanged) return null;
    const seq = this.#nextSeq++;
    const hard = this.#hardDirty ? this.#hard : null;
    this.#hardDirty = false;
    if (logChanged) this.#logSeq = seq;
    this.#issued.push({ seq, lastIndex: this.#log.lastIndex, lastTerm: this.#log.lastTerm });
    return { seq, hard, ...this.#log.takeUnsaved() };
  }

  /** Batches up to `seq` are durable. */
  persisted(seq: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, seq);
    for (let first = this.#issued[0]; first !== undefined && first.seq <= seq; first = this.#issued[0]) {
      this.#issued.shift();
      this.#log.markDurable(first.lastIndex, first.lastTerm);
    }
    this.#outbox.release(this.#durableSeq);
  }
}
