/** Less than this is never given back. */
const MIN_BYTES = 4096;

/** Bytes that wait for the kernel, in order: one buffer that grows by doubling and shrinks to nothing when it is empty. */
export class SendQueue {
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies `bytes` behind the others. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** What comes next, at most `limit` bytes: a view, valid until the next call of another method. */
  head(limit: number): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + limit));
  }

  /** Takes so many bytes from the front. */
  drop(count: number): void {
    this.#start += Math.min(count, this.length);
    if (this.#start === this.#end) this.clear();
  }

  /** Forgets all, and the memory with it. */
  clear(): void {
    this.#buffer = new Uint8Array(0);
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(more: number): void {
    const waiting = this.head(this.length);
    const needed = waiting.length + more;
    // At least half of the buffer is free after this, so that each byte is moved a bounded number of times.
    const enough = needed <= this.#buffer.length / 2;
    const buffer = enough ? this.#buffer : new Uint8Array(Math.max(MIN_BYTES, needed * 2));
    buffer.set(waiting, 0);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = waiting.length;
  }
}
