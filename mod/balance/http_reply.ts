/** Responses of our own: short, in plain text, for a person who looks at what went wrong. */
import { assertNever } from "../base/assert.ts";
import { encodeHead, type RefusalReason } from "../net/http1.ts";
import { field, refusalStatus } from "../net/http1_fields.ts";

/** Statuses that the balancer itself answers with. */
export type OwnStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 502 | 503 | 504 | 505;

const PHRASES: Record<OwnStatus, string> = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** How the content of a request ended that got no answer of a backend. */
export type ContentEnd = "complete" | "truncated" | "malformed" | "too-large" | "sink-broken" | null;

/** A status and its sentence. */
export interface OwnAnswer {
  readonly status: OwnStatus;
  readonly text: string;
}

/** The answer to a request with more content than is allowed. */
export const CONTENT_TOO_LARGE: OwnAnswer = {
  status: 413,
  text: "the content of the request is larger than is allowed here",
};

/** What the client has done wrong with its content is its own fault; otherwise it is the backend's, whose failure is `text`. */
export function failureAnswer(end: ContentEnd, text: string): OwnAnswer {
  switch (end) {
    case "malformed":
      return { status: 400, text: "the content of the request is not validly framed" };
    case "truncated":
      return { status: 400, text: "the request ended before its content was complete" };
    case "too-large":
      return CONTENT_TOO_LARGE;
    case "complete":
    case "sink-broken":
    case null:
      return { status: 502, text };
    default:
      return assertNever(end);
  }
}

/** What an answer says besides its status. */
export interface ReplyOptions {
  /** A sentence without a line end, never text of a client's or a backend's. */
  readonly text: string;
  /** The connection can be used again afterwards. */
  readonly persistent: boolean;
  /** Of the request answered; null when there was none that could be read. */
  readonly request: { readonly method: string; readonly minorVersion: 0 | 1 } | null;
}

/** One complete response. */
export function ownReply(status: OwnStatus, options: ReplyOptions): Uint8Array<ArrayBuffer> {
  const body = `${status} ${PHRASES[status]}: ${options.text}\n`;
  const fields = [
    field("Content-Type", "text/plain; charset=utf-8"),
    field("Cache-Control", "no-store"),
    field("Content-Length", String(body.length)),
  ];
  if (!options.persistent) fields.push(field("Connection", "close"));
  else if (options.request?.minorVersion === 0) fields.push(field("Connection", "keep-alive"));
  const head = encodeHead(`HTTP/1.1 ${status} ${PHRASES[status]}`, fields);
  if (options.request?.method === "HEAD") return head;
  const reply = new Uint8Array(head.length + body.length);
  reply.set(head);
  new TextEncoder().encodeInto(body, reply.subarray(head.length));
  return reply;
}

/** The answer to a request that was refused while it was read. */
export function refusalReply(reason: RefusalReason): Uint8Array<ArrayBuffer> {
  return ownReply(refusalStatus(reason), {
    text: `the request was refused (${reason})`,
    persistent: false,
    request: null,
  });
}
