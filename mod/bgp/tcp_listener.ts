import type { Clock, Timer } from "../base/clock.ts";
import { Errno, SysError } from "../linux/errno.ts";
import type { Poller, Watch } from "../linux/poller.ts";
import { closeFd, localEndpoint } from "../linux/socket.ts";
import { abortSocket, type Accepted, linkNameOf, listenOn, setTtl, synTtl } from "../linux/tcp_socket.ts";
import { getLog } from "../observe/log.ts";
import { type Beginning, type ConnectionOwner, TcpConnection } from "./tcp_connection.ts";
import { explain, reasonOf } from "./tcp_reason.ts";
import type { Connection, ConnectionEvents, Incoming, Listener, ListenRequest, SocketSettings } from "./transport.ts";

/** Connections that wait for their turn; the kernel drops the SYNs of more, and their senders try again. */
const BACKLOG = 128;
/** Connections that one turn takes before other descriptors have theirs. */
const ACCEPT_LIMIT = 64;
/** A port that is free for IPv4 may be taken for IPv6. */
const PORT_ATTEMPTS = 16;
/** Without descriptors or memory the waiting connection would call again at once, for ever. */
const PAUSE_MS = 1000;
const SHORTAGES: readonly number[] = [Errno.EMFILE, Errno.ENFILE, Errno.ENOBUFS, Errno.ENOMEM];
/** The listening socket itself is no good; everything else is an error of one connection (accept(2)). */
const BROKEN: readonly number[] = [Errno.EBADF, Errno.EINVAL, Errno.ENOTSOCK, Errno.EOPNOTSUPP, Errno.EFAULT];

const log = getLog("bgp");

/** What a listener needs, and who owns the connections it takes. */
export interface ListenerOwner extends ConnectionOwner {
  readonly poller: Poller;
  readonly clock: Clock;
  /** Takes the next waiting connection of a socket, or gives the negative errno. */
  accept(fd: number): Accepted | number;
  /** A connection was made for somebody. */
  made(connection: TcpConnection): void;
  /** The listener is closed. */
  left(listener: TcpListener): void;
}

/** Listens on one port of IPv4 and of IPv6. A machine without IPv6 is listened on with IPv4 alone. */
export class TcpListener implements Listener {
  readonly port: number;
  readonly #request: ListenRequest;
  readonly #owner: ListenerOwner;
  readonly #sockets = new Map<number, Watch | Timer>();

  /** Throws Error with the reason in words. */
  constructor(request: ListenRequest, owner: ListenerOwner) {
    this.#request = request;
    this.#owner = owner;
    const { port, fds } = listenOnBoth(request);
    this.port = port;
    for (const fd of fds) this.#watch(fd);
  }

  /** Resolves when the port is free. Idempotent. */
  async close(): Promise<void> {
    for (const fd of [...this.#sockets.keys()]) this.#drop(fd);
    this.#owner.left(this);
    await this.#owner.poller.released();
  }

  #watch(fd: number): void {
    this.#sockets.set(fd, this.#owner.poller.watch(fd, () => this.#accept(fd)));
  }

  #drop(fd: number): void {
    const pending = this.#sockets.get(fd);
    if (pending === undefined) return;
    this.#sockets.delete(fd);
    if ("cancel" in pending) pending.cancel();
    else pending.stop();
    closeFd(fd);
  }

  #accept(fd: number): void {
    for (let turn = 0; turn < ACCEPT_LIMIT && this.#sockets.has(fd); turn++) {
      const accepted = this.#owner.accept(fd);
      if (typeof accepted !== "number") this.#offer(accepted);
      else if (accepted === -Errno.EAGAIN) return;
      else if (SHORTAGES.includes(-accepted)) return this.#pause(fd, -accepted);
      else if (BROKEN.includes(-accepted)) return this.#break(fd, -accepted);
    }
  }

  #offer(accepted: Accepted): void {
    const incoming = new TcpIncoming(accepted, this.#owner);
    try {
      this.#request.onIncoming(incoming);
    } finally {
      incoming.expire();
    }
  }

  #pause(fd: number, errno: number): void {
    log.warning("no connections are taken for a moment", { port: this.port, reason: reasonOf(errno) });
    const pending = this.#sockets.get(fd);
    if (pending !== undefined && "stop" in pending) pending.stop();
    this.#sockets.set(fd, this.#owner.clock.after(PAUSE_MS, () => this.#watch(fd)));
  }

  #break(fd: number, errno: number): void {
    this.#drop(fd);
    this.#request.onError(reasonOf(errno));
  }
}

class TcpIncoming implements Incoming {
  readonly remoteIp: string;
  readonly localIp: string;
  readonly interface: string | null;
  readonly #owner: ListenerOwner;
  /** -1: taken or ended. */
  #fd: number;

  constructor({ fd, local, remote, linkIndex }: Accepted, owner: ListenerOwner) {
    this.#fd = fd;
    this.#owner = owner;
    this.remoteIp = remote.ip;
    this.localIp = local.ip;
    this.interface = linkIndex === 0 ? null : linkNameOf(fd, linkIndex);
  }

  accept(events: ConnectionEvents, settings: Pick<SocketSettings, "ttl" | "minTtl">): Connection {
    const connection = new TcpConnection(this.#begin(settings), events, this.#owner);
    this.#owner.made(connection);
    return connection;
  }

  /** Ends what was not accepted. */
  expire(): void {
    if (this.#fd === -1) return;
    abortSocket(this.#fd);
    this.#fd = -1;
  }

  #begin(settings: Pick<SocketSettings, "ttl" | "minTtl">): Beginning {
    const fd = this.#fd;
    if (fd === -1) return { is: "failed", why: "the connection was not taken in time" };
    const why = this.#prepare(fd, settings);
    if (why === null) {
      this.#fd = -1;
      return { is: "open", fd };
    }
    this.expire();
    return { is: "failed", why };
  }

  /** What arrived before this was not looked at by the kernel, but then the SYN came the same way (RFC 5082 §3). */
  #prepare(fd: number, settings: Pick<SocketSettings, "ttl" | "minTtl">): string | null {
    try {
      setTtl(fd, this.localIp.includes(":") ? 6 : 4, settings);
      const ttl = settings.minTtl === null ? null : synTtl(fd);
      const tooFar = ttl !== null && settings.minTtl !== null && ttl < settings.minTtl;
      return tooFar ? `from too far away: its TTL is ${ttl}, wanted at least ${settings.minTtl}` : null;
    } catch (error) {
      return explain(error);
    }
  }
}

function listenOnBoth(request: ListenRequest): { port: number; fds: number[] } {
  try {
    for (let attempt = 1;; attempt++) {
      const fds = tryBoth(request, attempt === PORT_ATTEMPTS || request.port !== 0);
      if (fds !== null) return { port: localEndpoint(fds[0] ?? -1)?.port ?? 0, fds };
    }
  } catch (error) {
    throw new Error(`Cannot listen for BGP: ${explain(error)}`, { cause: error });
  }
}

/** null: the port that the kernel chose for IPv4 is taken for IPv6, and it is not the `last` attempt. */
function tryBoth({ port, keys }: ListenRequest, last: boolean): number[] | null {
  const four = listenOn({ version: 4, port, keys, backlog: BACKLOG });
  try {
    const chosen = localEndpoint(four)?.port ?? 0;
    return [four, listenOn({ version: 6, port: chosen, keys, backlog: BACKLOG })];
  } catch (error) {
    if (error instanceof SysError && error.errno === Errno.EAFNOSUPPORT) return [four];
    closeFd(four);
    if (!last && error instanceof SysError && error.errno === Errno.EADDRINUSE) return null;
    throw error;
  }
}
