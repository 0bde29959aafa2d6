/** The listening sockets of one balancer of the engine `user`: opened and ended here, accepted from in the threads. */
import type { Clock, Timer } from "../../base/clock.ts";
import { Errno, SysError } from "../../linux/errno.ts";
import { listenerAddress, openListener } from "../../linux/listen_socket.ts";
import { closeFd } from "../../linux/socket.ts";
import { endListening } from "../../linux/stream_socket.ts";
import type { Log } from "../../observe/log.ts";
import { BalancerError } from "../balancer.ts";

/** The address was announced a moment ago: the kernel may need a few turns until it can be bound. */
const ADDRESS_RETRY_MS = 20;
/** Anything else that keeps a port from being bound goes away by somebody's doing, if at all. */
const OTHER_RETRY_MS = 1000;
/** So many times it is tried again soon. */
const SOON_TRIES = 5;

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

interface Binding {
  fds: readonly number[];
  port: number;
  timer: Timer | null;
  lastError: string;
  /** Failures so far. */
  tries: number;
}

/** Owns the decision what is listened on; the descriptors are the threads' to close. */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #bindings = new Map<string, Binding>();

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  /** `address:port` of everything that is listened on. */
  get addresses(): string[] {
    return [...this.#bindings].filter(([, { fds }]) => fds.length > 0)
      .map(([ip, { port }]) => ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
  }

  /** The port of an open listener, null without one: for port 0, where the system chooses. */
  get port(): number | null {
    for (const { fds, port } of this.#bindings.values()) if (fds.length > 0) return port;
    return null;
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
    for (const ip of ["::", "0.0.0.0"]) {
      try {
        this.#open(ip, binding);
        this.#bindings.set(ip, binding);
        return;
      } catch (error) {
        const isBusy = error instanceof SysError && error.errno === Errno.EADDRINUSE;
        if (ip === "::" && !isBusy) continue;
        throw new BalancerError("listen on", `port ${this.#options.port}`, { cause: error });
      }
    }
  }

  /** Takes no connection on this address any more, at once; gives the descriptors that the threads are to close. */
  release(ip: string): readonly number[] {
    const binding = this.#bindings.get(ip);
    if (binding === undefined) return [];
    this.#bindings.delete(ip);
    binding.timer?.cancel();
    for (const fd of binding.fds) endListening(fd);
    return binding.fds;
  }

  /** As {@link release}, for every address. */
  close(): readonly number[] {
    return [...this.#bindings.keys()].flatMap((ip) => this.release(ip));
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
    const fds: number[] = [];
    let { port } = this.#options;
    try {
      for (let thread = 0; thread < threads; thread++) {
        const fd = openListener({ ip, port }, { shared: threads > 1 });
        fds.push(fd);
        port = listenerAddress(fd).port;
      }
    } catch (error) {
      for (const fd of fds) closeFd(fd);
      throw error;
    }
    binding.fds = fds;
    binding.port = port;
    for (const [thread, fd] of fds.entries()) onOpened(fd, thread);
  }
}

function newBinding(): Binding {
  return { fds: [], port: 0, timer: null, lastError: "", tries: 0 };
}
