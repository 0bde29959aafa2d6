/** Reading and writing of the raft room's binary forms: messages, log records and datagrams. */
import { assert } from "../../base/assert.ts";
import { WireError } from "../../net/errors.ts";

const UTF8 = new TextEncoder();
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The longest member id or address text, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 255;

/** Collects bytes; grows as needed. */
export class ByteWriter {
  #bytes = new Uint8Array(128);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** One byte. */
  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  /** Four bytes, most significant first. */
  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** Eight bytes, most significant first. */
  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  /** A whole number from 0 to 2^53 − 1 in seven-bit groups, least significant first. */
  count(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, `a count of ${value}`);
    let rest = value;
    while (rest > 127) {
      this.u8(rest % 128 + 128);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  /** A finite number as an IEEE 754 double. */
  double(value: number): this {
    assert(Number.isFinite(value), `a number of ${value}`);
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  flag(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** At most {@link MAX_TEXT_BYTES} of UTF-8 after their length. */
  text(value: string): this {
    const bytes = UTF8.encode(value);
    assert(bytes.length <= MAX_TEXT_BYTES, `a text of ${bytes.length} bytes`);
    return this.u8(bytes.length).raw(bytes);
  }

  /** Bytes after their length. */
  block(value: Uint8Array): this {
    return this.count(value.length).raw(value);
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** What was written so far: a view, until more is written. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      bigger.set(this.#bytes);
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    return at;
  }
}

/** Reads what {@link ByteWriter} wrote, in its one canonical form; throws {@link WireError} for anything else. */
export class ByteReader {
  readonly #what: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** `what` names the unit in errors. */
  constructor(what: string, bytes: Uint8Array) {
    this.#what = what;
    // A plain view: slicing a node Buffer would share its memory instead of copying.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A number written by {@link ByteWriter.count}, not above `max`. */
  count(max: number = Number.MAX_SAFE_INTEGER): number {
    const start = this.#at;
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = this.u8();
      // 2^49 is the last group that can still be inside 2^53.
      if (factor > 2 ** 49) this.fail(start, "longer than eight bytes", "at most 2^53 - 1");
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (byte === 0 && factor > 1) this.fail(start, "padded", "the shortest form");
        break;
      }
    }
    if (value > max) this.fail(start, value, `at most ${max}`);
    return value;
  }

  /** A finite double. */
  double(): number {
    const at = this.#take(8);
    const value = this.#view.getFloat64(at);
    if (!Number.isFinite(value)) this.fail(at, String(value), "a finite number");
    return value;
  }

  flag(): boolean {
    const at = this.#at;
    const byte = this.u8();
    if (byte > 1) this.fail(at, byte, "0 or 1");
    return byte === 1;
  }

  text(): string {
    const start = this.#at;
    const bytes = this.raw(this.u8());
    try {
      return STRICT_UTF8.decode(bytes);
    } catch {
      return this.fail(start, "not UTF-8", "UTF-8");
    }
  }

  /** Bytes after their length, at most `max`; a copy. */
  block(max: number): Uint8Array<ArrayBuffer> {
    return this.raw(this.count(max));
  }

  /** The next `length` bytes; a copy. */
  raw(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length) as Uint8Array<ArrayBuffer>;
  }

  /** Throws unless everything has been read. */
  end(): void {
    if (this.left > 0) this.fail(this.#at, `${this.left} more bytes`, "the end");
  }

  /** Throws a {@link WireError} about the value at `where`. */
  fail(where: number, got: number | string, wanted: string): never {
    throw new WireError(this.#what, { where, got, wanted });
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.left) this.fail(at, `${this.left} bytes`, `${length} bytes`);
    this.#at += length;
    return at;
  }
}
