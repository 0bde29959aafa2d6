/**
 * What nearly all heads of HTTP/1.1 look like, read in one pass over bytes and rewritten by copying them: for the path where each
 * microsecond counts. It knows plain heads only, and says `other` to everything else, also to what is not complete: then the strict
 * parsers of `http1.ts` decide. What is plain here they accept, and `http_rewrite.ts` makes the same bytes of it; the test compares.
 */
import type { HeadLimits } from "./http1.ts";

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const COLON = 0x3a;
const ZERO = 0x30;

/** Letters, digits and hyphen of a field name; what else it may have, may disguise another name. */
const NAME = 1;
/** Characters of a field value or a reason (RFC 9110 §5.5). */
const VALUE = 2;
/** Visible ASCII without `#` and the backslash. */
const TARGET = 4;
/** Characters of a name or an IPv4 address in Host. */
const HOST = 8;
const DIGIT = 16;

const CLASS = classes();

function classes(): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(256);
  for (let code = 0; code < 256; code++) {
    const char = String.fromCharCode(code);
    if (/[0-9A-Za-z\-]/.test(char)) table[code] = (table[code] ?? 0) | NAME;
    if ((code >= SPACE && code !== 0x7f) || code === TAB) table[code] = (table[code] ?? 0) | VALUE;
    if (code > SPACE && code < 0x7f && char !== "#" && char !== "\\") table[code] = (table[code] ?? 0) | TARGET;
    if (/[0-9A-Za-z.\-]/.test(char)) table[code] = (table[code] ?? 0) | HOST;
    if (/[0-9]/.test(char)) table[code] = (table[code] ?? 0) | DIGIT;
  }
  return table;
}

/** Latin-1, as heads are. */
export function asciiBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function classOf(bytes: Uint8Array, at: number): number {
  return CLASS[bytes[at] as number] as number;
}

/** Where the run of characters of one class that starts at `at` ends. */
function skip(bytes: Uint8Array, at: number, range: { readonly kind: number; readonly end: number }): number {
  const { kind, end } = range;
  while (at < end && (classOf(bytes, at) & kind) !== 0) at++;
  return at;
}

/** Whether `text` (lower case letters and `-`) is at `at`, in any case. */
function isText(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) {
    if (((bytes[at + index] as number) | 0x20) !== text[index]) return false;
  }
  return true;
}

/** Whether exactly `text` is at `at`. */
function isExactly(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text[index]) return false;
  return true;
}

type Special =
  | "host"
  | "connection"
  | "content-length"
  | "transfer-encoding"
  | "forwarded-for"
  /** Not passed on. */
  | "dropped"
  /** What has it is not plain. */
  | "other"
  | "kept";

interface Known {
  readonly text: Uint8Array;
  readonly special: Special;
}

type KnownByLength = readonly (readonly Known[])[];

function known(names: Readonly<Record<string, Special>>): KnownByLength {
  const byLength: Known[][] = Array.from({ length: 20 }, () => []);
  for (const [name, special] of Object.entries(names)) {
    byLength[name.length]?.push({ text: asciiBytes(name), special });
  }
  return byLength;
}

const IN_BOTH: Readonly<Record<string, Special>> = {
  "connection": "connection",
  "keep-alive": "dropped",
  "content-length": "content-length",
  "transfer-encoding": "transfer-encoding",
  // `Connection: close` would name it.
  "close": "other",
  "te": "other",
  "upgrade": "other",
  "http2-settings": "other",
  "proxy-connection": "other",
  "proxy-authenticate": "other",
  "proxy-authorization": "other",
};
const OF_RESPONSES = known(IN_BOTH);
const OF_REQUESTS = known({
  ...IN_BOTH,
  "host": "host",
  "expect": "other",
  "max-forwards": "other",
  "x-forwarded-for": "forwarded-for",
  "x-forwarded-host": "dropped",
  "x-forwarded-proto": "dropped",
});

const CLOSE = asciiBytes("close");
const KEEP_ALIVE = asciiBytes("keep-alive");
const CHUNKED = asciiBytes("chunked");
const MAX_LENGTH_DIGITS = 15;
/** More pieces than these a plain head does not fall into. */
const MAX_RUNS = 8;

/** Field lines: what is common to requests and responses. */
class PlainFields {
  /** Length of the head with its blank line. */
  lengthBytes = 0;
  /** Content-Length; -1: none. */
  contentLength = -1;
  /** Transfer-Encoding is `chunked`. */
  isChunked = false;
  /** Without `Connection: close`. */
  persistent = true;
  protected hostStart = 0;
  protected hostEnd = 0;
  protected forwardedStart = 0;
  protected forwardedEnd = 0;
  /** Starts and ends of what is passed on as it is. */
  readonly #runs = new Int32Array(2 * MAX_RUNS);
  #runCount = 0;
  #runStart = 0;
  #hasConnection = false;
  readonly #known: KnownByLength;

  constructor(known: KnownByLength) {
    this.#known = known;
  }

  /** Reads the lines from `at` on; gives false when they are not plain. The first run starts at `runStart`. */
  protected readFields(
    bytes: Uint8Array,
    at: number,
    options: { readonly start: number; readonly end: number; readonly runStart: number; readonly limits: HeadLimits },
  ): boolean {
    const { start, end, limits } = options;
    this.contentLength = -1;
    this.isChunked = false;
    this.persistent = true;
    this.hostEnd = 0;
    this.forwardedEnd = 0;
    this.#runCount = 0;
    this.#runStart = options.runStart;
    this.#hasConnection = false;
    for (let count = 0; at < end && bytes[at] !== CR; count++) {
      if (count >= limits.maxHeaders) return false;
      at = this.#readLine(bytes, at, end);
      if (at < 0) return false;
    }
    if (at + 1 >= end || bytes[at + 1] !== LF) return false;
    if (!this.#endRun(at, at)) return false;
    this.lengthBytes = at + 2 - start;
    return this.lengthBytes <= limits.maxHeadBytes;
  }

  /** Gives where the next line starts; negative: this one is not plain. */
  #readLine(bytes: Uint8Array, at: number, end: number): number {
    const colon = skip(bytes, at, { kind: NAME, end });
    const valueAt = colon + 2;
    const isLine = colon > at && valueAt < end && bytes[colon] === COLON && bytes[colon + 1] === SPACE;
    if (!isLine || isBlank(bytes, valueAt)) return -1;
    const valueEnd = skip(bytes, valueAt, { kind: VALUE, end });
    const isEnd = valueEnd > valueAt && valueEnd + 1 < end && bytes[valueEnd] === CR && bytes[valueEnd + 1] === LF;
    if (!isEnd || isBlank(bytes, valueEnd - 1)) return -1;
    const next = valueEnd + 2;
    const special = this.#specialAt(bytes, at, colon - at);
    if (special === "kept") return next;
    if (!this.#take(special, { bytes, valueAt, valueEnd })) return -1;
    return special === "content-length" || this.#endRun(at, next) ? next : -1;
  }

  #specialAt(bytes: Uint8Array, at: number, length: number): Special {
    const candidates = this.#known[length];
    if (candidates === undefined) return "kept";
    for (const one of candidates) if (isText(bytes, at, one.text)) return one.special;
    return "kept";
  }

  #take(
    special: Special,
    line: { readonly bytes: Uint8Array; readonly valueAt: number; readonly valueEnd: number },
  ): boolean {
    const { bytes, valueAt, valueEnd } = line;
    switch (special) {
      case "host":
        if (this.hostEnd !== 0 || !isPlainHost(bytes, valueAt, valueEnd)) return false;
        this.hostStart = valueAt;
        this.hostEnd = valueEnd;
        return true;
      case "connection":
        return this.#takeConnection(bytes, valueAt, valueEnd);
      case "content-length":
        if (this.contentLength >= 0) return false;
        this.contentLength = lengthAt(bytes, valueAt, valueEnd);
        return this.contentLength >= 0;
      case "transfer-encoding":
        if (this.isChunked || valueEnd - valueAt !== CHUNKED.length) return false;
        this.isChunked = isExactly(bytes, valueAt, CHUNKED);
        return this.isChunked;
      case "forwarded-for":
        if (this.forwardedEnd !== 0) return false;
        this.forwardedStart = valueAt;
        this.forwardedEnd = valueEnd;
        return true;
      case "dropped":
        return true;
      default:
        return false;
    }
  }

  #takeConnection(bytes: Uint8Array, at: number, end: number): boolean {
    if (this.#hasConnection) return false;
    this.#hasConnection = true;
    if (end - at === KEEP_ALIVE.length) return isText(bytes, at, KEEP_ALIVE);
    if (end - at !== CLOSE.length || !isText(bytes, at, CLOSE)) return false;
    this.persistent = false;
    return true;
  }

  /** What is passed on ends before `end` and goes on at `next`. */
  #endRun(end: number, next: number): boolean {
    if (end > this.#runStart) {
      if (this.#runCount === MAX_RUNS) return false;
      this.#runs[2 * this.#runCount] = this.#runStart;
      this.#runs[2 * this.#runCount + 1] = end;
      this.#runCount++;
    }
    this.#runStart = next;
    return true;
  }

  /** Copies what is passed on; gives where it ends. */
  protected copyRuns(into: Uint8Array, at: number, bytes: Uint8Array): number {
    for (let index = 0; index < this.#runCount; index++) {
      const start = this.#runs[2 * index] as number;
      at = copy(into, at, { bytes, start, end: this.#runs[2 * index + 1] as number });
    }
    return at;
  }
}

function isBlank(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === SPACE || bytes[at] === TAB;
}

/** `name`, `name:port` or the same with an IPv4 address. */
function isPlainHost(bytes: Uint8Array, at: number, end: number): boolean {
  const nameEnd = skip(bytes, at, { kind: HOST, end });
  if (nameEnd === at) return false;
  if (nameEnd === end) return true;
  const portAt = nameEnd + 1;
  if (bytes[nameEnd] !== COLON || portAt === end || end - portAt > 5) return false;
  let port = 0;
  for (let index = portAt; index < end; index++) {
    if ((classOf(bytes, index) & DIGIT) === 0) return false;
    port = port * 10 + (bytes[index] as number) - ZERO;
  }
  return port <= 65_535;
}

/** -1: not a plain number. */
function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  const digits = end - at;
  if (digits > MAX_LENGTH_DIGITS || (digits > 1 && bytes[at] === ZERO)) return -1;
  let length = 0;
  for (let index = at; index < end; index++) {
    if ((classOf(bytes, index) & DIGIT) === 0) return -1;
    length = length * 10 + (bytes[index] as number) - ZERO;
  }
  return length;
}

/** From this size on the copying of the runtime is faster than a loop, in spite of the view that it needs. */
const LONG_BYTES = 96;

/** Copies a part of `bytes`; gives where it ends. */
function copy(
  into: Uint8Array,
  at: number,
  part: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
): number {
  const { bytes, start, end } = part;
  if (end - start >= LONG_BYTES) {
    into.set(bytes.subarray(start, end), at);
    return at + end - start;
  }
  for (let index = start; index < end; index++) into[at++] = bytes[index] as number;
  return at;
}

function put(into: Uint8Array, at: number, text: Uint8Array): number {
  return copy(into, at, { bytes: text, start: 0, end: text.length });
}

interface Method {
  readonly name: string;
  /** With the space behind it. */
  readonly text: Uint8Array;
}

const METHODS: readonly Method[] = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]
  .map((name) => ({ name, text: asciiBytes(`${name} `) }));
const SLASH = 0x2f;
const VERSION = asciiBytes(" HTTP/1.1\r\n");
const HOST_FIELD = asciiBytes("Host: ");
const FORWARDED_HOST = asciiBytes("\r\nX-Forwarded-Host: ");
const FORWARDED_FOR = asciiBytes("X-Forwarded-For: ");
const NEXT_MEMBER = asciiBytes(", ");
const LINE_END = asciiBytes("\r\n");

/** Where a plain request goes and whom it comes from, as bytes. */
export interface PlainRoute {
  /** IP text. */
  readonly clientIp: string;
  /** Made by {@link forwardedProtoLine}. */
  readonly forwardedProto: Uint8Array;
}

/** The end of a request's head, with the line of X-Forwarded-Proto. */
export function forwardedProtoLine(proto: "http" | "https"): Uint8Array<ArrayBuffer> {
  return asciiBytes(`\r\nX-Forwarded-Proto: ${proto}\r\n\r\n`);
}

/** A plain request's head: HTTP/1.1 with one of the common methods, a target in origin form and one Host. One is enough for all. */
export class PlainRequest extends PlainFields {
  method = "";
  #start = 0;
  #targetEnd = 0;

  constructor() {
    super(OF_REQUESTS);
  }

  /** Reads what starts at `start`; its fields are valid after `plain` only, until the next reading. */
  read(
    bytes: Uint8Array,
    start: number,
    options: { readonly end: number; readonly limits: HeadLimits },
  ): "plain" | "other" {
    const { end, limits } = options;
    const method = METHODS.find(({ text }) => isExactly(bytes, start, text));
    if (method === undefined) return "other";
    const targetAt = start + method.text.length;
    if (targetAt >= end || bytes[targetAt] !== SLASH) return "other";
    const targetEnd = skip(bytes, targetAt, { kind: TARGET, end });
    if (targetEnd + VERSION.length >= end || !isExactly(bytes, targetEnd, VERSION)) return "other";
    this.method = method.name;
    this.#start = start;
    this.#targetEnd = targetEnd;
    const fieldsAt = targetEnd + VERSION.length;
    if (!this.readFields(bytes, fieldsAt, { start, end, runStart: fieldsAt, limits })) return "other";
    return this.hostEnd === 0 || this.isChunked ? "other" : "plain";
  }

  /** Most that {@link write} adds. */
  growth(route: PlainRoute): number {
    const host = this.hostEnd - this.hostStart;
    const forwarded = FORWARDED_HOST.length + FORWARDED_FOR.length + NEXT_MEMBER.length;
    return host + forwarded + route.clientIp.length + route.forwardedProto.length;
  }

  /** Writes the head that the backend gets to the start of `into`; gives its length. */
  write(into: Uint8Array, bytes: Uint8Array, route: PlainRoute): number {
    const host = { bytes, start: this.hostStart, end: this.hostEnd };
    let at = copy(into, 0, { bytes, start: this.#start, end: this.#targetEnd + VERSION.length });
    at = put(into, at, HOST_FIELD);
    at = copy(into, at, host);
    at = put(into, at, LINE_END);
    at = this.copyRuns(into, at, bytes);
    at = put(into, at, FORWARDED_FOR);
    if (this.forwardedEnd !== 0) {
      at = copy(into, at, { bytes, start: this.forwardedStart, end: this.forwardedEnd });
      at = put(into, at, NEXT_MEMBER);
    }
    for (let index = 0; index < route.clientIp.length; index++) into[at++] = route.clientIp.charCodeAt(index);
    at = put(into, at, FORWARDED_HOST);
    at = copy(into, at, host);
    return put(into, at, route.forwardedProto);
  }
}

const STATUS_START = asciiBytes("HTTP/1.1 ");
const CHUNKED_LINE = asciiBytes("Transfer-Encoding: chunked\r\n");
const CLOSE_LINE = asciiBytes("Connection: close\r\n");

/** A plain response's head: HTTP/1.1, a final answer that may have content. One is enough for all. */
export class PlainResponse extends PlainFields {
  status = 0;

  constructor() {
    super(OF_RESPONSES);
  }

  /** Reads what starts at `start`; its fields are valid after `plain` only, until the next reading. */
  read(
    bytes: Uint8Array,
    start: number,
    options: { readonly end: number; readonly limits: HeadLimits },
  ): "plain" | "other" {
    const { end, limits } = options;
    const reasonAt = start + STATUS_START.length + 4;
    if (reasonAt >= end || !isExactly(bytes, start, STATUS_START) || bytes[reasonAt - 1] !== SPACE) return "other";
    const status = lengthAt(bytes, reasonAt - 4, reasonAt - 1);
    // 1xx is interim, and a 204 has no Content-Length whatever it says.
    if (status < 200 || status > 599 || status === 204) return "other";
    const reasonEnd = skip(bytes, reasonAt, { kind: VALUE, end });
    if (reasonEnd + 1 >= end || bytes[reasonEnd] !== CR || bytes[reasonEnd + 1] !== LF) return "other";
    this.status = status;
    if (!this.readFields(bytes, reasonEnd + 2, { start, end, runStart: start, limits })) return "other";
    return this.isChunked && this.contentLength >= 0 ? "other" : "plain";
  }

  /** Writes the head that an HTTP/1.1 client gets to the start of `into`; gives its length. */
  write(
    into: Uint8Array,
    bytes: Uint8Array,
    route: { readonly persistent: boolean; readonly chunked: boolean },
  ): number {
    let at = this.copyRuns(into, 0, bytes);
    if (route.chunked) at = put(into, at, CHUNKED_LINE);
    if (!route.persistent) at = put(into, at, CLOSE_LINE);
    return put(into, at, LINE_END);
  }
}

/** Most that {@link PlainResponse.write} adds. */
export const RESPONSE_GROWTH_BYTES: number = CHUNKED_LINE.length + CLOSE_LINE.length;
