import type { MemberId, Message, Outgoing } from "./types.ts";

interface Held {
  readonly needsSeq: number;
  readonly outgoing: Outgoing;
}

/** Messages on their way out; those that promise something wait until it is durable. */
export class Outbox {
  #ready: Outgoing[] = [];
  #held: Held[] = [];

  /** Queues a message that may leave once batch `needsSeq` is durable; `durableSeq` is the newest that is. */
  send(to: MemberId, message: Message, wait: { readonly needsSeq: number; readonly durableSeq: number }): void {
    if (wait.needsSeq <= wait.durableSeq) this.#ready.push({ to, message });
    else this.#held.push({ needsSeq: wait.needsSeq, outgoing: { to, message } });
  }

  /** Queues a message that promises nothing. */
  sendNow(to: MemberId, message: Message): void {
    this.#ready.push({ to, message });
  }

  /** Lets go what waited for batches up to `durableSeq`. */
  release(durableSeq: number): void {
    if (this.#held.length === 0) return;
    const still: Held[] = [];
    for (const each of this.#held) {
      if (each.needsSeq <= durableSeq) this.#ready.push(each.outgoing);
      else still.push(each);
    }
    this.#held = still;
  }

  get isEmpty(): boolean {
    return this.#ready.length === 0;
  }

  /** Messages that wait for storage. */
  get heldBack(): number {
    return this.#held.length;
  }

  take(): readonly Outgoing[] {
    const taken = this.#ready;
    this.#ready = [];
    return taken;
  }
}
