/** What an exchange knows of its request, and the head that the backend gets. */
import { isRepeatable } from "../http_policy.ts";
import type { HttpBalancerConfig } from "../../config/types.ts";
import { assert } from "../../base/assert.ts";
import { encodeHead, type Framing, type HeadLimits, type RequestHead, RequestHeadParser } from "../../net/http1.ts";
import { forwardedRequest, requestedUpgrade } from "../http_rewrite.ts";
import type { BackendTarget } from "../targets.ts";
import type { HeadReader } from "./http_head_reader.ts";
import { viewOf, type WrittenHead } from "./http_input.ts";
import type { HttpShared } from "./http_shared.ts";

const NO_CONTENT: Framing = { kind: "none" };
/** It has passed them. */
const NO_LIMITS: HeadLimits = { maxHeadBytes: Infinity, maxHeaders: Infinity };

/** Whom a request comes from. */
export interface RequestSource {
  readonly reader: HeadReader<RequestHead>;
  readonly ip: string;
}

/** The request of one exchange after the other. */
export class CurrentRequest {
  method = "";
  minorVersion: 0 | 1 = 1;
  /** The client would use its connection again. */
  persistent = true;
  framing: Framing = NO_CONTENT;
  /** The protocol asked for; null: none. */
  upgrade: string | null = null;
  /** It may be sent twice. */
  isRepeatable = true;
  lengthBytes = 0;
  #head: RequestHead | null = null;
  /** The reader of plain heads has read no other one since. */
  #isStillRead = false;
  readonly #shared: HttpShared;
  #source: RequestSource;

  constructor(shared: HttpShared, source: RequestSource) {
    this.#shared = shared;
    this.#source = source;
  }

  /** Takes over what the source's reader has just read; the bytes of the head stay where they are. */
  begin(source: RequestSource): void {
    this.#source = source;
    const { reader } = source;
    const { head, lengthBytes } = reader;
    this.lengthBytes = lengthBytes;
    this.#head = head;
    if (head === null) {
      const plain = this.#shared.plainRequest;
      this.#isStillRead = true;
      this.method = plain.method;
      this.minorVersion = 1;
      this.persistent = plain.persistent;
      this.framing = plain.contentLength < 0 ? NO_CONTENT : { kind: "length", bytes: plain.contentLength };
      this.upgrade = null;
    } else {
      this.method = head.method;
      this.minorVersion = head.minorVersion;
      this.persistent = head.persistent;
      this.framing = head.framing;
      this.upgrade = requestedUpgrade(head);
    }
    this.isRepeatable = isRepeatable(this);
  }

  /** The exchange waits for something: meanwhile other heads are read, and its own may be held elsewhere. */
  wait(): void {
    this.#isStillRead = false;
  }

  /** The head alone says that there is more than is allowed. */
  isTooLong({ maxRequestBytes }: HttpBalancerConfig): boolean {
    return maxRequestBytes !== null && this.framing.kind === "length" && this.framing.bytes > maxRequestBytes;
  }

  /** What a backend gets; null when the path leaves what is offered. Valid until another head is written. */
  encode(target: BackendTarget | null): WrittenHead | null {
    const pathPrefix = target?.pathPrefix ?? "";
    if (this.#head === null && pathPrefix === "") return this.#encodePlain();
    const head = this.#head ?? this.#parseAgain();
    const outgoing = forwardedRequest(head, {
      clientIp: this.#source.ip,
      backendHost: target?.host ?? "",
      pathPrefix,
      upgrade: this.upgrade,
    });
    if (outgoing === null) return null;
    const bytes = encodeHead(outgoing.startLine, outgoing.fields);
    return { bytes, length: bytes.length };
  }

  #encodePlain(): WrittenHead {
    const { plainRequest, head, forwardedProto } = this.#shared;
    const { reader, ip } = this.#source;
    const { bytes, start, end } = reader.input;
    if (!this.#isStillRead) plainRequest.read(bytes, start, { end, limits: NO_LIMITS });
    this.#isStillRead = false;
    const route = { clientIp: ip, forwardedProto };
    const into = plainRequest.lengthBytes + plainRequest.growth(route) <= head.length
      ? head
      : new Uint8Array(plainRequest.lengthBytes + plainRequest.growth(route));
    return { bytes: into, length: plainRequest.write(into, bytes, route) };
  }

  #parseAgain(): RequestHead {
    const progress = new RequestHeadParser(NO_LIMITS).next(viewOf(this.#source.reader.input));
    assert(progress.outcome === "complete", "a plain head is one for the strict parser too");
    return progress.head;
  }
}
