/**
 * Heads of HTTP/1.1 messages, read strictly (RFC 9112, RFC 9110). A balancer stands between two parsers; whatever they
 * could read in two ways is refused by name here instead of being repaired, because repair is how requests are smuggled.
 */
import { assert } from "../base/assert.ts";
import {
  connectionOptions,
  type Field,
  isRefusal,
  isToken,
  isValidHost,
  latin1Text,
  parseFieldLine,
  type Refusal,
  type RefusalReason,
  refuse,
  valuesOf,
} from "./http1_fields.ts";
import { announcesContent, type Framing, isPersistent, requestFraming, responseFraming } from "./http1_framing.ts";
import { checkRules } from "./http1_rules.ts";

/** Limits of a head. */
export interface HeadLimits {
  /** From the first byte of the start line to the blank line, both included. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
}

/** What both kinds of head have. */
interface Head {
  /** The minor version: everything above HTTP/1.0 is treated as HTTP/1.1 (RFC 9110 §2.5). */
  readonly minorVersion: 0 | 1;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** The members of the Connection fields in lower case. */
  readonly options: ReadonlySet<string>;
  /** The sender would use its connection again. */
  readonly persistent: boolean;
}

/** A request that can be read in one way only. */
export interface RequestHead extends Head {
  readonly method: string;
  /** Origin form (`/path?query`) or `*`; the absolute form is brought to this. */
  readonly target: string;
  /** From an absolute target, else from Host; null only in HTTP/1.0 without Host. */
  readonly authority: string | null;
}

/** A response that can be read in one way only. */
export interface ResponseHead extends Head {
  readonly status: number;
  readonly reason: string;
}

/** What a parser says about the bytes collected so far. */
export type HeadProgress<T> =
  | { readonly outcome: "incomplete" }
  | Refusal
  | { readonly outcome: "complete"; readonly head: T; readonly lengthBytes: number };

const CR = 0x0d;
const LF = 0x0a;
const INCOMPLETE = { outcome: "incomplete" } as const;

/** Bytes that may stand within a line: all but controls, a tab excepted. */
const IN_LINE: Uint8Array<ArrayBuffer> = Uint8Array.from(
  { length: 256 },
  (_unused, byte) => (byte >= 0x20 && byte !== 0x7f) || byte === 0x09 ? 1 : 0,
);

/** Finds the end of a head byte by byte, refusing at the first byte that cannot belong to one. */
class HeadScanner {
  readonly #limits: HeadLimits;
  #at: number;
  #start: number;
  #lineStart: number;
  #afterCr = false;
  #skipEmptyLine: boolean;
  /** Offsets of the first byte and of the CR of each line, one after the other. */
  readonly #lines: number[] = [];

  constructor(limits: HeadLimits, skipEmptyLine: boolean) {
    this.#limits = limits;
    this.#at = 0;
    this.#start = 0;
    this.#lineStart = 0;
    this.#skipEmptyLine = skipEmptyLine;
  }

  /** `collected` is everything since the head began, each time a little more; gives the lines once it is complete. */
  scan(collected: Uint8Array): { outcome: "complete"; lines: string[]; lengthBytes: number } | Refusal | null {
    for (;;) {
      if (!this.#afterCr) this.#skipLine(collected);
      if (this.#at - this.#start >= this.#limits.maxHeadBytes) return this.#tooLarge();
      if (this.#at === collected.length) return null;
      const byte = collected[this.#at] as number;
      if (this.#afterCr) {
        if (byte !== LF) return refuse("bare-cr");
        this.#afterCr = false;
        const ended = this.#endLine();
        if (ended !== null) return ended === "head" ? this.#complete(collected) : ended;
      } else if (byte === CR) {
        this.#afterCr = true;
      } else {
        return refuse(byte === LF ? "bare-lf" : "control-character");
      }
      this.#at++;
    }
  }

  /** Goes to the first byte that is not within a line, or is one too many. */
  #skipLine(collected: Uint8Array): void {
    const end = Math.min(collected.length, this.#start + this.#limits.maxHeadBytes);
    let at = this.#at;
    while (at < end && IN_LINE[collected[at] as number] === 1) at++;
    this.#at = at;
  }

  #endLine(): "head" | Refusal | null {
    const crAt = this.#at - 1;
    const isEmpty = crAt === this.#lineStart;
    const next = this.#at + 1;
    if (isEmpty && this.#lines.length > 0) return "head";
    if (isEmpty) {
      // RFC 9112 §2.2: a server should ignore an empty line before the request line; one, not a stream of them.
      if (!this.#skipEmptyLine) return refuse("empty-line");
      this.#skipEmptyLine = false;
      this.#start = next;
    } else {
      if (this.#lines.length > 2 * this.#limits.maxHeaders) return refuse("too-many-fields");
      this.#lines.push(this.#lineStart, crAt);
    }
    this.#lineStart = next;
    return null;
  }

  #complete(collected: Uint8Array): { outcome: "complete"; lines: string[]; lengthBytes: number } {
    const text = latin1Text(collected.subarray(0, this.#at + 1));
    const lines: string[] = [];
    for (let at = 0; at < this.#lines.length; at += 2) lines.push(text.slice(this.#lines[at], this.#lines[at + 1]));
    return { outcome: "complete", lines, lengthBytes: this.#at + 1 };
  }

  #tooLarge(): Refusal {
    return refuse(this.#lines.length === 0 ? "uri-too-long" : "head-too-large");
  }
}

function parseFields(lines: readonly string[]): Field[] | Refusal {
  const fields: Field[] = [];
  for (const line of lines.slice(1)) {
    const one = parseFieldLine(line);
    if (isRefusal(one)) return one;
    fields.push(one);
  }
  return fields;
}

/** `HTTP/1.x` gives the minor version that counts; another major version is 505, everything else is nonsense. */
function parseVersion(text: string): 0 | 1 | Refusal {
  if (!/^HTTP\/[0-9]\.[0-9]$/.test(text)) return refuse("bad-version");
  if (text[5] !== "1") return refuse("unsupported-version");
  return text[7] === "0" ? 0 : 1;
}

/**
 * Visible ASCII without `#`: a fragment is never sent, and some backends cut the target there. No backslash before the query:
 * some take it for a slash.
 */
const TARGET = /^[!"$->@-[\]-~]+(?:\?[!"$-~]*)?$/;
const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i;

/** RFC 9112 §3.2: the four forms of a target; `authority` is null where the target names none. */
function parseTarget(method: string, target: string): { target: string; authority: string | null } | Refusal {
  if (method === "CONNECT") return refuse("connect-unsupported");
  if (!TARGET.test(target)) return refuse("bad-target");
  if (target.startsWith("/")) return { target, authority: null };
  if (target === "*") return method === "OPTIONS" ? { target, authority: null } : refuse("bad-target");
  const match = ABSOLUTE.exec(target);
  const authority = match?.[1] ?? "";
  if (match === null || !isValidHost(authority)) return refuse("bad-target");
  const rest = match[2] ?? "";
  if (rest === "" && method === "OPTIONS") return { target: "*", authority };
  return { target: rest.startsWith("/") ? rest : `/${rest}`, authority };
}

/** RFC 9112 §3.2: HTTP/1.1 has exactly one Host; HTTP/1.0 at most one. */
function parseHost(fields: readonly Field[], minorVersion: 0 | 1): string | null | Refusal {
  const hosts = valuesOf(fields, "host");
  const [host] = hosts;
  if (hosts.length > 1) return refuse("duplicate-host");
  if (host === undefined) return minorVersion === 0 ? null : refuse("missing-host");
  return isValidHost(host) ? host : refuse("invalid-host");
}

function buildRequest(lines: readonly string[]): RequestHead | Refusal {
  const parts = (lines[0] ?? "").split(" ");
  const [method, rawTarget, rawVersion] = parts;
  if (parts.length !== 3 || method === undefined || rawTarget === undefined || rawVersion === undefined) {
    return refuse("bad-request-line");
  }
  if (!isToken(method) || rawTarget === "") return refuse("bad-request-line");
  const minorVersion = parseVersion(rawVersion);
  if (typeof minorVersion === "object") return minorVersion;
  const target = parseTarget(method, rawTarget);
  if (isRefusal(target)) return target;
  const fields = parseFields(lines);
  if (isRefusal(fields)) return fields;
  const host = parseHost(fields, minorVersion);
  if (typeof host === "object" && host !== null) return host;
  const framing = requestFraming(fields, minorVersion);
  if ("outcome" in framing) return framing;
  const forbidden = checkRules({ method, minorVersion, fields, framing });
  if (forbidden !== null) return forbidden;
  const options = connectionOptions(fields);
  if (isRefusal(options)) return options;
  const persistent = isPersistent(options, minorVersion);
  const authority = target.authority ?? host;
  return { method, target: target.target, authority, minorVersion, fields, framing, options, persistent };
}

/** The space after the status is wanted by RFC 9112 §4 and forgotten by enough servers; without it nothing is ambiguous. */
const STATUS_LINE = /^(HTTP\/[0-9]\.[0-9]) ([1-5][0-9]{2})(?: (.*))?$/;

function buildResponse(lines: readonly string[], method: string): ResponseHead | Refusal {
  const match = STATUS_LINE.exec(lines[0] ?? "");
  if (match === null) return refuse("bad-status-line");
  const minorVersion = parseVersion(match[1] ?? "");
  if (typeof minorVersion === "object") return minorVersion;
  const status = Number(match[2]);
  const fields = parseFields(lines);
  if (isRefusal(fields)) return fields;
  const framing = responseFraming(fields, { status, minorVersion, method });
  if ("outcome" in framing) return framing;
  const options = connectionOptions(fields);
  if (isRefusal(options)) return options;
  const endsAmbiguously = framing.kind === "until-close" || (status === 204 && announcesContent(fields));
  const persistent = isPersistent(options, minorVersion) && !endsAmbiguously;
  return { status, reason: match[3] ?? "", minorVersion, fields, framing, options, persistent };
}

/** Reads one request head; make a new one for each request. */
export class RequestHeadParser {
  readonly #scanner: HeadScanner;

  constructor(limits: HeadLimits) {
    this.#scanner = new HeadScanner(limits, true);
  }

  /** `collected` starts with the head's first byte and grows from call to call. */
  next(collected: Uint8Array): HeadProgress<RequestHead> {
    const scanned = this.#scanner.scan(collected);
    if (scanned === null) return INCOMPLETE;
    if (scanned.outcome === "refused") return scanned;
    const head = buildRequest(scanned.lines);
    return isRefusal(head) ? head : { outcome: "complete", head, lengthBytes: scanned.lengthBytes };
  }
}

/** Reads one response head (interim ones too); make a new one for each. */
export class ResponseHeadParser {
  readonly #scanner: HeadScanner;
  readonly #method: string;

  /** `method` is that of the request that is answered: it decides whether there is content. */
  constructor(limits: HeadLimits, method: string) {
    this.#scanner = new HeadScanner(limits, false);
    this.#method = method;
  }

  /** `collected` starts with the head's first byte and grows from call to call. */
  next(collected: Uint8Array): HeadProgress<ResponseHead> {
    const scanned = this.#scanner.scan(collected);
    if (scanned === null) return INCOMPLETE;
    if (scanned.outcome === "refused") return scanned;
    const head = buildResponse(scanned.lines, this.#method);
    return isRefusal(head) ? head : { outcome: "complete", head, lengthBytes: scanned.lengthBytes };
  }
}

const encoder = new TextEncoder();

/** A head as bytes: start line, fields, blank line. The text is latin-1 and free of line ends, as the parsers give it. */
export function encodeHead(startLine: string, fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  let text = `${startLine}\r\n`;
  for (const { name, value } of fields) text += `${name}: ${value}\r\n`;
  text += "\r\n";
  const bytes = new Uint8Array(text.length);
  // Text above ASCII takes more bytes as UTF-8 than it has characters: it is written again, one byte for each.
  const { read } = encoder.encodeInto(text, bytes);
  if (read < text.length) { for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at); }
  let lineEnds = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === CR || byte === LF) lineEnds++;
  }
  assert(lineEnds === 2 * (fields.length + 2), "no line end inside a head's line");
  return bytes;
}

export type { Field, Framing, Refusal, RefusalReason };
