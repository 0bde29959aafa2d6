/** What an exchange and its client know of each other. */
import type { RequestSource } from "./http_request.ts";
import type { Flow } from "./types.ts";

/** What becomes of the client's connection. */
export type ExchangeEnd =
  | "keep"
  | "close"
  /** As the client has asked for with a request that is complete. */
  | "last"
  /** An answer of known length, or in chunks, is incomplete: the client is to see that. */
  | "broken"
  /** It is over: whatever is still there is to be closed. */
  | "gone";

/** Whose requests they are. */
export interface ExchangeClient extends RequestSource {
  readonly flow: Flow;
  /** Bytes of the flow that were reported as moved. */
  reportedBytes: number;
  /** Called once for each `begin`, perhaps before that has returned. */
  exchangeEnded(end: ExchangeEnd): void;
}

/** How far an exchange is. */
export type Phase =
  | "none"
  | "connecting"
  /** The request, or the head of it, was sent. */
  | "awaiting"
  /** The answer's head was sent. */
  | "passing"
  | "upgraded";

/** How the client's content ended. */
export type UploadEnd = "complete" | "truncated" | "malformed" | "too-large";
