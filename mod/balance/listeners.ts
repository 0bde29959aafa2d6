/** The listening sockets of a balancer and their accept loops. */
import type { Clock, Timer } from "../base/clock.ts";
import { keepUnsentSmall } from "../linux/tcp_options.ts";
import type { Log } from "../observe/log.ts";
import { BalancerError } from "./balancer.ts";
import type { Slots } from "./slots.ts";

/** The address was announced a moment ago: the kernel may need a few turns until it can be bound. */
const ADDRESS_RETRY_MS = 20;
/** Anything else that keeps a port from being bound goes away by somebody's doing, if at all. */
const OTHER_RETRY_MS = 1000;
/** So many times it is tried again soon. */
const SOON_TRIES = 5;
/** Accept fails when descriptors run out (EMFILE): ask again soon, then less often. */
const ACCEPT_BACKOFF_MS = { first: 5, max: 500 };

/** What listeners need. */
export interface ListenersOptions {
  /** The balancer's name, for log lines. */
  readonly name: string;
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly slots: Slots;
  /** Takes over an accepted connection and the slot that goes with it. */
  readonly onConnection: (conn: Deno.TcpConn) => void;
}

interface Binding {
  listener: Deno.TcpListener | null;
  /** Retries the bind, or ends the pause of the accept loop. */
  timer: Timer | null;
  wake: (() => void) | null;
  lastError: string;
  /** Failures so far. */
  tries: number;
}

function isIpv6(ip: string): boolean {
  return ip.includes(":");
}

/** Owns every listening socket of one balancer. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #bindings = new Map<string, Binding>();
  readonly #loops = new Set<Promise<void>>();
  #isFullLogged = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** `address:port` of every open listener. */
  get addresses(): string[] {
    const open: string[] = [];
    for (const { listener } of this.#bindings.values()) {
      if (listener === null) continue;
      const { hostname, port } = listener.addr;
      open.push(isIpv6(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`);
    }
    return open;
  }

  /** The port of an open listener, null without one: for port 0, where the system chooses. */
  get port(): number | null {
    for (const { listener } of this.#bindings.values()) if (listener !== null) return listener.addr.port;
    return null;
  }

  /** Listens on one address until it is released; tries again until it succeeds. */
  bind(ip: string): void {
    if (this.#bindings.has(ip)) return;
    const binding: Binding = { listener: null, timer: null, wake: null, lastError: "", tries: 0 };
    this.#bindings.set(ip, binding);
    this.#tryBind(ip, binding);
  }

  #tryBind(ip: string, binding: Binding): void {
    binding.timer = null;
    const { clock, log, name, port } = this.#options;
    try {
      this.#open(binding, ip);
      if (binding.lastError !== "") log.info("Listening at last", { balancer: name, ip, port });
    } catch (error) {
      const isEarly = error instanceof Deno.errors.AddrNotAvailable;
      const reason = error instanceof Error ? error.message : String(error);
      if (!isEarly && reason !== binding.lastError) {
        log.warning("Cannot listen, trying again", { balancer: name, ip, port, reason });
        binding.lastError = reason;
      }
      // A listener that was closed in the same turn still has the port for a moment.
      const isSoon = isEarly || ++binding.tries <= SOON_TRIES;
      binding.timer = clock.after(isSoon ? ADDRESS_RETRY_MS : OTHER_RETRY_MS, () => this.#tryBind(ip, binding));
    }
  }

  /**
   * Listens on every address. Deno leaves IPV6_V6ONLY alone, so a socket on `::` takes IPv4 as well unless
   * net.ipv6.bindv6only is set; then, and where there is no IPv6, `0.0.0.0` is listened on too.
   * @throws {BalancerError} when neither can be bound.
   */
  listenEverywhere(): void {
    for (const ip of ["::", "0.0.0.0"]) {
      const binding: Binding = { listener: null, timer: null, wake: null, lastError: "", tries: 0 };
      try {
        this.#open(binding, ip);
        this.#bindings.set(ip, binding);
      } catch (error) {
        // In use is what the second one must be: the first has the port for both already.
        if (this.#bindings.size > 0 && error instanceof Deno.errors.AddrInUse) return;
        if (ip === "::" && !(error instanceof Deno.errors.AddrInUse)) continue;
        throw new BalancerError("listen on", `port ${this.#options.port}`, { cause: error });
      }
    }
  }

  #open(binding: Binding, ip: string): void {
    const port = this.#options.port === 0 && ip === "0.0.0.0" ? this.port ?? 0 : this.#options.port;
    const listener = Deno.listen({ hostname: ip, port });
    binding.listener = listener;
    this.#tune(listener);
    const loop = this.#acceptLoop(binding, listener).catch((error: unknown) => {
      this.#options.log.error("Accepting ended", { balancer: this.#options.name, reason: String(error) });
    });
    this.#loops.add(loop);
    loop.then(() => this.#loops.delete(loop));
  }

  /** Whether a client still gets something is seen by the writes to it. */
  #tune({ addr }: Deno.TcpListener): void {
    try {
      keepUnsentSmall({ ip: addr.hostname, port: addr.port });
    } catch (error) {
      this.#options.log.debug("A listener is as the system makes it", { reason: String(error) });
    }
  }

  /** Closes the listener on one address, or ends the attempts to open it. */
  release(ip: string): void {
    const binding = this.#bindings.get(ip);
    if (binding === undefined) return;
    this.#bindings.delete(ip);
    this.#close(binding);
  }

  #close(binding: Binding): void {
    binding.timer?.cancel();
    const { listener } = binding;
    binding.listener = null;
    listener?.close();
    binding.wake?.();
  }

  /** Closes every listener; resolves when the accept loops have ended. */
  async close(): Promise<void> {
    for (const ip of [...this.#bindings.keys()]) this.release(ip);
    this.#options.slots.close();
    await Promise.all(this.#loops);
  }

  async #acceptLoop(binding: Binding, listener: Deno.TcpListener): Promise<void> {
    let backoffMs = ACCEPT_BACKOFF_MS.first;
    while (binding.listener === listener) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (binding.listener !== listener) return;
        if (isOfOneConnection(error)) continue;
        this.#noteAcceptError(binding, error);
        await this.#pause(binding, backoffMs);
        backoffMs = Math.min(backoffMs * 2, ACCEPT_BACKOFF_MS.max);
        continue;
      }
      backoffMs = ACCEPT_BACKOFF_MS.first;
      await this.#admit(binding, conn);
    }
  }

  /** Waits for a slot with the connection in hand: the others wait in the kernel's backlog meanwhile. */
  async #admit(binding: Binding, conn: Deno.TcpConn): Promise<void> {
    const { slots, log, name } = this.#options;
    // Logged again only after a good distance: around the limit every connection would cross it.
    if (slots.isFull && !this.#isFullLogged) {
      this.#isFullLogged = true;
      log.warning("The limit of connections is reached", { balancer: name, connections: slots.taken });
    } else if (slots.isHalfEmpty) {
      this.#isFullLogged = false;
    }
    const granted = await slots.take();
    if (granted && binding.listener !== null) return this.#options.onConnection(conn);
    conn.close();
    if (granted) slots.free();
  }

  #noteAcceptError(binding: Binding, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === binding.lastError) return;
    binding.lastError = reason;
    this.#options.log.warning("Cannot accept connections", { balancer: this.#options.name, reason });
  }

  #pause(binding: Binding, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      binding.wake = () => {
        binding.timer?.cancel();
        binding.timer = null;
        binding.wake = null;
        resolve();
      };
      binding.timer = this.#options.clock.after(delayMs, () => binding.wake?.());
    });
  }
}

/**
 * Whether an error of `accept()` is that of a client that has gone before it was taken: nothing is wrong here, and whoever comes next is
 * not to wait because of it.
 */
export function isOfOneConnection(error: unknown): boolean {
  const { ConnectionAborted, ConnectionReset, NotConnected } = Deno.errors;
  return [ConnectionAborted, ConnectionReset, NotConnected].some((kind) => error instanceof kind);
}
