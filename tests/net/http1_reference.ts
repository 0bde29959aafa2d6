/**
 * Other readers of HTTP/1.1 for the fuzzer to compare with. One is strict, short and shares nothing with the product. The
 * others are as careless as servers have been, each in its own way: what is passed on must be one message to all of them.
 */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^${TOKEN} [\\x21-\\x7e]+ HTTP/1\\.[0-9]$`);
const STATUS_LINE = /^HTTP\/1\.[0-9] ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = new RegExp(
  `^(${TOKEN}):[ \\t]*((?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)[ \\t]*$`,
);
const HEAD = /^(?:\r\n)?([^\r\n]+(?:\r\n[^\r\n]+)*)\r\n\r\n/;
const CHUNK_LINE = /([0-9A-Fa-f]+)(?:;[^\r\n\0]*)?\r\n/y;
const TRAILERS = /(?:[^\r\n]+\r\n)*\r\n/y;

/** What a head says of the content behind it. */
export interface ReferenceHead {
  readonly headBytes: number;
  /** A number of bytes, chunks, or null: nothing said. */
  readonly content: number | "chunks" | null;
  /** Of a response; 0: a request. */
  readonly status: number;
}

/** Reads a head strictly; null where anything is wrong or missing. */
export function referenceHead(text: string, kind: "request" | "response"): ReferenceHead | null {
  const found = HEAD.exec(text);
  if (found === null || (kind === "response" && text.startsWith("\r\n"))) return null;
  const [start = "", ...lines] = (found[1] ?? "").split("\r\n");
  const status = kind === "request" ? "0" : STATUS_LINE.exec(start)?.[1];
  if (status === undefined || (kind === "request" && !REQUEST_LINE.test(start))) return null;
  const lengths: string[] = [];
  const codings: string[] = [];
  for (const one of lines) {
    const field = FIELD.exec(one);
    if (field === null) return null;
    if (/^content-length$/i.test(field[1] ?? "")) lengths.push(field[2] ?? "");
    if (/^transfer-encoding$/i.test(field[1] ?? "")) codings.push(field[2] ?? "");
  }
  if (lengths.length + codings.length > 1) return null;
  const head = { headBytes: found[0].length, status: Number(status) };
  if (codings.length === 1) return /^chunked$/i.test(codings[0] ?? "") ? { ...head, content: "chunks" } : null;
  if (lengths.length === 0) return { ...head, content: null };
  return /^[0-9]{1,15}$/.test(lengths[0] ?? "") ? { ...head, content: Number(lengths[0]) } : null;
}

/** Where a strictly read request ends; null where it is wrong or not all there. */
export function referenceEnd(text: string): number | null {
  const head = referenceHead(text, "request");
  if (head === null) return null;
  let at = head.headBytes;
  if (head.content !== "chunks") return at + (head.content ?? 0) <= text.length ? at + (head.content ?? 0) : null;
  for (;;) {
    CHUNK_LINE.lastIndex = at;
    const size = CHUNK_LINE.exec(text);
    if (size === null) return null;
    at += size[0].length;
    const bytes = parseInt(size[1] ?? "", 16);
    if (bytes === 0) break;
    at += bytes;
    if (text.slice(at, at + 2) !== "\r\n") return null;
    at += 2;
  }
  TRAILERS.lastIndex = at;
  const trailers = TRAILERS.exec(text);
  return trailers === null ? null : at + trailers[0].length;
}

/** In what a reader is careless. */
interface Careless {
  readonly lineEnd: RegExp;
  /** What it believes when both are there. */
  readonly believes: "length" | "chunks";
  /** Of several lengths. */
  readonly takes: "first" | "last";
  readonly nameOf: (written: string) => string;
}

const CARELESS: Readonly<Record<string, Careless>> = {
  "ends lines at LF": {
    lineEnd: /\r?\n/g,
    believes: "length",
    takes: "first",
    nameOf: (written) => written.trim().toLowerCase(),
  },
  "ends lines at CR": {
    lineEnd: /\r\n|\r|\n/g,
    believes: "chunks",
    takes: "last",
    nameOf: (written) => written.replace(/[\s\0\x80-\xff]/g, "").toLowerCase(),
  },
  "makes variables of names": {
    lineEnd: /\r\n/g,
    believes: "length",
    takes: "last",
    nameOf: (written) => written.toLowerCase().replace(/[^a-z0-9]/g, "-"),
  },
  "cuts at NUL": {
    lineEnd: /\r\n/g,
    believes: "chunks",
    takes: "first",
    nameOf: (written) => (written.split("\0", 1)[0] ?? "").trim().toLowerCase(),
  },
};

/** Goes through text line by line. */
class Lines {
  at = 0;
  readonly #text: string;
  readonly #lineEnd: RegExp;

  constructor(text: string, lineEnd: RegExp) {
    this.#text = text;
    this.#lineEnd = lineEnd;
  }

  next(): string | null {
    this.#lineEnd.lastIndex = this.at;
    const end = this.#lineEnd.exec(this.#text);
    if (end === null) return null;
    const found = this.#text.slice(this.at, end.index);
    this.at = end.index + end[0].length;
    return found;
  }
}

function carelessChunks(lines: Lines): number {
  for (;;) {
    const size = parseInt(lines.next()?.trim() ?? "", 16);
    if (!(size > 0)) break;
    lines.at += size;
    lines.next();
  }
  for (let trailer = lines.next(); trailer !== null && trailer !== "";) trailer = lines.next();
  return lines.at;
}

function carelessEnd(text: string, careless: Careless): number {
  const lines = new Lines(text, careless.lineEnd);
  const lengths: number[] = [];
  let isChunked = false;
  for (let one = lines.next(); one !== null && one !== ""; one = lines.next()) {
    const colon = one.indexOf(":");
    const name = careless.nameOf(one.slice(0, colon < 0 ? one.indexOf(" ") : colon));
    const value = one.slice(colon + 1).trim();
    if (name === "transfer-encoding") isChunked ||= /chunked/i.test(value);
    if (name === "content-length") lengths.push(Number.isNaN(parseInt(value)) ? 0 : parseInt(value));
  }
  const length = careless.takes === "first" ? lengths[0] : lengths.at(-1);
  if (isChunked && (careless.believes === "chunks" || length === undefined)) return carelessChunks(lines);
  return lines.at + (length ?? 0);
}

/** Where each careless reader ends the first message. */
export function carelessEnds(text: string): Record<string, number> {
  return Object.fromEntries(Object.entries(CARELESS).map(([name, each]) => [name, carelessEnd(text, each)]));
}
