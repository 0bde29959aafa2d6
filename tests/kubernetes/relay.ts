/**
 * Carries TCP connections on to another place, and can be made a bad road: slow, or silent. It knows nothing of what it carries, so TLS goes
 * through from end to end.
 */

/** How the road is. */
export type Road =
  | { readonly kind: "good" }
  /**
   * What clients send arrives so much later; what servers send arrives at once, so that a watch goes on while every request takes this
   * long. The first bytes of a connection are not held up: otherwise a TLS 1.3 handshake would double the time of its first request.
   */
  | { readonly kind: "slow"; readonly delayMs: number }
  /** Nothing arrives, in either direction; connections stay open, and what was sent arrives when the road is good again. */
  | { readonly kind: "silent" };

const CHUNK_BYTES = 64 * 1024;
/** What one direction of one connection holds back at most; then its sender has to wait. */
const HELD_CHUNKS = 64;

/** Opens a connection to where it shall go. */
export type Connect = () => Promise<Deno.TcpConn>;

/** A relay from a listener. Whoever made it closes it. */
export class Relay {
  readonly #listener: Deno.TcpListener;
  readonly #connect: Connect;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #road: Road = { kind: "good" };
  #changed = Promise.withResolvers<void>();
  #closed = false;

  constructor(listener: Deno.TcpListener, connect: Connect) {
    this.#listener = listener;
    this.#connect = connect;
    this.#accepting = this.#accept();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** From now on the road is like this, for connections that are open too. */
  become(road: Road): void {
    this.#road = road;
    this.#wake();
  }

  /** Cuts every connection and listens no more. Calling it twice does no harm. */
  async close(): Promise<void> {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
    for (const conn of this.#open) shut(conn);
    this.#wake();
    await this.#accepting;
    await Promise.all(this.#tasks);
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const conn = await this.#listener.accept();
        const task = this.#carry(conn);
        this.#tasks.add(task);
        void task.finally(() => this.#tasks.delete(task));
      } catch (error) {
        if (!this.#closed) throw error;
      }
    }
  }

  /** One connection, from its first byte to its last. Its errors are its end. */
  async #carry(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    try {
      const server = await this.#connect();
      this.#open.add(server);
      try {
        if (this.#closed) return;
        client.setNoDelay(true);
        server.setNoDelay(true);
        const ends = [this.#copy(client, server, "requests"), this.#copy(server, client, "answers")];
        // Whichever direction fails first takes the other with it.
        for (const end of ends) void end.catch(() => [client, server].forEach(shut));
        await Promise.allSettled(ends);
      } finally {
        this.#open.delete(server);
        shut(server);
      }
    } catch {
      // Nobody listens there: the client sees its connection cut.
    } finally {
      this.#open.delete(client);
      shut(client);
    }
  }

  /** Reads on while earlier chunks are held up, so that each is late by the delay and not by the sum of all before it. */
  async #copy(from: Deno.TcpConn, to: Deno.TcpConn, what: "requests" | "answers"): Promise<void> {
    let delivered: Promise<void> = Promise.resolve();
    let held = 0;
    for (let first = true;; first = false) {
      const buffer = new Uint8Array(CHUNK_BYTES);
      const got = await from.read(buffer);
      const atMs = performance.now();
      const before = delivered;
      const deliver = async (): Promise<void> => {
        await before;
        await this.#passage(what === "answers" || first ? null : atMs);
        if (got === null) return await to.closeWrite();
        await writeAll(to, buffer.subarray(0, got));
        held--;
      };
      delivered = deliver();
      // The next in line, or the end of this loop, meets its error.
      delivered.catch(() => undefined);
      if (got === null) return await delivered;
      if (++held >= HELD_CHUNKS) await delivered;
    }
  }

  /** Resolves when the road lets through what was sent at `atMs`; with null only silence holds it up. */
  async #passage(atMs: number | null): Promise<void> {
    while (!this.#closed) {
      const road = this.#road;
      switch (road.kind) {
        case "good":
          return;
        case "silent":
          await this.#changed.promise;
          break;
        case "slow": {
          const restMs = atMs === null ? 0 : atMs + road.delayMs - performance.now();
          if (restMs <= 0) return;
          await this.#pause(restMs);
          break;
        }
      }
    }
  }

  /** Ends after so long or when the road changes. */
  async #pause(forMs: number): Promise<void> {
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, forMs);
    await Promise.race([timeUp.promise, this.#changed.promise]);
    clearTimeout(timer);
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}

function shut(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // The other direction was first.
  }
}
