import type { MemberId, Message, Outgoing } from "./types.ts";

interface Held {
  readonly needsSeq: number;
  readonly outgoing: Outgoing;
}

/** More than a member can have waiting: every kind of message to every peer, for the batch that is written and the one after it. */
const MAX_HELD = 1024;

/** Messages on their way out; those that promise something wait until it is durable. */
export class Outbox {
  #ready: Outgoing[] = [];
  readonly #held = new Map<string, Held>();

  /**
   * Queues a message that may leave once batch `needsSeq` is durable; `durableSeq` is the newest that is. While a disk hangs only the
   * newest of a kind is kept for each receiver and batch: the others would say nothing new. (Not for each receiver alone: under a
   * steady stream a message would be replaced each time before its batch is durable.)
   */
  send(to: MemberId, message: Message, wait: { readonly needsSeq: number; readonly durableSeq: number }): void {
    if (wait.needsSeq <= wait.durableSeq) return void this.#ready.push({ to, message });
    const key = `${message.type} ${wait.needsSeq} ${to}`;
    this.#held.delete(key);
    const [oldest] = this.#held.size < MAX_HELD ? [] : this.#held.keys();
    if (oldest !== undefined) this.#held.delete(oldest);
    this.#held.set(key, { needsSeq: wait.needsSeq, outgoing: { to, message } });
  }

  /** Queues a message that promises nothing. */
  sendNow(to: MemberId, message: Message): void {
    this.#ready.push({ to, message });
  }

  /** Lets go what waited for batches up to `durableSeq`. */
  release(durableSeq: number): void {
    for (const [key, { needsSeq, outgoing }] of this.#held) {
      if (needsSeq > durableSeq) continue;
      this.#ready.push(outgoing);
      this.#held.delete(key);
    }
  }

  get isEmpty(): boolean {
    return this.#ready.length === 0;
  }

  /** Messages that wait for storage. */
  get heldBack(): number {
    return this.#held.size;
  }

  take(): readonly Outgoing[] {
    const taken = this.#ready;
    this.#ready = [];
    return taken;
  }
}
