/** The `http` balancer: each request goes to one backend; connections are kept on both sides. */
import type { HttpBalancerConfig } from "../config/types.ts";
import { type RequestHead, RequestHeadParser } from "../net/http1.ts";
import type { IdleFate } from "./balancer.ts";
import type { ByteStream } from "./byte_stream.ts";
import { Exchange, type ExchangeContext } from "./http_exchange.ts";
import { lastRequestMs } from "./http_policy.ts";
import { ownReply, refusalReply } from "./http_reply.ts";
import { IdleConnections } from "./http_upstream.ts";
import type { Session, SessionContext } from "./session.ts";
import type { BackendTarget } from "./targets.ts";

/** After the last response a client gets this long to read it and close: closing on unread bytes would reset it away. */
const LINGER_MS = 1000;
/** And may send this much more meanwhile. */
const LINGER_BYTES = 4 * 1024 * 1024;

/** What a front needs. */
export interface HttpFrontOptions {
  readonly config: HttpBalancerConfig;
  readonly targets: readonly BackendTarget[];
  readonly context: SessionContext;
}

/** Owns what the sessions of one http balancer share: the kept connections to its backends. */
export class HttpFront {
  #shared: ExchangeContext;

  constructor(options: HttpFrontOptions) {
    const { config, targets, context } = options;
    const idle = new IdleConnections(targets.length, () => context.clock.now());
    this.#shared = { config, targets, context, idle };
  }

  /** The session for an accepted connection. */
  makeSession(client: ByteStream): Session {
    return new HttpSession(client, this.#shared);
  }

  /** What sessions that begin from now on are given; those that run keep what they began with. */
  update(config: HttpBalancerConfig, context: SessionContext): void {
    this.#shared = { ...this.#shared, config, context };
  }

  /** Connections to these backends are kept from now on. */
  keepFor(indices: readonly number[]): void {
    this.#shared.idle.keepFor(indices);
  }

  /** A backend is configured no more: its kept connections are closed, and none is kept any more. */
  retire(index: number): void {
    this.#shared.idle.retire(index);
  }

  /** A backend is down: its kept connections are no use. */
  forget(index: number): void {
    this.#shared.idle.forget(index);
  }

  /** Closes the kept connections. */
  close(): void {
    this.#shared.idle.close();
  }
}

type HeadOutcome =
  | { readonly outcome: "request"; readonly head: RequestHead }
  | { readonly outcome: "answered" }
  | { readonly outcome: "ended" };

/** One client's connection: its requests are answered one after the other, in the order they came. */
class HttpSession implements Session {
  readonly #client: ByteStream;
  readonly #shared: ExchangeContext;
  readonly #stop = new AbortController();
  #exchange: Exchange | null = null;
  #draining: IdleFate | "no" = "no";
  /** Waiting for a request of which nothing has come yet. */
  #isResting = false;
  #farewell: Promise<void> | null = null;

  constructor(client: ByteStream, shared: ExchangeContext) {
    this.#client = client;
    this.#shared = shared;
  }

  async run(): Promise<void> {
    try {
      await this.#serve();
    } finally {
      await this.#farewell;
      this.#client.cut();
    }
  }

  drain(idle: IdleFate): void {
    this.#draining = idle;
    if (!this.#isResting || idle === "wait") return;
    if (this.#lastMs > 0) this.#client.expireIn(this.#lastMs);
    else this.#client.cut();
  }

  cut(how: "reset" | "close"): void {
    this.#stop.abort();
    if (how === "reset") this.#client.reset();
    else this.#client.cut();
    this.#exchange?.cut(how);
  }

  get #lastMs(): number {
    return lastRequestMs(this.#shared.config.drainMs);
  }

  async #serve(): Promise<void> {
    for (let isFirst = true;; isFirst = false) {
      const read = await this.#readHead(isFirst);
      if (read.outcome === "ended") return;
      if (read.outcome === "answered") return await this.#linger();
      const exchange = new Exchange(this.#shared, {
        client: this.#client,
        head: read.head,
        signal: this.#stop.signal,
        isLast: () => this.#draining !== "no",
      });
      this.#exchange = exchange;
      const end = await exchange.run();
      if (end === "close") return await this.#linger(exchange.uploaded);
      this.#exchange = null;
      if (this.#draining === "close" && this.#lastMs === 0) return await this.#linger();
    }
  }

  /** A head has to be complete within `headTimeoutMs` of its first byte (of the accept, for the first one). */
  async #readHead(isFirst: boolean): Promise<HeadOutcome> {
    const { config } = this.#shared;
    const client = this.#client;
    const parser = new RequestHeadParser(config);
    let isBegun = false;
    const restMs = isFirst ? config.headTimeoutMs : config.idleTimeoutMs;
    client.expireIn(this.#draining === "close" && !isFirst ? this.#lastMs : restMs);
    for (;;) {
      if (!isBegun && client.buffered.length > 0) {
        isBegun = true;
        client.expireIn(config.headTimeoutMs, () => this.#giveUpHead());
      }
      const progress = parser.next(client.buffered);
      if (progress.outcome === "refused") {
        return await this.#answer(refusalReply(progress.reason)) ? { outcome: "answered" } : { outcome: "ended" };
      }
      if (progress.outcome === "complete") {
        client.neverExpire();
        client.consume(progress.lengthBytes);
        return { outcome: "request", head: progress.head };
      }
      this.#isResting = !isBegun;
      const isMore = await client.fill().catch(() => false);
      this.#isResting = false;
      if (!isMore || this.#farewell !== null) return { outcome: "ended" };
    }
  }

  #giveUpHead(): void {
    const text = "the request did not arrive in time";
    this.#farewell = this.#answer(ownReply(408, { text, persistent: false, request: null })).then(() => {
      this.#client.cut();
    });
  }

  async #answer(bytes: Uint8Array): Promise<boolean> {
    this.#client.expireIn(LINGER_MS);
    try {
      await this.#client.write(bytes);
      return true;
    } catch {
      return false;
    }
  }

  /** Says that nothing more comes, and reads on for a moment so that the last response arrives. */
  async #linger(uploaded: Promise<void> = Promise.resolve()): Promise<void> {
    const client = this.#client;
    if (client.isClosed) return;
    client.expireIn(LINGER_MS);
    try {
      await client.closeWrite();
      await uploaded;
      for (let discarded = 0; discarded < LINGER_BYTES;) {
        discarded += client.buffered.length;
        client.consume(client.buffered.length);
        if (!await client.fill()) return;
      }
    } catch {
      // Broken or out of time: there is nobody left to be polite to.
    }
  }
}
