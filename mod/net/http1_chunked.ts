/**
 * The chunked transfer coding (RFC 9112 §7.1) as a state machine that finds the end of a message without changing a byte.
 * Stricter than the grammar: no white space around a chunk size or within its extensions, and a line ends in CRLF or not
 * at all. Extensions that are not of the grammar are refused: where two readers skip them differently, they end a line in
 * different places.
 */
import { type Refusal, type RefusalReason, refuse, undisguised } from "./http1_fields.ts";

/** Limits of what comes in chunks. */
export interface ChunkLimits {
  /** All trailer lines together. */
  readonly maxTrailerBytes: number;
  /** The content alone, without sizes and trailers; refused at the size line that goes beyond it. Without it: no limit. */
  readonly maxContentBytes?: number | null;
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
  | "extension-first"
  | "extension"
  | "extension-value-first"
  | "extension-value"
  | "extension-quoted"
  | "extension-escape"
  | "extension-end"
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
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
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

/**
 * Fields that a trailer must not carry (RFC 9110 §6.5.1): they frame or route the message, belong to one connection, say who
 * asks or where the request comes from. A receiver that puts trailers among the fields would take them for the real ones.
 */
const FORBIDDEN_IN_TRAILERS: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "max-forwards",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);
/** As long as the longest of them: what is longer needs no looking up. */
const MAX_FORBIDDEN_BYTES = Math.max(...Array.from(FORBIDDEN_IN_TRAILERS, (name) => name.length));

/** Follows one chunked message; make a new one for each. */
export class ChunkedParser {
  readonly #limits: ChunkLimits;
  readonly #onData: ((part: Uint8Array) => void) | null;
  #state: State = "size-first";
  #reason: RefusalReason = "bad-chunk-size";
  #remaining = 0;
  #contentBytes = 0;
  #digits = 0;
  #extensionBytes = 0;
  #extensionBytesTotal = 0;
  #trailerBytes = 0;
  #trailerName = "";

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
      case "extension-first":
      case "extension":
      case "extension-value-first":
      case "extension-value":
      case "extension-quoted":
      case "extension-escape":
      case "extension-end":
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
    if (byte === SEMICOLON) return "extension-first";
    return this.#refuse(byte === LF ? "bare-lf" : "bad-chunk-size");
  }

  #onExtension(byte: number): State {
    const state = this.#state;
    const mayEnd = state === "extension" || state === "extension-value" || state === "extension-end";
    if (byte === CR) return mayEnd ? "size-lf" : this.#refuse("bad-chunk-extension");
    if (byte === LF) return this.#refuse("bare-lf");
    if (isControl(byte)) return this.#refuse("bad-chunk-extension");
    this.#extensionBytes++;
    this.#extensionBytesTotal++;
    const fits = this.#extensionBytes <= MAX_EXTENSION_BYTES && this.#extensionBytesTotal <= MAX_EXTENSION_BYTES_TOTAL;
    if (!fits) return this.#refuse("chunk-extension-too-long");
    if (byte === SEMICOLON && mayEnd) return "extension-first";
    return this.#withinExtension(byte);
  }

  /** `name [ "=" ( token / quoted-string ) ]`, without the white space that is allowed around its parts and never sent. */
  #withinExtension(byte: number): State {
    switch (this.#state) {
      case "extension-quoted":
        if (byte === BACKSLASH) return "extension-escape";
        return byte === QUOTE ? "extension-end" : "extension-quoted";
      case "extension-escape":
        return "extension-quoted";
      case "extension-value-first":
        if (byte === QUOTE) return "extension-quoted";
        return isTokenByte(byte) ? "extension-value" : this.#refuse("bad-chunk-extension");
      case "extension-value":
        return isTokenByte(byte) ? "extension-value" : this.#refuse("bad-chunk-extension");
      case "extension":
        if (byte === EQUALS) return "extension-value-first";
        return isTokenByte(byte) ? "extension" : this.#refuse("bad-chunk-extension");
      case "extension-first":
        return isTokenByte(byte) ? "extension" : this.#refuse("bad-chunk-extension");
      default:
        return this.#refuse("bad-chunk-extension");
    }
  }

  #afterSizeLine(): State {
    this.#contentBytes += this.#remaining;
    const most = this.#limits.maxContentBytes ?? null;
    if (most !== null && this.#contentBytes > most) return this.#refuse("content-too-large");
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
    if (byte === COLON && this.#state === "trailer-name") return this.#endTrailerName();
    if (!isTokenByte(byte)) return this.#refuse("bad-trailer");
    if (this.#state === "trailer-start") this.#trailerName = "";
    if (this.#trailerName.length <= MAX_FORBIDDEN_BYTES) this.#trailerName += String.fromCharCode(byte);
    return "trailer-name";
  }

  #endTrailerName(): State {
    const key = undisguised(this.#trailerName.toLowerCase());
    return FORBIDDEN_IN_TRAILERS.has(key) ? this.#refuse("forbidden-trailer") : "trailer-value";
  }

  #onTrailerCr(): State {
    if (this.#state === "trailer-start") return "final-lf";
    return this.#state === "trailer-value" ? "trailer-lf" : this.#refuse("bad-trailer");
  }
}
