/**
 * TCP for BGP on the poller, not on Deno's own sockets: TCP-MD5, TTL security and the source address need the descriptor, a connect that
 * failed tells its real error, and what is sent, flushed, ended or reset is known to the byte.
 */
import type { Clock } from "../base/clock.ts";
import type { Poller } from "../linux/poller.ts";
import { startConnect, tryAccept } from "../linux/tcp_socket.ts";
import { type Beginning, TcpConnection } from "./tcp_connection.ts";
import { type ListenerOwner, TcpListener } from "./tcp_listener.ts";
import { explain } from "./tcp_reason.ts";
import type { Connection, ConnectionEvents, ConnectRequest, Listener, ListenRequest, Transport } from "./transport.ts";

/** What {@link TcpTransport} needs; both belong to the caller. */
export interface TcpTransportOptions {
  readonly poller: Poller;
  readonly clock: Clock;
}

/** Makes connections and listeners, in the network namespace that is current at the call. Its owner closes it. */
export class TcpTransport implements Transport {
  readonly #poller: Poller;
  readonly #connections = new Set<TcpConnection>();
  readonly #listeners = new Set<TcpListener>();
  readonly #owner: ListenerOwner;
  /** Waits for the last connection. */
  #onEmpty: (() => void) | null = null;

  constructor({ poller, clock }: TcpTransportOptions) {
    this.#poller = poller;
    this.#owner = {
      poller,
      clock,
      accept: tryAccept,
      made: (connection) => void this.#connections.add(connection),
      gone: (connection) => this.#gone(connection),
      left: (listener) => void this.#listeners.delete(listener),
    };
  }

  /** Connections that have a descriptor or a word to say. */
  get connections(): number {
    return this.#connections.size;
  }

  connect(request: ConnectRequest, events: ConnectionEvents): Connection {
    const connection = new TcpConnection(begin(request), events, this.#owner);
    this.#connections.add(connection);
    return connection;
  }

  listen(request: ListenRequest): Listener {
    const listener = new TcpListener(request, this.#owner);
    this.#listeners.add(listener);
    return listener;
  }

  /**
   * Closes the listeners and waits for the connections that are being closed, each within the limit it was given. Those that nobody has
   * closed before are reset. Nothing is pending when this resolves.
   */
  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    for (const connection of [...this.#connections]) if (!connection.isEnding) connection.abort();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    await this.#poller.released();
  }

  #gone(connection: TcpConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}

function begin(request: ConnectRequest): Beginning {
  try {
    return { is: "connecting", fd: startConnect(request) };
  } catch (error) {
    return { is: "failed", why: explain(error) };
  }
}
