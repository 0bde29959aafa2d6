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
/** A smaller buffer is not given back between two requests. */
const SMALL_BYTES = 2048;
const FIRST_BYTES = 512;
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

  /** Receives content. */
  receiveContent(flow: Flow): number {
    return this.#receive(flow, this.#room.length);
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

/** Bytes held for later in a buffer of their own, which is there only while it is needed. */
export class HeldInput implements Input {
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  start = 0;
  end = 0;

  /** How many there are. */
  get length(): number {
    return this.end - this.start;
  }

  /** Takes over all of `input`. */
  append(input: Input): void {
    const count = input.end - input.start;
    if (count === 0) return;
    if (this.end + count > this.bytes.length) this.#makeRoom(count);
    this.bytes.set(input.bytes.subarray(input.start, input.end), this.end);
    this.end += count;
    input.start = input.end;
  }

  /** Takes `count` bytes off the front. */
  consume(count: number): void {
    this.start += count;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.bytes.length > SMALL_BYTES) this.bytes = NOTHING;
  }

  #makeRoom(count: number): void {
    const wanted = this.length + count;
    let size = Math.max(this.bytes.length, FIRST_BYTES);
    // Doubled, so that a head that comes byte by byte is not copied for each of them.
    while (size < wanted) size *= 2;
    const room = size > this.bytes.length ? new Uint8Array(size) : this.bytes;
    room.set(this.bytes.subarray(this.start, this.end));
    this.bytes = room;
    this.end -= this.start;
    this.start = 0;
  }
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
