/** Whether anything moves between a client and a backend: what the idle time is about. */
import type { Flow } from "./types.ts";

/** Of one exchange after the other. */
export class Movement {
  #bytes = 0;

  /** Something has moved just now: the time begins anew. */
  note(client: Flow, backend: Flow | undefined): void {
    this.#bytes = bytesOf(client) + bytesOf(backend);
  }

  /** How much is left of the time in which nothing may move; 0 or less: it is over. */
  restMs(client: Flow, backend: Flow | undefined, { idleMs }: { readonly idleMs: number }): number {
    const before = this.#bytes;
    this.note(client, backend);
    if (this.#bytes !== before) return idleMs;
    // What the kernel has taken may still be on its way to someone slow.
    return idleMs - Math.min(client.sinceSentMs, backend?.sinceSentMs ?? Infinity);
  }
}

function bytesOf(flow: Flow | undefined): number {
  return flow === undefined ? 0 : flow.receivedBytes + flow.sentBytes;
}
