/** One client's connection: its requests are answered one after the other, in the order they came. */
import { assertNever } from "../../base/assert.ts";
import type { RequestHead } from "../../net/http1.ts";
import type { IdleFate } from "../balancer.ts";
import { lastRequestMs } from "../http_policy.ts";
import { ownReply, refusalReply } from "../http_reply.ts";
import { Exchange } from "./http_exchange.ts";
import type { ExchangeClient, ExchangeEnd } from "./http_exchange_types.ts";
import { HeadReader } from "./http_head_reader.ts";
import type { HttpShared } from "./http_shared.ts";
import type { Flow, FlowOwner } from "./types.ts";

/** After the last answer a client gets this long to read it and close: closing on unread bytes would reset it away. */
const LINGER_MS = 1000;
/** And may send this much more meanwhile. */
const LINGER_BYTES = 4 * 1024 * 1024;
/** So many requests are answered in a row without a backend's doing, then the others have their turn. */
const MOST_IN_A_ROW = 16;

type State =
  /** Waits for a request's head, or the rest of it. */
  | "reading"
  /** An exchange has the connection. */
  | "busy"
  /** The last bytes of an answer are on their way. */
  | "flushing"
  /** Nothing more is sent; what comes is thrown away. */
  | "lingering"
  | "closed";

/** Owns an accepted flow. */
export class HttpClient implements FlowOwner, ExchangeClient {
  readonly flow: Flow;
  readonly reader: HeadReader<RequestHead>;
  reportedBytes = 0;
  readonly #shared: HttpShared;
  /** Only while a request is answered. */
  #exchange: Exchange | null = null;
  readonly #onClosed: (client: HttpClient) => void;
  #state: State = "reading";
  #isServing = false;
  #isHeadBegun = false;
  /** What comes after flushing. */
  #next: "reading" | "lingering" = "reading";
  #flushedBytes = 0;
  /** What was sent before the answer that is under way. */
  #answeredBytes = 0;
  #discarded = 0;
  #ip: string | null = null;

  constructor(flow: Flow, shared: HttpShared, onClosed: (client: HttpClient) => void) {
    this.flow = flow;
    this.#shared = shared;
    this.#onClosed = onClosed;
    this.reader = new HeadReader(shared.requestReading);
    flow.owner = this;
    flow.expireIn(shared.config.headTimeoutMs);
    if (flow.hasInput) this.#serve();
  }

  /** The client's address, as it was told or seen. */
  get ip(): string {
    this.#ip ??= this.flow.source.ip;
    return this.#ip;
  }

  /** Ends it as soon as nothing is under way, or once more has been. A request that has come already is answered. */
  drain(idle: IdleFate): void {
    if (this.#state === "reading" && !this.#isHeadBegun && idle === "close") this.#guard("drain");
  }

  /** Ends it, and what it has to do with a backend, with a RST. */
  cut(): void {
    this.#abort();
    this.flow.reset();
    this.#closed();
  }

  opened(): void {
    // Of outgoing flows only.
  }

  readable(): void {
    this.#guard("readable");
  }

  drained(): void {
    this.#guard("drained");
  }

  failed(): void {
    this.#abort();
    this.#closed();
  }

  expired(): void {
    this.#guard("expired");
  }

  /** After a fault of the program nothing waits for what does not come any more. */
  #guard(event: "readable" | "drained" | "expired" | "drain"): void {
    try {
      if (event === "readable") this.#readable();
      else if (event === "drained") this.#drained();
      else if (event === "drain") this.#serveLast();
      else this.#expired();
    } catch (error) {
      this.cut();
      throw error;
    }
  }

  #readable(): void {
    switch (this.#state) {
      case "reading":
        return this.#serve();
      case "busy":
        return this.#exchange?.clientReadable();
      case "lingering":
        return this.#discard();
      case "flushing":
      case "closed":
        return;
      default:
        return assertNever(this.#state);
    }
  }

  #drained(): void {
    if (this.#state === "busy") this.#exchange?.clientDrained();
    else if (this.#state === "flushing") this.#goOn();
  }

  #expired(): void {
    switch (this.#state) {
      case "reading":
        return this.#isHeadBegun ? this.#giveUpHead() : this.#close();
      case "busy":
        return this.#exchange?.clientExpired();
      case "flushing":
        return this.#checkFlushing();
      case "lingering":
        return this.#close();
      case "closed":
        return;
      default:
        return assertNever(this.#state);
    }
  }

  exchangeEnded(end: ExchangeEnd): void {
    this.#leaveExchange();
    switch (end) {
      case "keep":
        return this.#flush("reading");
      case "close":
        return this.#flush("lingering");
      case "last":
        return this.#endLast();
      case "broken":
        return this.#breakOff();
      case "gone":
        return this.#close();
      default:
        return assertNever(end);
    }
  }

  #abort(): void {
    this.#exchange?.abort();
    this.#leaveExchange();
  }

  /** Others may use it. */
  #leaveExchange(): void {
    if (this.#exchange !== null) this.#shared.putExchange(this.#exchange);
    this.#exchange = null;
  }

  /** Whoever asked for the end sends nothing more: what is left of it would only be a wait for its FIN. */
  #endLast(): void {
    const { flow, reader } = this;
    if (flow.keptBytes === 0 && !flow.hasInput && reader.held.length === 0) this.#close();
    else this.#flush("lingering");
  }

  /** With a RST, unless that would take answers along which were complete before and are still on their way: then the missing part tells. */
  #breakOff(): void {
    if (this.flow.acknowledgedBytes < this.#answeredBytes) return this.#flush("lingering");
    this.flow.reset();
    this.#closed();
  }

  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    let count = 0;
    while (this.#state === "reading" && count < MOST_IN_A_ROW && this.#readHead()) count++;
    this.#isServing = false;
    if (count === MOST_IN_A_ROW) this.flow.readAgain();
  }

  /** Whatever has come, or is on its way, is the last. */
  #serveLast(): void {
    const restMs = lastRequestMs(this.#shared.config.drainMs);
    this.flow.expireIn(restMs);
    this.#serve();
    if (restMs === 0 && this.#state === "reading" && !this.#isHeadBegun && !this.#isServing) this.#close();
  }

  /** Gives whether something else is to be done now. */
  #readHead(): boolean {
    const { reader, flow } = this;
    const { config } = this.#shared;
    const outcome = reader.read(flow, config);
    switch (outcome) {
      case "none":
        if (reader.isBegun && !this.#isHeadBegun) {
          this.#isHeadBegun = true;
          flow.expireIn(config.headTimeoutMs);
        }
        return false;
      case "ended":
      case "broken":
        this.#close();
        return false;
      case "refused":
        flow.send(refusalReply(reader.reason));
        this.#flush("lingering");
        return true;
      case "plain":
      case "strict":
        this.#state = "busy";
        this.#isHeadBegun = false;
        this.#answeredBytes = flow.sentBytes;
        flow.neverExpire();
        this.#exchange = this.#shared.spareExchange() ?? new Exchange(this.#shared, this);
        this.#exchange.begin(this);
        return true;
      default:
        return assertNever(outcome);
    }
  }

  #giveUpHead(): void {
    const text = "the request did not arrive in time";
    this.flow.send(ownReply(408, { text, persistent: false, request: null }));
    this.#flush("lingering");
  }

  /** Goes on when what was sent has left. */
  #flush(next: "reading" | "lingering"): void {
    this.#next = next;
    this.#state = "flushing";
    if (this.flow.keptBytes === 0) return this.#goOn();
    this.#flushedBytes = this.flow.sentBytes;
    this.flow.expireIn(this.#shared.config.idleTimeoutMs);
  }

  #goOn(): void {
    if (this.#next === "lingering") return this.#linger();
    const { flow, reader } = this;
    this.#state = "reading";
    flow.expireIn(this.#shared.config.idleTimeoutMs);
    if (this.#shared.draining === "close") this.#serveLast();
    else if (flow.hasInput || reader.held.length > 0) this.#serve();
  }

  /** A client that reads slowly is waited for, one that does not read is not. */
  #checkFlushing(): void {
    const { flow } = this;
    const { idleTimeoutMs } = this.#shared.config;
    const restMs = flow.sentBytes === this.#flushedBytes ? idleTimeoutMs - flow.sinceSentMs : idleTimeoutMs;
    if (restMs <= 0) return this.cut();
    this.#flushedBytes = flow.sentBytes;
    flow.expireIn(restMs);
  }

  /** Says that nothing more comes, and reads on for a moment so that the last answer arrives. */
  #linger(): void {
    this.#state = "lingering";
    this.reader.reset();
    this.flow.finish();
    this.flow.expireIn(LINGER_MS);
    if (this.flow.hasInput) this.#discard();
  }

  #discard(): void {
    const { flow } = this;
    while (this.#discarded < LINGER_BYTES) {
      const count = this.#shared.scratch.receiveContent(flow);
      if (count === 0) return;
      if (count < 0) break;
      this.#discarded += count;
    }
    this.#close();
  }

  #close(): void {
    this.flow.close();
    this.#closed();
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.reader.reset();
    this.#onClosed(this);
  }
}
