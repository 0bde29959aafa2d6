/** Responses of our own: short, in plain text, for a person who looks at what went wrong. */
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
