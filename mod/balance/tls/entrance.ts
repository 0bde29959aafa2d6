/**
 * The runtime's TLS for one certificate. Deno offers a server's side of TLS by `Deno.listenTls` only, whose certificate is fixed when it
 * begins to listen; so this listens on loopback, and each client's connection is brought here by one of our own (`hop.ts`). A certificate
 * is then exchanged by making another entrance while the socket that clients connect to stays the same.
 *
 * What else there is, tried with Deno 2.7.14 and 2.9.6:
 * - a second `listenTls` on the clients' port needs `reusePort`, which is unstable, and closing the first resets what waits in its queue;
 * - a resolver of certificates by server name (hidden, unstable) keeps every answer for ever, and one more for every name a client makes up;
 * - `node:tls` on an accepted socket takes a certificate a connection, but an end without close_notify and even a RST look like an orderly
 *   end there: a part would be taken for the whole; over a stream of our own it hangs in 2.7. `TlsConn` tells all three apart;
 * - `Deno.startTls` is a client's side.
 */
import type { Clock } from "../../base/clock.ts";
import { sendAtOnce } from "../../linux/tcp_options.ts";
import type { ConnectionResetter } from "../balancer.ts";
import { endpoint } from "../byte_stream.ts";
import { isOfOneConnection } from "../listeners.ts";
import type { KeyPair } from "./pem.ts";

const LOOPBACK = "127.0.0.1";
/** Accept fails when descriptors run out. */
const ACCEPT_BACKOFF_MS = 20;
/** So many connections of strangers may come between ours before ours are taken for such. */
const MAX_STRANGERS = 64;

/** What an entrance is made with. */
export interface EntranceOptions extends KeyPair {
  readonly clock: Clock;
  /** Protocols offered by ALPN; empty: what a client offers is passed over. */
  readonly protocols: readonly string[];
  readonly resetter: ConnectionResetter;
}

/** Two ends of one connection through loopback: what is written to `plain` comes out of `secure` deciphered. */
export interface Passage {
  readonly plain: Deno.TcpConn;
  readonly secure: Deno.TlsConn;
}

/** Owns the listener on loopback. */
export class Entrance {
  readonly #listener: Deno.TlsListener;
  readonly #clock: Clock;
  readonly #resetter: ConnectionResetter;
  readonly #port: number;
  /** By the port that they were dialled from: who waits for an accept, and what was accepted before its dialler knew. */
  readonly #awaited = new Map<number, (secure: Deno.TlsConn) => void>();
  readonly #early = new Map<number, Deno.TlsConn>();
  readonly #accepting: Promise<void>;
  #underWay = 0;
  #isRetired = false;
  #isClosed = false;

  /** Throws what `Deno.listenTls` throws, also for a pair that is none. */
  constructor({ clock, cert, key, protocols, resetter }: EntranceOptions) {
    const alpn = protocols.length === 0 ? {} : { alpnProtocols: [...protocols] };
    this.#clock = clock;
    this.#resetter = resetter;
    this.#listener = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert, key, ...alpn });
    this.#port = (this.#listener.addr as Deno.NetAddr).port;
    sendAtOnce({ ip: LOOPBACK, port: this.#port }, null);
    this.#accepting = this.#accept();
  }

  /** Makes a passage, or gives null when `signal` says that it is not wanted any more. Rejects when the system has no more sockets. */
  async pass(signal: AbortSignal): Promise<Passage | null> {
    this.#underWay++;
    try {
      const plain = await Deno.connect({ hostname: LOOPBACK, port: this.#port });
      const secure = await this.#accepted((plain.localAddr as Deno.NetAddr).port, signal);
      if (secure !== null) return { plain, secure };
      plain.close();
      return null;
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#settle();
    }
  }

  /** Makes no new passages; closes when those under way are made. Passages stay. Resolves when it is closed. */
  retire(): Promise<void> {
    this.#isRetired = true;
    if (this.#underWay === 0) this.#settle();
    return this.#accepting;
  }

  #accepted(from: number, signal: AbortSignal): Promise<Deno.TlsConn | null> {
    const early = this.#early.get(from);
    this.#early.delete(from);
    if (early !== undefined) return Promise.resolve(early);
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const settle = (secure: Deno.TlsConn | null): void => {
        this.#awaited.delete(from);
        signal.removeEventListener("abort", onAbort);
        resolve(secure);
      };
      const onAbort = (): void => settle(null);
      signal.addEventListener("abort", onAbort);
      this.#awaited.set(from, settle);
    });
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#admit(await this.#listener.accept());
      } catch (error) {
        if (this.#isClosed || isOfOneConnection(error)) continue;
        await new Promise<void>((resolve) => void this.#clock.after(ACCEPT_BACKOFF_MS, resolve));
      }
    }
  }

  /** Loopback is open to every program of this machine: only what was dialled from here is let in. */
  #admit(secure: Deno.TlsConn): void {
    const { hostname, port: from } = secure.remoteAddr as Deno.NetAddr;
    // All of 127.0.0.0/8 is loopback: from another address of it the same port is somebody else's.
    if (hostname !== LOOPBACK) return this.#turnAway(secure);
    const waiting = this.#awaited.get(from);
    if (waiting !== undefined) waiting(secure);
    else if (this.#underWay > 0 && this.#early.size < this.#underWay + MAX_STRANGERS) this.#early.set(from, secure);
    else this.#turnAway(secure);
  }

  /** Closing alone would wait for a handshake that a stranger may never begin. */
  #turnAway(stranger: Deno.TlsConn): void {
    this.#resetter.resetOne(endpoint(stranger.localAddr), endpoint(stranger.remoteAddr));
    stranger.close();
  }

  /** Nobody is under way: what has come and was not asked for is a stranger's. */
  #settle(): void {
    for (const stranger of this.#early.values()) this.#turnAway(stranger);
    this.#early.clear();
    if (!this.#isRetired || this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
  }
}
