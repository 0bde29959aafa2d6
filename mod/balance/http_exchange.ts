/** One request and its response. */
import { assertNever } from "../base/assert.ts";
import type { HttpBalancerConfig } from "../config/types.ts";
import { encodeHead, type RequestHead, type ResponseHead, ResponseHeadParser } from "../net/http1.ts";
import { valuesOf } from "../net/http1_fields.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Opened } from "./connector.ts";
import { type BodyEnd, forwardBody, type Transform } from "./http_body.ts";
import { FRESH_MS, isRepeatable, MAX_INTERIM } from "./http_policy.ts";
import { CONTENT_TOO_LARGE, failureAnswer, ownReply, type OwnStatus } from "./http_reply.ts";
import {
  forwardedInterim,
  forwardedRequest,
  forwardedResponse,
  grantsUpgrade,
  requestedUpgrade,
} from "./http_rewrite.ts";
import type { IdleConnections } from "./http_upstream.ts";
import { relay } from "./relay.ts";
import { plainIp, type SessionContext } from "./session.ts";
import type { BackendTarget } from "./targets.ts";
import { TlsFault } from "./tls/tls_fault.ts";

/** What exchanges of one balancer share. */
export interface ExchangeContext {
  readonly config: HttpBalancerConfig;
  readonly targets: readonly BackendTarget[];
  readonly context: SessionContext;
  readonly idle: IdleConnections;
}

/** What one exchange is about. */
export interface ExchangeRequest {
  readonly client: ByteStream;
  readonly head: RequestHead;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** The client's connection is to be closed after this response. */
  readonly isLast: () => boolean;
}

/** What becomes of the client's connection. */
export type ExchangeEnd = "keep" | "close";

type Answer =
  | { readonly outcome: "head"; readonly head: ResponseHead }
  | { readonly outcome: "upgraded"; readonly head: ResponseHead }
  | { readonly outcome: "client-gone" }
  | { readonly outcome: "failed"; readonly gotBytes: boolean; readonly text: string };

/** Why a request is sent once more; only one that does no harm twice is, and to a second backend once. */
type Retry = "stale" | "silent";

/** Passes one request to a backend and its response to the client. */
export class Exchange {
  readonly #shared: ExchangeContext;
  readonly #request: ExchangeRequest;
  readonly #upgrade: string | null;
  #backend: ByteStream | null = null;
  #upload: Promise<void> = Promise.resolve();
  #uploadEnd: BodyEnd | null = null;
  #isAnswered = false;
  #isLate = false;
  /** What the first backend did instead of answering; null: nothing of the kind yet. */
  #silence: string | null = null;

  constructor(shared: ExchangeContext, request: ExchangeRequest) {
    this.#shared = shared;
    this.#request = request;
    this.#upgrade = requestedUpgrade(request.head);
    if (request.head.framing.kind === "none") this.#uploadEnd = "complete";
  }

  /** Resolves when nobody reads the client's content any more; it may do so after the response has ended. */
  get uploaded(): Promise<void> {
    return this.#upload;
  }

  /** Breaks it off; {@link run} ends soon after. */
  cut(how: "reset" | "close"): void {
    if (how === "reset") this.#backend?.reset();
    else this.#backend?.cut();
  }

  /** Rejects only by a fault of the program. */
  async run(): Promise<ExchangeEnd> {
    const { connector, pool } = this.#shared.context;
    if (isLongerThan(this.#request.head, this.#shared.config.maxRequestBytes)) return await this.#replyTooLarge();
    let isRetry = false;
    let except: number | null = null;
    for (;;) {
      const takeIdle = (index: number): ByteStream | null => isRetry ? null : this.#takeIdle(index);
      const opened = await connector.open(this.#request.signal, { takeIdle, except });
      if (opened.outcome === "aborted") return "close";
      if (opened.outcome === "unavailable") {
        const why = opened.refusal ?? this.#silence;
        return why === null ? await this.#reply(503, "no backend is available") : await this.#reply(502, why);
      }
      try {
        const end = await this.#attempt(opened);
        if (end !== "stale" && end !== "silent") return end;
        if (end === "silent") except = opened.index;
      } finally {
        pool.ended(opened.index);
      }
      isRetry = true;
    }
  }

  #takeIdle(index: number): ByteStream | null {
    return this.#shared.idle.take(index, this.#isRepeatable() ? Infinity : FRESH_MS);
  }

  #isRepeatable(): boolean {
    const { method, framing } = this.#request.head;
    return isRepeatable({ method, framing, upgrade: this.#upgrade });
  }

  /** `stale`: the kept connection was; `silent`: the backend went without an answer, and another one may be asked. */
  async #attempt(opened: Opened): Promise<ExchangeEnd | Retry> {
    const { client, head } = this.#request;
    const target = this.#shared.targets[opened.index];
    const outgoing = forwardedRequest(head, {
      clientIp: plainIp(client.remote.ip),
      backendHost: target?.host ?? "",
      pathPrefix: target?.pathPrefix ?? "",
      upgrade: this.#upgrade,
      isSecure: this.#shared.config.tls !== null,
    });
    this.#backend = opened.stream;
    if (outgoing === null) {
      this.#shared.idle.put(opened.index, opened.stream);
      return await this.#reply(400, "the path leaves the part of the server that is offered here");
    }
    this.#startUpload(opened.stream, encodeHead(outgoing.startLine, outgoing.fields));
    const answer = await this.#awaitAnswer(opened.stream);
    switch (answer.outcome) {
      case "head":
        return await this.#passResponse(opened, answer.head);
      case "upgraded":
        return await this.#passUpgrade(opened.stream, answer.head);
      case "client-gone":
        opened.stream.cut();
        return "close";
      case "failed":
        return await this.#fail(opened, answer);
      default:
        return assertNever(answer);
    }
  }

  #startUpload(backend: ByteStream, bytes: Uint8Array<ArrayBuffer>): void {
    const { client, head } = this.#request;
    const touch = (): void => this.#touchUpload(backend);
    this.#uploadEnd = head.framing.kind === "none" ? "complete" : null;
    this.#awaitBackend(backend);
    backend.onProgress = touch;
    this.#upload = forwardBody(client, backend, {
      framing: head.framing,
      transform: "as-is",
      limits: {
        maxTrailerBytes: this.#shared.config.maxHeadBytes,
        maxContentBytes: this.#shared.config.maxRequestBytes,
      },
      head: bytes,
      touch,
    }).then((end) => this.#endUpload(backend, end));
  }

  /** While content moves, the backend may take its time: it cannot answer what it has not got. */
  #touchUpload(backend: ByteStream): void {
    const { idleTimeoutMs, responseTimeoutMs } = this.#shared.config;
    const { client, head } = this.#request;
    if (head.framing.kind === "none" || client.isClosed) return;
    client.expireIn(idleTimeoutMs);
    if (!backend.isClosed) backend.expireIn(Math.max(idleTimeoutMs, responseTimeoutMs), () => this.#giveUp(backend));
  }

  #endUpload(backend: ByteStream, end: BodyEnd): void {
    this.#uploadEnd = end;
    backend.onProgress = null;
    if (end === "truncated" || end === "malformed" || end === "too-large") return backend.cut();
    // A backend that stops taking content may have an answer ready that says why.
    if (!this.#isAnswered) {
      this.#request.client.neverExpire();
      this.#awaitBackend(backend);
    }
  }

  #awaitBackend(backend: ByteStream): void {
    if (!backend.isClosed) backend.expireIn(this.#shared.config.responseTimeoutMs, () => this.#giveUp(backend));
  }

  #giveUp(backend: ByteStream): void {
    this.#isLate = true;
    backend.cut();
  }

  async #awaitAnswer(backend: ByteStream): Promise<Answer> {
    const { head: request } = this.#request;
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      const answer = await this.#readHead(backend, interim > 0);
      if (answer.outcome !== "head") return answer;
      const { head } = answer;
      if (head.status >= 200) {
        this.#isAnswered = true;
        return answer;
      }
      if (head.status === 101) {
        if (grantsUpgrade(this.#upgrade, head)) return { outcome: "upgraded", head };
        return { outcome: "failed", gotBytes: true, text: "an upgrade nobody asked for" };
      }
      // RFC 9110 §15.2: an HTTP/1.0 client does not know interim answers.
      if (request.minorVersion > 0 && !await this.#sendInterim(head)) return { outcome: "client-gone" };
      if (this.#uploadEnd === "complete") this.#awaitBackend(backend);
    }
    return { outcome: "failed", gotBytes: true, text: "the backend sent interim answers only" };
  }

  /** To a client that reads: the backend's time says nothing about one that does not. */
  async #sendInterim(head: ResponseHead): Promise<boolean> {
    const { client } = this.#request;
    client.expireIn(this.#shared.config.idleTimeoutMs);
    const isSent = await this.#send(client, encode(forwardedInterim(head)));
    if (isSent && this.#uploadEnd === "complete") client.neverExpire();
    return isSent;
  }

  async #readHead(backend: ByteStream, hadBytes: boolean): Promise<Answer> {
    const parser = new ResponseHeadParser(this.#shared.config, this.#request.head.method);
    for (;;) {
      const gotBytes = hadBytes || backend.buffered.length > 0;
      const progress = parser.next(backend.buffered);
      if (progress.outcome === "refused") {
        return { outcome: "failed", gotBytes: true, text: `the backend's answer is not valid (${progress.reason})` };
      }
      if (progress.outcome === "complete") {
        backend.consume(progress.lengthBytes);
        return { outcome: "head", head: progress.head };
      }
      const isMore = await backend.fill().catch(() => false);
      if (!isMore) return { outcome: "failed", gotBytes, text: unanswered(backend) };
    }
  }

  async #fail(
    opened: Opened,
    failure: { readonly gotBytes: boolean; readonly text: string },
  ): Promise<ExchangeEnd | Retry> {
    const { client, signal } = this.#request;
    opened.stream.cut();
    if (signal.aborted || client.isClosed) return "close";
    if (!failure.gotBytes && !this.#isLate && this.#isRepeatable() && (opened.reused || this.#silence === null)) {
      await this.#upload;
      if (opened.reused) return "stale";
      this.#silence = failure.text;
      return "silent";
    }
    if (this.#isLate) return await this.#reply(504, "the backend gave no answer in time");
    const answer = failureAnswer(this.#uploadEnd, failure.text);
    return await this.#reply(answer.status, answer.text);
  }

  async #passResponse(opened: Opened, head: ResponseHead): Promise<ExchangeEnd> {
    const { client, head: request } = this.#request;
    const { config, idle } = this.#shared;
    const backend = opened.stream;
    if (isLongerThan(head, config.maxResponseBytes)) {
      backend.cut();
      return await this.#reply(502, "the backend's answer is larger than is allowed here");
    }
    const isOld = request.minorVersion === 0;
    const transform = transformFor(head, isOld);
    const endsByClose = isOld && (head.framing.kind === "chunked" || head.framing.kind === "until-close");
    const persistent = this.#mayPersist() && !endsByClose;
    const isChunked = !isOld && (transform === "into-chunks" || isDeclaredChunked(head));
    const route = { minorVersion: request.minorVersion, persistent, chunked: isChunked };
    const touch = (): void => this.#touchDownload(backend);
    const writtenBefore = client.writtenBytes;
    client.onProgress = touch;
    touch();
    const end = await forwardBody(backend, client, {
      framing: head.framing,
      transform,
      limits: { maxTrailerBytes: config.maxHeadBytes, maxContentBytes: config.maxResponseBytes },
      head: encode(forwardedResponse(head, route)),
      touch,
    });
    client.onProgress = null;
    if (end !== "complete") {
      backend.cut();
      if (client.writtenBytes === writtenBefore) {
        const isTooLarge = end === "too-large";
        return await this.#reply(502, `the backend's answer is ${isTooLarge ? "too large" : "not validly framed"}`);
      }
      client.reset();
      return "close";
    }
    client.neverExpire();
    const isReusable = head.persistent && this.#uploadEnd === "complete" && backend.buffered.length === 0;
    if (isReusable) idle.put(opened.index, backend);
    else backend.cut();
    return persistent ? "keep" : "close";
  }

  #touchDownload(backend: ByteStream): void {
    const { idleTimeoutMs } = this.#shared.config;
    const { client } = this.#request;
    if (!client.isClosed) client.expireIn(idleTimeoutMs);
    if (!backend.isClosed) backend.expireIn(idleTimeoutMs, () => this.#giveUp(backend));
  }

  async #passUpgrade(backend: ByteStream, head: ResponseHead): Promise<ExchangeEnd> {
    const { client } = this.#request;
    client.expireIn(this.#shared.config.idleTimeoutMs);
    if (await this.#send(client, encode(forwardedInterim(head)))) {
      await relay(client, backend, this.#shared.config.idleTimeoutMs);
    }
    backend.cut();
    return "close";
  }

  /** An answer that comes before the request's content is complete ends the connection: the rest would be read as a request. */
  #mayPersist(): boolean {
    const { head, isLast } = this.#request;
    return head.persistent && this.#uploadEnd === "complete" && !isLast();
  }

  async #replyTooLarge(): Promise<ExchangeEnd> {
    return await this.#reply(CONTENT_TOO_LARGE.status, CONTENT_TOO_LARGE.text);
  }

  async #reply(status: OwnStatus, text: string): Promise<ExchangeEnd> {
    const { client, head } = this.#request;
    const persistent = this.#mayPersist();
    client.expireIn(this.#shared.config.idleTimeoutMs);
    const isSent = await this.#send(client, ownReply(status, { text, persistent, request: head }));
    client.neverExpire();
    return isSent && persistent ? "keep" : "close";
  }

  async #send(stream: ByteStream, bytes: Uint8Array): Promise<boolean> {
    try {
      await stream.write(bytes);
      return true;
    } catch {
      return false;
    }
  }
}

function encode(head: { startLine: string; fields: Parameters<typeof encodeHead>[1] }): Uint8Array<ArrayBuffer> {
  return encodeHead(head.startLine, head.fields);
}

/** What the head alone tells; an answer to HEAD, which only speaks of a length, is framed as having none. */
function isLongerThan({ framing }: RequestHead | ResponseHead, most: number | null): boolean {
  return most !== null && framing.kind === "length" && framing.bytes > most;
}

function unanswered(backend: ByteStream): string {
  if (backend.fault instanceof TlsFault) return backend.fault.refusal;
  return "the backend closed the connection without an answer";
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
