/** One request and its answer: which backend gets it, what is sent both ways, and what becomes of both connections. */
import { assertNever } from "../../base/assert.ts";
import { errnoName } from "../../linux/errno.ts";
import type { ResponseHead } from "../../net/http1.ts";
import { FRESH_MS, MAX_INTERIM } from "../http_policy.ts";
import { CONTENT_TOO_LARGE, failureAnswer, ownReply, type OwnStatus } from "../http_reply.ts";
import { grantsUpgrade } from "../http_rewrite.ts";
import { CurrentAnswer, encodeInterim } from "./http_answer.ts";
import type { BackendConnection, BackendUser } from "./http_backend.ts";
import type { ExchangeClient, ExchangeEnd, Phase, UploadEnd } from "./http_exchange_types.ts";
import { Content } from "./http_content.ts";
import { sendWithHead } from "./http_input.ts";
import { Movement } from "./http_movement.ts";
import { Opening } from "./http_opening.ts";
import { CurrentRequest } from "./http_request.ts";
import type { HttpShared } from "./http_shared.ts";
import { Tunnel } from "./http_tunnel.ts";
import type { Flow } from "./types.ts";

/** Passes one request after the other to backends, and the answers back. A client has one while its request is answered. */
export class Exchange implements BackendUser {
  readonly #shared: HttpShared;
  #client: ExchangeClient;
  readonly #request: CurrentRequest;
  readonly #answer: CurrentAnswer;
  readonly #upload: Content;
  readonly #download: Content;
  #phase: Phase = "none";
  #backend: BackendConnection | null = null;
  readonly #opening: Opening;
  /** The request's head is still among what the client's reader has. */
  #isHeadThere = false;
  #isLate = false;
  /** What the first backend did instead of answering; null: nothing of the kind yet. */
  #silence: string | null = null;
  #interim = 0;
  #uploadEnd: UploadEnd | null = null;
  /** Of the answer that is passed on. */
  #persistent = false;
  #tunnel: Tunnel | null = null;
  readonly #movement = new Movement();

  constructor(shared: HttpShared, client: ExchangeClient) {
    this.#shared = shared;
    this.#client = client;
    this.#request = new CurrentRequest(shared, client);
    this.#answer = new CurrentAnswer(shared, this.#request);
    this.#opening = new Opening(shared, this);
    this.#upload = new Content(shared.scratch);
    this.#download = new Content(shared.scratch);
  }

  /** Takes over the request whose head the client's reader has just read. Another client's only after the end of the one before. */
  begin(client: ExchangeClient): void {
    const request = this.#request;
    this.#client = client;
    request.begin(client);
    this.#isHeadThere = true;
    this.#isLate = false;
    this.#silence = null;
    this.#opening.begin();
    this.#interim = 0;
    this.#uploadEnd = request.framing.kind === "none" ? "complete" : null;
    if (request.isTooLong(this.#shared.config)) return this.#reply(CONTENT_TOO_LARGE.status, CONTENT_TOO_LARGE.text);
    this.#open();
  }

  /** The client is gone: its backend is to notice. {@link ExchangeClient.exchangeEnded} is not called. */
  abort(): void {
    this.#backend?.flow.reset();
    this.#release();
  }

  clientReadable(): void {
    if (this.#phase === "upgraded") this.#moveTunnel();
    else if (this.#uploadEnd === null && (this.#phase === "awaiting" || this.#phase === "passing")) this.#pumpUpload();
  }

  clientDrained(): void {
    if (this.#phase === "upgraded") this.#moveTunnel();
    else if (this.#phase === "passing") this.#pumpDownload();
  }

  clientExpired(): void {
    const restMs = this.#restMs();
    if (restMs > 0) this.#client.flow.expireIn(restMs);
    else this.#breakOff();
  }

  backendOpened(backend: BackendConnection): void {
    this.#opening.succeeded();
    this.#start(backend);
  }

  backendReadable(): void {
    switch (this.#phase) {
      case "awaiting":
        return this.#readAnswer();
      case "passing":
        return this.#pumpDownload();
      case "upgraded":
        return this.#moveTunnel();
      default:
        return;
    }
  }

  backendDrained(): void {
    if (this.#phase === "upgraded") this.#moveTunnel();
    else if (this.#uploadEnd === null) this.#pumpUpload();
  }

  backendFailed(errno: number): void {
    switch (this.#phase) {
      case "connecting":
        return this.#connectFailed(errnoName(errno));
      case "awaiting":
        return this.#fail("the backend broke the connection without an answer");
      case "passing":
      case "upgraded":
        return this.#breakOff();
      case "none":
        return;
      default:
        return assertNever(this.#phase);
    }
  }

  backendExpired(): void {
    const { config } = this.#shared;
    const flow = this.#backend?.flow;
    if (flow === undefined) return;
    if (this.#phase === "connecting") return this.#connectFailed(`no answer within ${config.connectTimeoutMs} ms`);
    // Content is on its way, which does not wait for the backend to think.
    const isMoving = this.#phase !== "awaiting" || this.#uploadEnd === null;
    // Nor can it think about what it has not got.
    const restMs = isMoving ? this.#restMs() : config.responseTimeoutMs - flow.sinceSentMs;
    if (restMs > 0) return flow.expireIn(restMs);
    if (this.#phase !== "awaiting") return this.#breakOff();
    this.#isLate = true;
    this.#fail("");
  }

  backendFault(): void {
    this.#breakOff();
  }

  /** Of the idle time. */
  #restMs(): number {
    return this.#movement.restMs(this.#client.flow, this.#backend?.flow, { idleMs: this.#shared.config.idleTimeoutMs });
  }

  #open(): void {
    const opened = this.#opening.next(this.#request.isRepeatable ? Infinity : FRESH_MS);
    switch (opened.outcome) {
      case "kept":
        return this.#start(opened.backend);
      case "connecting":
        this.#backend = opened.backend;
        this.#phase = "connecting";
        this.#request.wait();
        this.#client.reader.holdRest();
        return;
      case "unavailable":
        return this.#silence === null ? this.#reply(503, "no backend is available") : this.#reply(502, this.#silence);
      default:
        return assertNever(opened);
    }
  }

  #connectFailed(detail: string): void {
    this.#backend?.flow.close();
    this.#backend = null;
    this.#opening.failed(detail);
    this.#open();
  }

  /** Sends the request, with what there is of its content, to a connection that stands. */
  #start(backend: BackendConnection): void {
    const request = this.#request;
    this.#backend = backend;
    this.#phase = "awaiting";
    const head = request.encode(backend.target);
    if (head === null) {
      this.#shared.kept.put(backend);
      return this.#reply(400, "the path leaves the part of the server that is offered here");
    }
    if (this.#uploadEnd === null) return this.#startUpload(backend, head);
    if (request.isRepeatable) {
      // It may have to be sent again.
      this.#client.reader.holdRest();
    } else {
      this.#consumeHead();
    }
    backend.flow.send(head.bytes, head.length);
    this.#awaitAnswer(backend.flow);
  }

  #startUpload(backend: BackendConnection, head: { bytes: Uint8Array<ArrayBuffer>; length: number }): void {
    const { config } = this.#shared;
    const { reader } = this.#client;
    const { input } = reader;
    const limits = { maxTrailerBytes: config.maxHeadBytes, maxContentBytes: config.maxRequestBytes };
    this.#upload.begin({ framing: this.#request.framing, transform: "as-is", limits });
    this.#isHeadThere = false;
    input.start += this.#request.lengthBytes;
    const { bytes, start } = input;
    const step = this.#upload.take(input);
    if (step === "malformed" || step === "too-large") return this.#endUpload(step);
    sendWithHead(backend.flow, head, { bytes, start, end: input.start });
    reader.holdRest();
    this.#touchUpload(backend.flow);
    if (step === "complete") this.#endUpload(step);
    else if (this.#client.flow.hasInput) this.#pumpUpload();
  }

  /** While content moves, the backend may take its time: it cannot answer what it has not got. */
  #touchUpload(flow: Flow): void {
    const { idleTimeoutMs, responseTimeoutMs } = this.#shared.config;
    this.#movement.note(this.#client.flow, this.#backend?.flow);
    this.#client.flow.expireIn(idleTimeoutMs);
    flow.expireIn(Math.max(idleTimeoutMs, responseTimeoutMs));
  }

  #awaitAnswer(flow: Flow): void {
    flow.expireIn(this.#shared.config.responseTimeoutMs);
  }

  #pumpUpload(): void {
    const to = this.#backend?.flow;
    if (to === undefined) return;
    const outcome = this.#upload.pump(this.#client.flow, to);
    switch (outcome) {
      case "more":
        return this.#touchUpload(to);
      case "broken":
        return this.#breakOff();
      case "ended":
        return this.#endUpload("truncated");
      case "complete":
        this.#client.reader.held.append(this.#shared.scratch);
        return this.#endUpload("complete");
      case "malformed":
      case "too-large":
        return this.#endUpload(outcome);
      default:
        return assertNever(outcome);
    }
  }

  #endUpload(end: UploadEnd): void {
    this.#uploadEnd = end;
    if (end === "complete") {
      if (this.#phase === "awaiting") {
        this.#client.flow.neverExpire();
        if (this.#backend !== null) this.#awaitAnswer(this.#backend.flow);
      }
      return;
    }
    if (this.#phase === "awaiting") this.#fail("");
    else this.#breakOff();
  }

  #readAnswer(): void {
    const { config } = this.#shared;
    const { reader } = this.#answer;
    while (this.#phase === "awaiting" && this.#backend !== null) {
      const outcome = reader.read(this.#backend.flow, config, this.#request.minorVersion === 1);
      switch (outcome) {
        case "none":
          return;
        case "ended":
        case "broken":
          return this.#fail("the backend closed the connection without an answer");
        case "refused":
          return this.#refuse(`the backend's answer is not valid (${reader.reason})`);
        case "plain":
          return this.#pass(this.#backend);
        case "strict":
          this.#onHead(this.#backend, reader.head);
          break;
        default:
          return assertNever(outcome);
      }
    }
  }

  #onHead(backend: BackendConnection, head: ResponseHead | null): void {
    if (head === null || head.status >= 200) return this.#pass(backend);
    const { reader } = this.#answer;
    reader.input.start += reader.lengthBytes;
    reader.holdRest();
    if (head.status === 101) {
      if (grantsUpgrade(this.#request.upgrade, head)) return this.#beginTunnel(backend, head);
      return this.#refuse("an upgrade nobody asked for");
    }
    this.#interim++;
    if (this.#interim > MAX_INTERIM) return this.#refuse("the backend sent interim answers only");
    // RFC 9110 §15.2: an HTTP/1.0 client does not know interim answers.
    if (this.#request.minorVersion > 0) this.#client.flow.send(encodeInterim(head));
    if (this.#uploadEnd === "complete") this.#awaitAnswer(backend.flow);
  }

  /** Passes on the final head that was read, and what has come of its content. */
  #pass(backend: BackendConnection): void {
    const { config } = this.#shared;
    const answer = this.#answer;
    const { input, lengthBytes } = answer.reader;
    const { flow } = this.#client;
    answer.begin();
    if (answer.isTooLong(config)) return this.#refuse("the backend's answer is larger than is allowed here");
    this.#persistent = this.#mayPersist() && !answer.endsByClose;
    const head = answer.encode(this.#persistent);
    const limits = { maxTrailerBytes: config.maxHeadBytes, maxContentBytes: config.maxResponseBytes };
    this.#download.begin({ framing: answer.framing, transform: answer.transform, limits });
    input.start += lengthBytes;
    const { bytes, start } = input;
    const step = this.#download.take(input);
    if (step === "malformed") return this.#refuse("the backend's answer is not validly framed");
    if (step === "too-large") return this.#refuse("the backend's answer is too large");
    const { changed } = this.#download;
    if (changed === null) sendWithHead(flow, head, { bytes, start, end: input.start });
    else sendWithHead(flow, head, { bytes: changed, start: 0, end: changed.length });
    this.#phase = "passing";
    if (step === "complete") return this.#completeDownload(backend, input.end > input.start);
    answer.reader.holdRest();
    this.#touchDownload(backend.flow);
    if (backend.flow.hasInput) this.#pumpDownload();
  }

  #touchDownload(flow: Flow): void {
    const { idleTimeoutMs } = this.#shared.config;
    this.#movement.note(this.#client.flow, this.#backend?.flow);
    this.#client.flow.expireIn(idleTimeoutMs);
    flow.expireIn(idleTimeoutMs);
  }

  #pumpDownload(): void {
    const backend = this.#backend;
    if (backend === null) return;
    const outcome = this.#download.pump(backend.flow, this.#client.flow);
    switch (outcome) {
      case "more":
        this.#report();
        return this.#touchDownload(backend.flow);
      case "ended":
        return this.#endDownload(backend);
      case "complete":
        return this.#completeDownload(backend, this.#shared.scratch.end > this.#shared.scratch.start);
      case "broken":
      case "malformed":
      case "too-large":
        return this.#breakOff();
      default:
        return assertNever(outcome);
    }
  }

  /** The backend's side has ended: perhaps that is how its content ends. */
  #endDownload(backend: BackendConnection): void {
    const rest = this.#download.atEnd();
    if (rest === null) return this.#breakOff();
    if (rest.length > 0) this.#client.flow.send(rest);
    this.#completeDownload(backend, true);
  }

  /** `hasMore`: there is something behind the answer, which is no answer to anything. */
  #completeDownload(backend: BackendConnection, hasMore: boolean): void {
    const isReusable = !hasMore && this.#answer.persistent && this.#uploadEnd === "complete" &&
      this.#isQuiet(backend.flow) && this.#shared.backends.isConfigured(backend.index);
    if (isReusable) this.#shared.kept.put(backend);
    else backend.flow.close();
    this.#finish(this.#persistent);
  }

  /** Nothing is to come, and nothing is left to go: content that the backend answered without taking it would be before the next request. */
  #isQuiet(flow: Flow): boolean {
    return !flow.isClosed && flow.keptBytes === 0 && (!flow.hasInput || this.#shared.scratch.receiveHead(flow) === 0);
  }

  #beginTunnel(backend: BackendConnection, head: ResponseHead): void {
    const { flow, reader } = this.#client;
    const early = this.#answer.reader.held;
    this.#consumeHead();
    this.#phase = "upgraded";
    backend.flow.neverExpire();
    flow.send(encodeInterim(head));
    if (early.length > 0) flow.send(early.bytes.slice(early.start, early.end));
    early.consume(early.length);
    const { held } = reader;
    if (held.length > 0) backend.flow.send(held.bytes.slice(held.start, held.end));
    held.consume(held.length);
    this.#tunnel = new Tunnel(flow, backend.flow, this.#shared.scratch);
    this.#moveTunnel();
  }

  #moveTunnel(): void {
    const state = this.#tunnel?.move() ?? "broken";
    this.#client.flow.expireIn(this.#shared.config.idleTimeoutMs);
    this.#movement.note(this.#client.flow, this.#backend?.flow);
    this.#report();
    if (state === "open") return;
    if (state === "broken") return this.#breakOff();
    this.#backend?.flow.close();
    this.#end("gone");
  }

  /** The backend gave no answer: another try where that is safe, else one of our own. */
  #fail(text: string): void {
    const backend = this.#backend;
    const gotBytes = this.#interim > 0 || this.#answer.reader.isBegun;
    backend?.flow.close();
    this.#backend = null;
    if (this.#client.flow.isClosed) return this.#end("gone");
    if (!gotBytes && !this.#isLate && this.#request.isRepeatable) {
      if (backend?.isReused === true) return this.#retry(() => this.#opening.again());
      if (this.#silence === null) {
        this.#silence = text;
        return this.#retry(() => this.#opening.elsewhere());
      }
    }
    if (this.#isLate) return this.#reply(504, "the backend gave no answer in time");
    const answer = failureAnswer(this.#uploadEnd, text);
    this.#reply(answer.status, answer.text);
  }

  /** A second backend is asked once, RFC 9110 §9.2.2; a kept connection that was stale does not count. */
  #retry(goOn: () => void): void {
    goOn();
    this.#answer.reader.reset();
    this.#open();
  }

  /** What the backend has sent cannot be passed on. */
  #refuse(text: string): void {
    this.#backend?.flow.close();
    this.#reply(502, text);
  }

  #reply(status: OwnStatus, text: string): void {
    const { method, minorVersion } = this.#request;
    const persistent = this.#mayPersist();
    this.#client.flow.send(ownReply(status, { text, persistent, request: { method, minorVersion } }));
    this.#finish(persistent);
  }

  /** An answer that comes before the request's content is complete ends the connection: the rest would be read as a request. */
  #mayPersist(): boolean {
    return this.#request.persistent && this.#uploadEnd === "complete" && this.#shared.draining === "no";
  }

  #finish(persistent: boolean): void {
    const ending = !this.#request.persistent && this.#uploadEnd === "complete" ? "last" : "close";
    this.#end(persistent ? "keep" : ending);
  }

  /** Both sides are told that something is missing. */
  #breakOff(): void {
    this.#backend?.flow.reset();
    if (this.#phase === "passing" && !this.#answer.endsByClose) return this.#end("broken");
    this.#client.flow.reset();
    this.#end("gone");
  }

  #end(end: ExchangeEnd): void {
    this.#release();
    this.#client.exchangeEnded(end);
  }

  #release(): void {
    this.#phase = "none";
    this.#report();
    this.#opening.giveBack();
    this.#backend = null;
    this.#tunnel = null;
    this.#answer.reader.reset();
    this.#consumeHead();
  }

  #consumeHead(): void {
    if (!this.#isHeadThere) return;
    const { reader } = this.#client;
    this.#isHeadThere = false;
    reader.input.start += this.#request.lengthBytes;
    reader.holdRest();
  }

  #report(): void {
    const { flow } = this.#client;
    const bytes = flow.receivedBytes + flow.sentBytes;
    this.#opening.moved(bytes - this.#client.reportedBytes);
    this.#client.reportedBytes = bytes;
  }
}
