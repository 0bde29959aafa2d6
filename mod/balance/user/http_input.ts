/** Bytes that came and are not used yet, and how they leave again together with a head. */
import type { Flow } from "./types.ts";

/** A part of a buffer: `start` moves on as it is used. */
export interface Input {
  bytes: Uint8Array<ArrayBuffer>;
  start: number;
  end: number;
}

/** Room before what is received into the loop's scratch: a head that has grown a little still stands right before its content. */
export const HEADROOM_BYTES = 2048;
/** Heads are received by pieces of this size: what comes behind them may have to be held. */
const HEAD_READ_BYTES = 32 * 1024;
/** So often one flow is read in a row, then the others have their turn. */
export const MOST_READS = 8;
/** What is usually held fits into this. */
const SMALL_BYTES = 2048;
const MAX_SPARE = 256;
/** As much content is copied behind its head: that costs less than a view of the two where they are. */
const LITTLE_BYTES = 512;
const NOTHING = new Uint8Array(0);

/** The loop's scratch, seen as what is received into it. One a thread: what is in it is used or held before anything else is received. */
export class ScratchInput implements Input {
  readonly bytes: Uint8Array<ArrayBuffer>;
  start = HEADROOM_BYTES;
  end = HEADROOM_BYTES;
  /** Where what is received stands. */
  readonly #room: Uint8Array<ArrayBuffer>;

  constructor(scratch: Uint8Array<ArrayBuffer>) {
    this.bytes = scratch;
    this.#room = scratch.subarray(HEADROOM_BYTES);
  }

  /** Receives where a head may be; gives what {@link Flow.receive} gave. */
  receiveHead(flow: Flow): number {
    return this.#receive(flow, Math.min(HEAD_READ_BYTES, this.#room.length));
  }

  /** Receives content, at most so much. */
  receiveContent(flow: Flow, most: number = this.#room.length): number {
    return this.#receive(flow, Math.min(most, this.#room.length));
  }

  /** Sends what was received and has been used since, from its first byte on. */
  sendUsed(flow: Flow): void {
    flow.send(this.#room, this.start - HEADROOM_BYTES);
  }

  #receive(flow: Flow, most: number): number {
    const count = flow.receive(this.#room, most);
    this.start = HEADROOM_BYTES;
    this.end = HEADROOM_BYTES + Math.max(count, 0);
    return count;
  }
}

/** Small buffers that nobody uses: memory that is not counted anew for each connection. */
export class SpareBuffers {
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** One of at least this size. */
  take(size: number): Uint8Array<ArrayBuffer> {
    const spare = size <= SMALL_BYTES ? this.#spare.pop() : undefined;
    return spare ?? new Uint8Array(Math.max(size, SMALL_BYTES));
  }

  /** It is not used any more. */
  put(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === SMALL_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}

/** Bytes held for later in a buffer of their own, which is there only while it is needed. */
export class HeldInput implements Input {
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  start = 0;
  end = 0;
  readonly #buffers: SpareBuffers;

  constructor(buffers: SpareBuffers) {
    this.#buffers = buffers;
  }

  /** How many there are. */
  get length(): number {
    return this.end - this.start;
  }

  /** Takes over all of `input`. */
  append(input: Input): void {
    const count = input.end - input.start;
    if (count === 0) return;
    if (this.end + count > this.bytes.length) this.#makeRoom(count);
    copy(input, this.bytes, this.end);
    this.end += count;
    input.start = input.end;
  }

  /** Takes `count` bytes off the front. */
  consume(count: number): void {
    this.start += count;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.bytes !== NOTHING) this.#buffers.put(this.bytes);
    this.bytes = NOTHING;
  }

  #makeRoom(count: number): void {
    const wanted = this.length + count;
    let size = Math.max(this.bytes.length, SMALL_BYTES);
    // Doubled, so that a head that comes byte by byte is not copied for each of them.
    while (size < wanted) size *= 2;
    if (size === this.bytes.length) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      const before = this.bytes;
      this.bytes = this.#buffers.take(size);
      this.bytes.set(before.subarray(this.start, this.end));
      if (before !== NOTHING) this.#buffers.put(before);
    }
    this.end -= this.start;
    this.start = 0;
  }
}

/** Copies what there is. A little is copied faster without the view that the runtime's way needs. */
function copy({ bytes, start, end }: Readonly<Input>, into: Uint8Array<ArrayBuffer>, at: number): void {
  if (end - start > LITTLE_BYTES) return into.set(bytes.subarray(start, end), at);
  for (let index = start; index < end; index++) into[at++] = bytes[index] as number;
}

/** What `input` has, as bytes. */
export function viewOf(input: Input): Uint8Array<ArrayBuffer> {
  return input.bytes.subarray(input.start, input.end);
}

/** A head that was written: the first `length` of `bytes`. */
export interface WrittenHead {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/**
 * Sends a head and the content from `start` to `end` of `bytes` at once, without moving the content: the head is put before it, over
 * what has been used already.
 */
export function sendWithHead(
  flow: Flow,
  head: WrittenHead,
  content: { readonly bytes: Uint8Array<ArrayBuffer>; readonly start: number; readonly end: number },
): void {
  const { bytes, start, end } = content;
  const { length } = head;
  if (start === end) {
    flow.send(head.bytes, length);
  } else if (end - start <= LITTLE_BYTES && length + end - start <= head.bytes.length) {
    copy(content, head.bytes, length);
    flow.send(head.bytes, length + end - start);
  } else if (length <= start) {
    const at = start - length;
    for (let index = 0; index < length; index++) bytes[at + index] = head.bytes[index] as number;
    flow.send(bytes.subarray(at, end));
  } else {
    const whole = new Uint8Array(length + end - start);
    whole.set(head.bytes.subarray(0, length));
    whole.set(bytes.subarray(start, end), length);
    flow.send(whole);
  }
}
