/** RFC 9687: a peer that takes no bytes holds up what is sent to it, and is let go. Pure. */

/** Follows the queue of one connection. */
export class SendWatch {
  readonly #limitMs: number;
  #queuedBytes = 0;
  #sinceMs: number | null = null;

  /** @param limitMs SendHoldTime: so long may a queue stand still. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Something of `bytes` was added to the queue, which is of `queuedBytes` now. */
  sent(bytes: number, queuedBytes: number, { now }: { now: number }): void {
    const isMoving = queuedBytes < this.#queuedBytes + bytes;
    this.#note(queuedBytes, { now, isMoving });
  }

  /** To be asked at {@link nextCheck}: whether the queue has stood still for too long. */
  check(queuedBytes: number, now: number): "moving" | "stuck" {
    this.#note(queuedBytes, { now, isMoving: queuedBytes < this.#queuedBytes });
    return this.#sinceMs !== null && now - this.#sinceMs >= this.#limitMs ? "stuck" : "moving";
  }

  /** When to look again; null: nothing waits. */
  nextCheck(): number | null {
    return this.#sinceMs === null ? null : this.#sinceMs + this.#limitMs;
  }

  #note(queuedBytes: number, { now, isMoving }: { now: number; isMoving: boolean }): void {
    this.#queuedBytes = queuedBytes;
    if (queuedBytes === 0) this.#sinceMs = null;
    else if (isMoving || this.#sinceMs === null) this.#sinceMs = now;
  }
}
