/** Connections to backends that are kept for the next request. */
import { MAX_IDLE, MAX_IDLE_MS } from "./http_policy.ts";
import type { ByteStream } from "./byte_stream.ts";

interface Idle {
  readonly stream: ByteStream;
  readonly sinceMs: number;
}

/** Owns the idle connections of one balancer. */
export class IdleConnections {
  readonly #perBackend: Map<number, Idle[]>;
  readonly #now: () => number;
  #isClosed = false;

  constructor(backends: number, now: () => number) {
    this.#perBackend = new Map(Array.from({ length: backends }, (_unused, index) => [index, []]));
    this.#now = now;
  }

  /** How many are kept. */
  get size(): number {
    let sum = 0;
    for (const list of this.#perBackend.values()) sum += list.length;
    return sum;
  }

  /** From now on connections to these backends are kept. */
  keepFor(indices: readonly number[]): void {
    for (const index of indices) if (!this.#perBackend.has(index)) this.#perBackend.set(index, []);
  }

  /** The backend is gone: its connections are closed, and what is put here later as well, until it is named again. */
  retire(index: number): void {
    this.forget(index);
    this.#perBackend.delete(index);
  }

  /**
   * Keeps a connection on which a response has just ended. A read stays pending on it: an end, or bytes that nobody asked
   * for, show it to be stale in the moment they arrive, and it is closed.
   */
  put(index: number, stream: ByteStream): void {
    const list = this.#perBackend.get(index);
    if (this.#isClosed || list === undefined || list.length >= MAX_IDLE) return stream.cut();
    const idle: Idle = { stream, sinceMs: this.#now() };
    const drop = (): void => {
      const at = list.indexOf(idle);
      if (at < 0) return;
      list.splice(at, 1);
      stream.cut();
    };
    list.push(idle);
    stream.expireIn(MAX_IDLE_MS, drop);
    stream.readAhead(drop);
  }

  /** The connection used last, if it was put here less than `maxAgeMs` ago: the freshest is the least likely to be stale. */
  take(index: number, maxAgeMs: number): ByteStream | null {
    const list = this.#perBackend.get(index);
    const last = list?.at(-1);
    if (list === undefined || last === undefined || this.#now() - last.sinceMs > maxAgeMs) return null;
    list.pop();
    last.stream.neverExpire();
    return last.stream;
  }

  /** Closes those to one backend, which is down. */
  forget(index: number): void {
    for (const { stream } of this.#perBackend.get(index)?.splice(0) ?? []) stream.cut();
  }

  /** Closes all; those put here later are closed at once. */
  close(): void {
    this.#isClosed = true;
    for (const index of this.#perBackend.keys()) this.forget(index);
  }
}
