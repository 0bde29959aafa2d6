/** TLS towards the clients of a balancer. */
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import type { FrontTls } from "../../config/types.ts";
import type { Log } from "../../observe/log.ts";
import { BalancerError, type ConnectionResetter } from "../balancer.ts";
import { ByteStream, type StreamContext } from "../byte_stream.ts";
import { plainIp } from "../session.ts";
import { Entrance } from "./entrance.ts";
import { Hop } from "./hop.ts";
import { keyPair } from "./pem.ts";
import { WatchedFiles } from "./watched_files.ts";

/** What a front is made with. */
export interface TlsFrontOptions {
  /** The balancer's name, for log lines. */
  readonly name: string;
  readonly files: FrontTls;
  /** By ALPN; empty: none is agreed on. */
  readonly protocols: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly resetter: ConnectionResetter;
}

/** How one connection is taken in. */
export interface TakeIn {
  readonly streams: StreamContext;
  /** From the accept until the handshake is complete. */
  readonly timeoutMs: number;
}

interface Arriving {
  readonly ip: string;
  readonly cut: () => void;
}

/** Owns the certificate, and every connection until it is handed out. */
export class TlsFront {
  readonly #options: TlsFrontOptions;
  readonly #arriving = new Set<Arriving>();
  readonly #hops = new Map<Hop, Promise<void>>();
  readonly #retiring = new Set<Promise<void>>();
  #files: WatchedFiles<Entrance> | null = null;
  #entrance: Entrance | null = null;
  #isFaultLogged = false;

  constructor(options: TlsFrontOptions) {
    this.#options = options;
  }

  /** @throws {BalancerError} when the certificate and its key cannot be used, naming the file. */
  start(): void {
    const { clock, files, log, name, protocols, resetter } = this.#options;
    try {
      this.#files = new WatchedFiles({
        clock,
        paths: [files.certificateFile, files.keyFile],
        make: (texts) => new Entrance({ ...keyPair(files, texts), clock, protocols, resetter }),
        onChange: (entrance) => {
          log.info("Certificate renewed", { balancer: name, file: files.certificateFile });
          this.#use(entrance);
        },
        onFailure: (reason) =>
          log.error("Certificate not renewed, the one before it stays", { balancer: name, reason }),
      });
    } catch (error) {
      throw new BalancerError("use the certificate of", name, { cause: error });
    }
    this.#entrance = this.#files.value;
  }

  /** Looks at the files now. */
  look(): void {
    this.#files?.look();
  }

  /** Connections that have not completed their handshake. */
  get arriving(): number {
    return this.#arriving.size;
  }

  /** Takes over an accepted connection; gives its deciphered stream, or null when there is none to be had of it. Never rejects. */
  async take(conn: Deno.TcpConn, { streams, timeoutMs }: TakeIn): Promise<ByteStream | null> {
    const client = ByteStream.adopt(conn, streams);
    if (client === null) return null;
    const abort = new AbortController();
    const arriving = { ip: plainIp(client.local.ip), cut: () => abort.abort() };
    abort.signal.addEventListener("abort", () => client.cut());
    this.#arriving.add(arriving);
    const timer = this.#options.clock.after(timeoutMs, arriving.cut);
    try {
      return await this.#pass(client, { streams, signal: abort.signal });
    } finally {
      timer.cancel();
      this.#arriving.delete(arriving);
    }
  }

  /** Ends those that came to this address (null: to any) and have not completed their handshake. Synchronous. */
  cut(localIp: string | null): void {
    for (const { ip, cut } of [...this.#arriving]) if (localIp === null || ip === localIp) cut();
  }

  /** Ends every connection that is left; resolves when that is done. */
  async close(): Promise<void> {
    this.#files?.close();
    this.cut(null);
    const entrance = this.#entrance?.retire();
    for (const hop of this.#hops.keys()) hop.cut();
    await Promise.all([entrance, ...this.#retiring, ...this.#hops.values()]);
  }

  #use(entrance: Entrance): void {
    const before = this.#entrance;
    this.#entrance = entrance;
    if (before === null) return;
    const retiring = before.retire();
    this.#retiring.add(retiring);
    retiring.then(() => this.#retiring.delete(retiring));
  }

  async #pass(
    client: ByteStream,
    { streams, signal }: { readonly streams: StreamContext; readonly signal: AbortSignal },
  ): Promise<ByteStream | null> {
    const entrance = this.#entrance;
    assert(entrance !== null, "a front is started first");
    const passage = await entrance.pass(signal).catch((error: unknown) => this.#noteFault(error));
    if (passage === null) {
      client.cut();
      return null;
    }
    const { plain, secure } = passage;
    const inner = ByteStream.adopt(plain, streams);
    if (inner === null || signal.aborted) {
      for (const one of [client, inner]) one?.cut();
      secure.close();
      return null;
    }
    const hop = new Hop(client, inner);
    signal.addEventListener("abort", () => hop.cut());
    this.#carry(hop);
    const { local, remote } = client;
    try {
      await secure.handshake();
      return ByteStream.over(hop.deciphered(secure), { ...streams, local, remote });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.debug("A client did not complete TLS", { balancer: this.#options.name, reason });
      hop.deciphered(secure).close();
      return null;
    }
  }

  #carry(hop: Hop): void {
    const running = hop.run().then(() => void this.#hops.delete(hop));
    this.#hops.set(hop, running);
  }

  /** Descriptors or ports have run out: one line, until connections are taken in again. */
  #noteFault(error: unknown): null {
    if (!this.#isFaultLogged) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error("Cannot take in a TLS connection", { balancer: this.#options.name, reason });
    }
    this.#isFaultLogged = true;
    return null;
  }
}
