/** The listening sockets of one balancer of the engine `user`: opened and ended here, accepted from in the threads. */
import type { Clock, Timer } from "../../base/clock.ts";
import { Errno, SysError } from "../../linux/errno.ts";
import { listenerAddress, openListener, shareListener } from "../../linux/listen_socket.ts";
import { closeFd } from "../../linux/socket.ts";
import { endListening } from "../../linux/stream_socket.ts";
import type { Log } from "../../observe/log.ts";
import { BalancerError } from "../balancer.ts";
import type { Estate } from "../estate.ts";

/** The address was announced a moment ago: the kernel may need a few turns until it can be bound. */
const ADDRESS_RETRY_MS = 20;
/** Anything else that keeps a port from being bound goes away by somebody's doing, if at all. */
const OTHER_RETRY_MS = 1000;
/** So many times it is tried again soon. */
const SOON_TRIES = 5;
/** What stands for every address: of both families, or of IPv4 where there is no other. */
const EVERYWHERE = ["::", "0.0.0.0"];

/** What listening needs. */
export interface ListeningOptions {
  /** The balancer's name, for log lines. */
  readonly name: string;
  readonly port: number;
  /** One socket for each. */
  readonly threads: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Hands a socket to a thread, whose it is then. */
  readonly onOpened: (fd: number, thread: number) => void;
}

/** A listening socket, and the thread that accepts from it. */
export interface PlacedSocket {
  readonly fd: number;
  readonly thread: number;
}

interface Binding {
  sockets: readonly PlacedSocket[];
  port: number;
  timer: Timer | null;
  lastError: string;
  /** Failures so far. */
  tries: number;
}

/** Owns the decision what is listened on; the descriptors are the threads' to close, but for those that a successor is to have. */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #bindings = new Map<string, Binding>();
  /** What a predecessor has left. */
  #inheritance: Estate | null = null;
  /** Who gets what the threads yield. */
  #heir: Estate | null = null;
  /** Addresses that were released while their sockets were on their way to an heir. */
  readonly #disowned = new Set<string>();

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  /** `address:port` of everything that is listened on. */
  get addresses(): string[] {
    return [...this.#bindings].filter(([, { sockets }]) => sockets.length > 0)
      .map(([ip, { port }]) => ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
  }

  /** The port of an open listener, null without one: for port 0, where the system chooses. */
  get port(): number | null {
    for (const { sockets, port } of this.#bindings.values()) if (sockets.length > 0) return port;
    return null;
  }

  /** Sockets that listen already are taken from here first, while they are there. */
  inherit(estate: Estate | null): void {
    this.#inheritance = estate;
  }

  /** Listens on one address until it is released; tries again until it succeeds. */
  bind(ip: string): void {
    if (this.#bindings.has(ip)) return;
    const binding = newBinding();
    this.#bindings.set(ip, binding);
    this.#tryBind(ip, binding);
  }

  /**
   * Listens on every address: on `::`, which takes IPv4 as well, or on `0.0.0.0` where there is no IPv6.
   * @throws {BalancerError} when neither can be bound.
   */
  listenEverywhere(): void {
    const binding = newBinding();
    const { port } = this.#options;
    const left = EVERYWHERE.filter((ip) => this.#inheritance?.has({ ip, port }) === true);
    for (const ip of left.length > 0 ? left : EVERYWHERE) {
      try {
        this.#open(ip, binding);
        this.#bindings.set(ip, binding);
        return;
      } catch (error) {
        const isBusy = error instanceof SysError && error.errno === Errno.EADDRINUSE;
        if (ip === "::" && !isBusy) continue;
        throw new BalancerError("listen on", `port ${port}`, { cause: error });
      }
    }
  }

  /** Takes no connection on this address any more, at once; gives the sockets that the threads are to close. */
  release(ip: string): readonly PlacedSocket[] {
    const binding = this.#bindings.get(ip);
    if (binding === undefined) return [];
    for (const { fd } of binding.sockets) endListening(fd);
    if (this.#heir !== null) {
      this.#disowned.add(ip);
      return [];
    }
    this.#bindings.delete(ip);
    binding.timer?.cancel();
    return binding.sockets;
  }

  /** As {@link release}, for every address. */
  close(): readonly PlacedSocket[] {
    return [...this.#bindings.keys()].flatMap((ip) => this.release(ip));
  }

  /** Binds no more, and gives the sockets that the threads are to yield: each goes to the heir when {@link yielded} says so. */
  leaveTo(heir: Estate): readonly PlacedSocket[] {
    this.#heir = heir;
    for (const [ip, { sockets, timer }] of this.#bindings) {
      timer?.cancel();
      if (sockets.length === 0) this.#bindings.delete(ip);
    }
    return [...this.#bindings.values()].flatMap(({ sockets }) => sockets);
  }

  /** A thread does not touch these any more. */
  yielded(fds: readonly number[]): void {
    for (const [ip, binding] of this.#bindings) {
      const gone = binding.sockets.map(({ fd }) => fd).filter((fd) => fds.includes(fd));
      binding.sockets = binding.sockets.filter(({ fd }) => !fds.includes(fd));
      if (binding.sockets.length === 0) this.#bindings.delete(ip);
      if (this.#disowned.has(ip)) { for (const fd of gone) closeFd(fd); }
      else if (gone.length > 0) this.#heir?.leave({ ip, port: this.#options.port }, gone);
    }
  }

  #tryBind(ip: string, binding: Binding): void {
    binding.timer = null;
    const { clock, log, name, port } = this.#options;
    try {
      this.#open(ip, binding);
      if (binding.lastError !== "") log.info("Listening at last", { balancer: name, ip, port });
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const isEarly = error.errno === Errno.EADDRNOTAVAIL;
      if (!isEarly && error.message !== binding.lastError) {
        log.warning("Cannot listen, trying again", { balancer: name, ip, port, reason: error.message });
        binding.lastError = error.message;
      }
      const isSoon = isEarly || ++binding.tries <= SOON_TRIES;
      binding.timer = clock.after(isSoon ? ADDRESS_RETRY_MS : OTHER_RETRY_MS, () => this.#tryBind(ip, binding));
    }
  }

  #open(ip: string, binding: Binding): void {
    const { threads, onOpened } = this.#options;
    const fds = [...this.#inherited(ip)];
    let { port } = this.#options;
    try {
      for (const fd of threads > 1 ? fds : []) shareListener(fd);
      if (fds[0] !== undefined) port = listenerAddress(fds[0]).port;
      while (fds.length < threads) {
        const fd = openListener({ ip, port }, { shared: threads > 1 });
        fds.push(fd);
        port = listenerAddress(fd).port;
      }
    } catch (error) {
      for (const fd of fds) closeFd(fd);
      throw error;
    }
    // A predecessor with more threads has left more of them: each has a queue of its own, which somebody has to serve.
    binding.sockets = fds.map((fd, at) => ({ fd, thread: at % threads }));
    binding.port = port;
    for (const { fd, thread } of binding.sockets) onOpened(fd, thread);
  }

  /** What was left for this address. One that listens on every address, or on one of them, is in the way of the other kind. */
  #inherited(ip: string): readonly number[] {
    const { port } = this.#options;
    const left = this.#inheritance?.take({ ip, port }) ?? [];
    if (left.length === 0) {
      if (EVERYWHERE.includes(ip)) this.#inheritance?.close();
      else for (const every of EVERYWHERE) this.#inheritance?.release(every);
    }
    return left;
  }
}

function newBinding(): Binding {
  return { sockets: [], port: 0, timer: null, lastError: "", tries: 0 };
}
