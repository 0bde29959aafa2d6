import type { BalancerConfig } from "../config/types.ts";
import type { Estate } from "./estate.ts";

/** What a person may ask about a backend. */
export interface BackendStatus {
  readonly name: string;
  readonly state: "up" | "down" | "ejected";
  /** Connections now; of an http balancer: requests in flight. */
  readonly connections: number;
  /** Connections (http: requests) ever given to it. */
  readonly totalConnections: number;
  /** Failed connects and failed health checks ever. */
  readonly failures: number;
  /** Both ways: of the engine `kernel` with the headers of IP, of `user` the content alone; absent where the engine does not count them. */
  readonly bytes?: number;
  /** Why it is not up, in words; empty when it is. */
  readonly detail: string;
}

export interface BalancerStatus {
  readonly name: string;
  readonly type: "tcp" | "udp" | "http";
  readonly engine: "kernel" | "user" | "listen";
  /** Why it is this engine, where it was to be chosen; absent where it was named. */
  readonly engineWhy?: string;
  /** `address:port` of every open listener. */
  readonly listening: readonly string[];
  readonly connections: number;
  readonly totalConnections: number;
  readonly backends: readonly BackendStatus[];
}

/** One end of a TCP connection. */
export interface Endpoint {
  /** IP text as Deno gives it. */
  readonly ip: string;
  readonly port: number;
}

/** Cuts established connections with a RST so that their clients notice at once. Synchronous. */
export interface ConnectionResetter {
  /** Resets this process's TCP connections whose local address and port match; gives how many. */
  reset(localIp: string, localPort: number): number;
  /**
   * Resets the one connection between these two ends. Needed besides {@link reset} because `close()` in Deno 2.7 neither
   * interrupts a pending write nor sends anything until it ends: a peer that stops reading would keep the socket for ever.
   */
  resetOne(local: Endpoint, remote: Endpoint): void;
}

/**
 * What becomes of connections that wait for a request while their balancer drains: they are closed, or wait for one more, which is answered
 * with the word that it was the last. A close may meet a request that is on its way.
 */
export type IdleFate = "close" | "wait";

/** How a balancer is stopped. */
export interface StopOptions {
  /**
   * Whether another balancer has the port by now: then nothing is cut that could be the other's. Asked when connections are to be cut.
   * Without it nobody has, and nothing goes on here: what is idle is closed at once, not when it has been answered once more.
   */
  readonly succeeded?: () => boolean;
  /** Where to leave listening sockets for the successor, by an engine whose successor can take them. */
  readonly estate?: Estate;
}

/** How a balancer is started. */
export interface StartOptions {
  /** What its predecessor on the port has left. Whoever can use none of it ends it before listening: it has the port. */
  readonly estate?: Estate;
}

/** One configured load balancer. Made by the agent, which stops it. */
export interface Balancer {
  /** What it runs with now. */
  readonly config: BalancerConfig;
  /**
   * Begins health checks and, without `bindToVip`, listens.
   * @throws {BalancerError} when the port cannot be listened on (without `bindToVip` only).
   */
  start(options?: StartOptions): Promise<void>;
  /** The address is held here now: listen on it (bindToVip only). Failure to bind is retried and logged, never thrown. */
  bind(ip: string): void;
  /**
   * The hold on the address ends now: close its listener and reset its connections, also those that came through a
   * listener on every address. Synchronous.
   */
  release(ip: string): void;
  /**
   * Whether the engine that carries it takes this configuration of the same front as well; where it does not, another balancer has to take
   * its place. Absent: every one.
   * @throws {BalancerError} when the engine was named and cannot.
   */
  suits?(config: BalancerConfig): boolean;
  /** Addresses of the backends that its connections go to, or may, through the kernel alone. Absent: none. */
  reaches?(): string[];
  /**
   * Goes over to another configuration of the same front (`sameFront` in `front.ts`) while it runs: backends, weights, checks, limits, times.
   * Listeners and connections are not disturbed. A backend that is new gets connections from now on, after its first check where there are
   * checks; one that is gone gets no more, and what it has goes on; one that stays keeps its state and its counters. Synchronous: what was
   * given counts for the next connection. {@link config} is the new one then.
   */
  update(config: BalancerConfig): void;
  /**
   * Stops accepting, or leaves that to a successor, lets connections finish for `drainMs`, then cuts them. Idempotent.
   * {@link BalancerStatus.listening} is empty as soon as another balancer can have the port.
   */
  stop(options?: StopOptions): Promise<void>;
  status(): BalancerStatus;
}

/** A balancer could not do what it was asked to: which one, what, and why. */
export class BalancerError extends Error {
  override readonly name = "BalancerError";
  readonly operation: string;
  readonly subject: string;

  constructor(operation: string, subject: string, options: { readonly cause: unknown }) {
    const { cause } = options;
    super(`Cannot ${operation} ${subject}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.operation = operation;
    this.subject = subject;
  }
}
