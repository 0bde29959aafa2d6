/** The `tcp` balancer: each connection goes to one backend as it is. */
import type { TcpBalancerConfig } from "../config/types.ts";
import type { ByteStream } from "./byte_stream.ts";
import { relay } from "./relay.ts";
import type { Session, SessionContext } from "./session.ts";

/** One client's connection and the backend's that belongs to it. */
export class TcpSession implements Session {
  readonly #client: ByteStream;
  readonly #config: TcpBalancerConfig;
  readonly #context: SessionContext;
  readonly #stop = new AbortController();
  #backend: ByteStream | null = null;

  constructor(client: ByteStream, options: { readonly config: TcpBalancerConfig; readonly context: SessionContext }) {
    this.#client = client;
    this.#config = options.config;
    this.#context = options.context;
  }

  /** The client is not read before a backend is connected: until then another backend can still take its place. */
  async run(): Promise<void> {
    const { connector, pool } = this.#context;
    const opened = await connector.open(this.#stop.signal);
    if (opened.outcome !== "opened") return this.#client.reset();
    this.#backend = opened.stream;
    if (this.#client.isClosed) this.#backend.cut();
    try {
      await relay(this.#client, this.#backend, this.#config.idleTimeoutMs);
    } finally {
      pool.ended(opened.index);
    }
  }

  /** Nothing in the bytes says when a connection is done: it goes on until it ends or is cut. */
  drain(): void {}

  cut(how: "reset" | "close"): void {
    this.#stop.abort();
    for (const stream of [this.#client, this.#backend]) {
      if (how === "reset") stream?.reset();
      else stream?.cut();
    }
  }
}
