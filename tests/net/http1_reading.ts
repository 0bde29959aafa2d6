/** A request read as the balancers read it: the head, then the content, from pieces of any size. */
import { encodeHead, type RequestHead, RequestHeadParser } from "../../mod/net/http1.ts";
import { ChunkedParser } from "../../mod/net/http1_chunked.ts";
import type { RefusalReason } from "../../mod/net/http1_fields.ts";
import { forwardedRequest, requestedUpgrade } from "../../mod/balance/http_rewrite.ts";

/** Limits of the readings; those of `httpConfig` in the balancers' tests. */
export const READING_LIMITS = { maxHeadBytes: 16_384, maxHeaders: 64, maxTrailerBytes: 16_384 };

/** What came of it. */
export type Reading =
  | { readonly outcome: "incomplete" }
  | { readonly outcome: "refused"; readonly reason: RefusalReason }
  /** The message ends after so many bytes. */
  | {
    readonly outcome: "complete";
    readonly head: RequestHead;
    readonly headBytes: number;
    readonly lengthBytes: number;
  };

type ContentEnd = Reading | { readonly outcome: "complete-at"; readonly at: number };

function readContent(head: RequestHead, bytes: Uint8Array, cuts: readonly number[]): ContentEnd {
  if (head.framing.kind === "none") return { outcome: "complete-at", at: 0 };
  if (head.framing.kind === "length") {
    const { bytes: length } = head.framing;
    return length <= bytes.length ? { outcome: "complete-at", at: length } : { outcome: "incomplete" };
  }
  const parser = new ChunkedParser(READING_LIMITS);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut < from || cut > bytes.length) continue;
    const progress = parser.feed(bytes.subarray(from, cut));
    if (progress.outcome === "refused") return progress;
    if (progress.outcome === "complete") return { outcome: "complete-at", at: from + progress.consumed };
    from = cut;
  }
  return { outcome: "incomplete" };
}

/** Reads one request of bytes that arrive up to each of `cuts` (ascending), and then all of them. */
export function readRequest(bytes: Uint8Array, cuts: readonly number[] = [], limits = READING_LIMITS): Reading {
  const parser = new RequestHeadParser(limits);
  for (const cut of [...cuts, bytes.length]) {
    const progress = parser.next(bytes.subarray(0, cut));
    if (progress.outcome === "refused") return progress;
    if (progress.outcome === "incomplete") continue;
    const { head, lengthBytes: headBytes } = progress;
    const rest = cuts.map((each) => each - headBytes).filter((each) => each > 0);
    const end = readContent(head, bytes.subarray(headBytes), rest);
    if (end.outcome !== "complete-at") return end;
    return { outcome: "complete", head, headBytes, lengthBytes: headBytes + end.at };
  }
  return { outcome: "incomplete" };
}

/** The head that the backend gets. */
export function forwardedBytes(
  head: RequestHead,
  to: { readonly clientIp: string; readonly backendHost: string },
): Uint8Array {
  const outgoing = forwardedRequest(head, { ...to, pathPrefix: "", upgrade: requestedUpgrade(head) });
  return outgoing === null ? new Uint8Array() : encodeHead(outgoing.startLine, outgoing.fields);
}
