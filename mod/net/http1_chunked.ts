/**
 * The chunked transfer coding (RFC 9112 §7.1) as a state machine that finds the end of a message without changing a byte.
 * Stricter than the grammar: no white space around a chunk size, and a line ends in CRLF or not at all.
 */
import { type Refusal, type RefusalReason, refuse } from "./http1_fields.ts";

/** Limits of what comes with the chunks. */
export interface ChunkLimits {
  /** All trailer lines together. */
  readonly maxTrailerBytes: number;
}

/** One chunk's extensions; nobody uses them but attackers (a server that buffers them without limit: CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 256;
/** All extensions of one message. */
const MAX_EXTENSION_BYTES_TOTAL = 16 * 1024;
/** Leading zeros are allowed, but not without end. */
const MAX_SIZE_DIGITS = 16;

/** How far a piece of the message brought it. */
export type ChunkProgress =
  | { readonly outcome: "more" }
  /** The message ended after `consumed` bytes of the piece; what follows belongs to the next one. */
  | { readonly outcome: "complete"; readonly consumed: number }
  | Refusal;

type State =
  | "size-first"
  | "size"
  | "extension"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "trailer-start"
  | "trailer-name"
  | "trailer-value"
  | "trailer-lf"
  | "final-lf"
  | "complete"
  | "refused";

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const COLON = 0x3a;
const MORE: ChunkProgress = { outcome: "more" };

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09) || byte === 0x7f;
}

function isTokenByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(byte));
}

/** Follows one chunked message; make a new one for each. */
export class ChunkedParser {
  readonly #limits: ChunkLimits;
  readonly #onData: ((part: Uint8Array) => void) | null;
  #state: State = "size-first";
  #reason: RefusalReason = "bad-chunk-size";
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #extensionBytesTotal = 0;
  #trailerBytes = 0;

  /** `onData` receives the content alone, for a receiver that does not know chunks. */
  constructor(limits: ChunkLimits, onData: ((part: Uint8Array) => void) | null = null) {
    this.#limits = limits;
    this.#onData = onData;
  }

  /** Takes the next piece. After "complete" or "refused" there is nothing more to feed. */
  feed(piece: Uint8Array): ChunkProgress {
    let at = 0;
    while (at < piece.length) {
      if (this.#state === "data") {
        at += this.#takeData(piece, at);
        continue;
      }
      this.#state = this.#step(piece[at] as number);
      at++;
      if (this.#state === "complete") return { outcome: "complete", consumed: at };
      if (this.#state === "refused") return refuse(this.#reason);
    }
    return MORE;
  }

  #takeData(piece: Uint8Array, at: number): number {
    const taken = Math.min(this.#remaining, piece.length - at);
    this.#onData?.(piece.subarray(at, at + taken));
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#state = "data-cr";
    return taken;
  }

  #refuse(reason: RefusalReason): State {
    this.#reason = reason;
    return "refused";
  }

  #step(byte: number): State {
    switch (this.#state) {
      case "size-first":
      case "size":
        return this.#onSize(byte);
      case "extension":
        return this.#onExtension(byte);
      case "size-lf":
        return byte === LF ? this.#afterSizeLine() : this.#refuse("bare-cr");
      case "data-cr":
        return byte === CR ? "data-lf" : this.#refuse("bad-chunk-end");
      case "data-lf":
        return byte === LF ? this.#newSize() : this.#refuse("bad-chunk-end");
      case "trailer-start":
      case "trailer-name":
      case "trailer-value":
        return this.#onTrailer(byte);
      case "trailer-lf":
        return byte === LF ? "trailer-start" : this.#refuse("bare-cr");
      case "final-lf":
        return byte === LF ? "complete" : this.#refuse("bare-cr");
      case "data":
      case "complete":
      case "refused":
        return this.#refuse(this.#reason);
    }
  }

  #newSize(): State {
    this.#remaining = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    return "size-first";
  }

  #onSize(byte: number): State {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits++;
      this.#remaining = this.#remaining * 16 + digit;
      const fits = this.#digits <= MAX_SIZE_DIGITS && this.#remaining <= Number.MAX_SAFE_INTEGER;
      return fits ? "size" : this.#refuse("bad-chunk-size");
    }
    if (this.#state === "size-first") return this.#refuse("bad-chunk-size");
    if (byte === CR) return "size-lf";
    if (byte === SEMICOLON) return "extension";
    return this.#refuse(byte === LF ? "bare-lf" : "bad-chunk-size");
  }

  #onExtension(byte: number): State {
    if (byte === CR) return "size-lf";
    if (byte === LF) return this.#refuse("bare-lf");
    if (isControl(byte)) return this.#refuse("bad-chunk-extension");
    this.#extensionBytes++;
    this.#extensionBytesTotal++;
    const fits = this.#extensionBytes <= MAX_EXTENSION_BYTES && this.#extensionBytesTotal <= MAX_EXTENSION_BYTES_TOTAL;
    return fits ? "extension" : this.#refuse("chunk-extension-too-long");
  }

  #afterSizeLine(): State {
    return this.#remaining === 0 ? "trailer-start" : "data";
  }

  #onTrailer(byte: number): State {
    if (byte === LF) return this.#refuse("bare-lf");
    if (byte === CR) return this.#onTrailerCr();
    this.#trailerBytes++;
    if (this.#trailerBytes > this.#limits.maxTrailerBytes) return this.#refuse("trailers-too-large");
    if (this.#state === "trailer-value") {
      return isControl(byte) ? this.#refuse("bad-trailer") : "trailer-value";
    }
    if (byte === COLON && this.#state === "trailer-name") return "trailer-value";
    return isTokenByte(byte) ? "trailer-name" : this.#refuse("bad-trailer");
  }

  #onTrailerCr(): State {
    if (this.#state === "trailer-start") return "final-lf";
    return this.#state === "trailer-value" ? "trailer-lf" : this.#refuse("bad-trailer");
  }
}
