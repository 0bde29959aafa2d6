/** The answer of a backend: its heads one after the other, and the final one as the client gets it. */
import type { HttpBalancerConfig } from "../../config/types.ts";
import { encodeHead, type Framing, type ResponseHead, ResponseHeadParser } from "../../net/http1.ts";
import { valuesOf } from "../../net/http1_fields.ts";
import type { Transform } from "../http_body.ts";
import { forwardedInterim, forwardedResponse } from "../http_rewrite.ts";
import { HeadReader } from "./http_head_reader.ts";
import type { WrittenHead } from "./http_input.ts";
import type { CurrentRequest } from "./http_request.ts";
import type { HttpShared } from "./http_shared.ts";

const NO_CONTENT: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const UNTIL_CLOSE: Framing = { kind: "until-close" };

/** The final answer to the request of one exchange after the other. */
export class CurrentAnswer {
  readonly reader: HeadReader<ResponseHead>;
  framing: Framing = NO_CONTENT;
  transform: Transform = "as-is";
  /** The backend would use its connection again. */
  persistent = false;
  /** The client's connection cannot go on: its end is the end of the answer. */
  endsByClose = false;
  #head: ResponseHead | null = null;
  readonly #shared: HttpShared;
  readonly #request: CurrentRequest;

  constructor(shared: HttpShared, request: CurrentRequest) {
    this.#shared = shared;
    this.#request = request;
    this.reader = new HeadReader({
      scratch: shared.scratch,
      buffers: shared.buffers,
      plain: shared.plainResponse,
      strict: () => new ResponseHeadParser(shared.config, request.method),
    });
  }

  /** Takes over the final head that the reader has just read. */
  begin(): void {
    const { head } = this.reader;
    this.#head = head;
    if (head === null) this.#beginPlain();
    else this.#beginStrict(head);
  }

  /** The head alone says that there is more than is allowed. */
  isTooLong({ maxResponseBytes }: HttpBalancerConfig): boolean {
    return maxResponseBytes !== null && this.framing.kind === "length" && this.framing.bytes > maxResponseBytes;
  }

  /** What the client gets. Valid until another head is written. */
  encode(persistent: boolean): WrittenHead {
    if (this.#head !== null) return this.#encodeStrict(this.#head, persistent);
    const { head, plainResponse } = this.#shared;
    const chunked = plainResponse.isChunked || this.transform === "into-chunks";
    return { bytes: head, length: plainResponse.write(head, this.reader.input.bytes, { persistent, chunked }) };
  }

  #beginPlain(): void {
    const { status, isChunked, contentLength, persistent } = this.#shared.plainResponse;
    this.framing = framingOf(this.#request.method, { status, isChunked, contentLength });
    this.transform = this.framing.kind === "until-close" ? "into-chunks" : "as-is";
    this.persistent = persistent && this.framing.kind !== "until-close";
    this.endsByClose = false;
  }

  #beginStrict(head: ResponseHead): void {
    const isOld = this.#request.minorVersion === 0;
    this.framing = head.framing;
    this.transform = transformFor(head, isOld);
    this.persistent = head.persistent;
    this.endsByClose = isOld && (head.framing.kind === "chunked" || head.framing.kind === "until-close");
  }

  #encodeStrict(head: ResponseHead, persistent: boolean): WrittenHead {
    const { minorVersion } = this.#request;
    const chunked = minorVersion !== 0 && (this.transform === "into-chunks" || isDeclaredChunked(head));
    const { startLine, fields } = forwardedResponse(head, { minorVersion, persistent, chunked });
    const bytes = encodeHead(startLine, fields);
    return { bytes, length: bytes.length };
  }
}

/** An interim answer as the client gets it. */
export function encodeInterim(head: ResponseHead): Uint8Array<ArrayBuffer> {
  const { startLine, fields } = forwardedInterim(head);
  return encodeHead(startLine, fields);
}

/** RFC 9112 §6.3, of what a plain head may be. */
function framingOf(
  method: string,
  plain: { readonly status: number; readonly isChunked: boolean; readonly contentLength: number },
): Framing {
  if (method === "HEAD" || plain.status === 304) return NO_CONTENT;
  if (plain.isChunked) return CHUNKED;
  return plain.contentLength < 0 ? UNTIL_CLOSE : { kind: "length", bytes: plain.contentLength };
}

/** A client that knows chunks sees a truncation in them; without chunks an end is just an end. */
function transformFor(head: ResponseHead, isOldClient: boolean): Transform {
  if (head.framing.kind === "until-close" && !isOldClient) return "into-chunks";
  return head.framing.kind === "chunked" && isOldClient ? "out-of-chunks" : "as-is";
}

/** Also of an answer to HEAD, which says how the content of a GET would come. */
function isDeclaredChunked(head: ResponseHead): boolean {
  return head.status !== 204 && valuesOf(head.fields, "transfer-encoding").length > 0;
}
