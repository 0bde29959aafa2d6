/** Where the content of an HTTP/1.1 message ends (RFC 9112 §6) and whether the connection can be used again (§9.3). */
import { type Field, isToken, type Refusal, refuse, trimBlanks, valuesOf } from "./http1_fields.ts";

/** How the end of a message's content is told. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

const NO_CONTENT: Framing = { kind: "none" };

/** Digits without sign, space, list or leading zero; 15 of them stay below 2^53. */
const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;

/** Reads the length fields alone: null where there are none. Duplicates are refused even when they agree. */
function contentLength(fields: readonly Field[]): number | null | Refusal {
  const values = valuesOf(fields, "content-length");
  const [first] = values;
  if (first === undefined) return null;
  if (values.length > 1) return refuse("duplicate-content-length");
  return LENGTH.test(first) ? Number(first) : refuse("bad-content-length");
}

/**
 * RFC 9112 §6.1, §6.3: only `chunked` is understood. Another coding before it is answered with 501; anything that does
 * not end in `chunked`, or is not a plain list of names, leaves the end of the message open to debate and is refused.
 */
function transferCoding(fields: readonly Field[], minorVersion: number): "chunked" | "absent" | Refusal {
  const values = valuesOf(fields, "transfer-encoding");
  if (values.length === 0) return "absent";
  if (minorVersion === 0) return refuse("transfer-encoding-in-http10");
  const codings = values.flatMap((value) => value.split(",")).map((part) => trimBlanks(part).toLowerCase());
  if (!codings.every(isToken)) return refuse("bad-transfer-encoding");
  if (codings.at(-1) !== "chunked") return refuse("chunked-not-last");
  if (codings.indexOf("chunked") !== codings.length - 1) return refuse("bad-transfer-encoding");
  return codings.length === 1 ? "chunked" : refuse("unknown-transfer-coding");
}

function declaredFraming(fields: readonly Field[], minorVersion: number): Framing | null | Refusal {
  const coding = transferCoding(fields, minorVersion);
  const isUnknown = typeof coding === "object" && coding.reason === "unknown-transfer-coding";
  if (typeof coding === "object" && !isUnknown) return coding;
  const length = contentLength(fields);
  if (length !== null && coding !== "absent") return refuse("length-and-chunked");
  if (typeof coding === "object") return coding;
  if (coding === "chunked") return { kind: "chunked" };
  if (typeof length === "object" && length !== null) return length;
  return length === null ? null : { kind: "length", bytes: length };
}

/** The framing of a request: without a length it has no content. */
export function requestFraming(fields: readonly Field[], minorVersion: number): Framing | Refusal {
  return declaredFraming(fields, minorVersion) ?? NO_CONTENT;
}

/** What decides the framing of a response besides its fields. */
export interface ResponseContext {
  readonly status: number;
  readonly minorVersion: number;
  /** The method of the request it answers. */
  readonly method: string;
}

/** Whether the fields speak of content, for a message that has none. */
export function announcesContent(fields: readonly Field[]): boolean {
  return fields.some(({ key, value }) => key === "transfer-encoding" || (key === "content-length" && value !== "0"));
}

/** The framing of a response: without a length it lasts until the connection ends. */
export function responseFraming(fields: readonly Field[], context: ResponseContext): Framing | Refusal {
  const declared = declaredFraming(fields, context.minorVersion);
  if (declared !== null && "outcome" in declared) return declared;
  const { status, method } = context;
  // RFC 9110 §8.6, RFC 9112 §6.1: neither field in 1xx. What follows may be content to the backend, and an answer to us.
  if (status < 200 && announcesContent(fields)) return refuse("interim-with-content");
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return NO_CONTENT;
  return declared ?? { kind: "until-close" };
}

/** RFC 9112 §9.3: HTTP/1.1 persists unless told to close, HTTP/1.0 only when told to. */
export function isPersistent(options: ReadonlySet<string>, minorVersion: number): boolean {
  if (options.has("close")) return false;
  return minorVersion >= 1 || options.has("keep-alive");
}
