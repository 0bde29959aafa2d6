/**
 * Field lines of an HTTP/1.1 message (RFC 9112 §5, RFC 9110 §5): reading them strictly and looking things up in them.
 * Text here is latin-1: one character for one byte, so that what is passed on is byte for byte what came in.
 */

/** Why a message was refused. The name goes to counters and tests; {@link refusalStatus} gives the answer to a client. */
export type RefusalReason = keyof typeof STATUS_OF;

const STATUS_OF = {
  "bad-chunk-end": 400,
  "bad-chunk-extension": 400,
  "bad-chunk-size": 400,
  "bad-content-length": 400,
  "bad-expectation": 417,
  "bad-field-name": 400,
  "bad-max-forwards": 400,
  "bad-request-line": 400,
  "bad-status-line": 400,
  "bad-target": 400,
  "bad-trailer": 400,
  "bad-transfer-encoding": 400,
  "bad-version": 400,
  "bare-cr": 400,
  "bare-lf": 400,
  "chunked-not-last": 400,
  "chunk-extension-too-long": 400,
  "connect-unsupported": 501,
  "connection-names-framing-field": 400,
  "content-in-trace": 400,
  "content-too-large": 413,
  "control-character": 400,
  "disguised-framing-field": 400,
  "duplicate-content-length": 400,
  "duplicate-host": 400,
  "empty-line": 400,
  "forbidden-trailer": 400,
  "head-too-large": 431,
  "interim-with-content": 400,
  "invalid-host": 400,
  "length-and-chunked": 400,
  "missing-colon": 400,
  "missing-host": 400,
  "no-forwards-left": 501,
  "obs-fold": 400,
  "too-many-fields": 431,
  "trailers-too-large": 400,
  "transfer-encoding-in-http10": 400,
  "unknown-transfer-coding": 501,
  "unsupported-version": 505,
  "uri-too-long": 414,
  "whitespace-before-colon": 400,
} as const;

/** What a server answers to a request that was refused for `reason`; a refused response is a 502 whatever the reason. */
export function refusalStatus(reason: RefusalReason): 400 | 413 | 414 | 417 | 431 | 501 | 505 {
  return STATUS_OF[reason];
}

/** Every reason there is, for tables and counters. */
export const REFUSAL_REASONS: readonly RefusalReason[] = Object.keys(STATUS_OF) as RefusalReason[];

/** A message that is not accepted. */
export interface Refusal {
  readonly outcome: "refused";
  readonly reason: RefusalReason;
}

/** Makes a {@link Refusal}. */
export function refuse(reason: RefusalReason): Refusal {
  return { outcome: "refused", reason };
}

/** One field line as it came: case, order and repetition are kept. */
export interface Field {
  readonly name: string;
  /** `name` in lower case, for comparing. */
  readonly key: string;
  /** Without the optional white space around it. */
  readonly value: string;
}

/** Makes a {@link Field} of our own. */
export function field(name: string, value: string): Field {
  return { name, key: name.toLowerCase(), value };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110 §5.6.2: a non-empty word of token characters. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Without spaces and tabs at both ends; other white space is content. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Fields that decide where a message ends or whom it is for: nobody may name them hop by hop. */
const FRAMING_FIELDS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "host"]);
const LENGTH_FIELD = "content-length";
const CODING_FIELD = "transfer-encoding";

/**
 * A name as gateways see it that turn names into variables (RFC 3875 §4.1.18): `Content_Length`, and for some of them
 * `Content.Length`, are one with `Content-Length`.
 */
export function undisguised(key: string): string {
  return key.replace(/[^0-9a-z]/g, "-");
}

/** Whether `key` is another name that some take for `name`. */
function isDisguised(key: string, name: string): boolean {
  return key.length === name.length && key !== name && undisguised(key) === name;
}

/** Reads one field line (without its CRLF). */
export function parseFieldLine(line: string): Field | Refusal {
  if (isBlank(line.charCodeAt(0))) return refuse("obs-fold");
  const colon = line.indexOf(":");
  if (colon < 0) return refuse("missing-colon");
  const name = line.slice(0, colon);
  if (colon > 0 && isBlank(name.charCodeAt(colon - 1))) return refuse("whitespace-before-colon");
  if (!isToken(name)) return refuse("bad-field-name");
  const key = name.toLowerCase();
  if (isDisguised(key, LENGTH_FIELD) || isDisguised(key, CODING_FIELD)) return refuse("disguised-framing-field");
  return { name, key, value: trimBlanks(line.slice(colon + 1)) };
}

/** Tells a refusal from what was wanted. */
export function isRefusal(value: object): value is Refusal {
  return "outcome" in value && value.outcome === "refused";
}

/** The values of every field called `key` (lower case), in order. */
export function valuesOf(fields: readonly Field[], key: string): string[] {
  const values: string[] = [];
  for (const one of fields) if (one.key === key) values.push(one.value);
  return values;
}

/** The members of a comma-separated list (RFC 9110 §5.6.1) in lower case, empty ones left out. */
export function listMembers(values: readonly string[]): string[] {
  const members: string[] = [];
  for (const value of values) {
    for (const part of value.split(",")) {
      const member = trimBlanks(part).toLowerCase();
      if (member !== "") members.push(member);
    }
  }
  return members;
}

const NO_OPTIONS: ReadonlySet<string> = new Set();

/** The options of the Connection fields; naming a field that frames the message is refused (RFC 9110 §7.6.1). */
export function connectionOptions(fields: readonly Field[]): ReadonlySet<string> | Refusal {
  const values = valuesOf(fields, "connection");
  if (values.length === 0) return NO_OPTIONS;
  const options = new Set(listMembers(values));
  for (const key of FRAMING_FIELDS) if (options.has(key)) return refuse("connection-names-framing-field");
  return options;
}

const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?$/;

/**
 * RFC 9110 §7.2: `uri-host [ ":" port ]`. Stricter than the grammar in two ways: the host is not empty (RFC 9110 §4.2.1
 * wants that for http) and has no comma (two hosts joined by a careless hop would pass for one).
 */
export function isValidHost(text: string): boolean {
  const match = HOST.exec(text);
  if (match === null) return false;
  return Number(match[1] ?? "0") <= 65535;
}

const decoder = new TextDecoder();

function isAscii(bytes: Uint8Array): boolean {
  let all = 0;
  for (let at = 0; at < bytes.length; at++) all |= bytes[at] as number;
  return all < 0x80;
}

/** Bytes as latin-1 text: one character each. (TextDecoder's "latin1" is windows-1252, which is not that.) */
export function latin1Text(bytes: Uint8Array): string {
  if (isAscii(bytes)) return decoder.decode(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    const part = bytes.subarray(at, at + 4096);
    // Spreading it into arguments takes ten times as long.
    text += Reflect.apply(String.fromCharCode, undefined, part);
  }
  return text;
}
