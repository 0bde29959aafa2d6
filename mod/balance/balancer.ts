import type { BalancerConfig } from "../config/types.ts";

/** What a person may ask about a backend. */
export interface BackendStatus {
  readonly name: string;
  readonly state: "up" | "down" | "ejected";
  readonly connections: number;
  readonly totalConnections: number;
  readonly failures: number;
  /** Why it is not up, in words; empty when it is. */
  readonly detail: string;
}

export interface BalancerStatus {
  readonly name: string;
  readonly type: "tcp" | "http";
  readonly engine: "listen";
  /** `address:port` of every open listener. */
  readonly listening: readonly string[];
  readonly connections: number;
  readonly totalConnections: number;
  readonly backends: readonly BackendStatus[];
}

/** Cuts established connections with a RST so that their clients notice at once. Synchronous. */
export interface ConnectionResetter {
  /** Resets this process's TCP connections whose local address and port match; gives how many. */
  reset(localIp: string, localPort: number): number;
}

/** One configured load balancer. Made by the agent, which stops it. */
export interface Balancer {
  readonly config: BalancerConfig;
  /** Begins health checks and, without `bindToVip`, listens. */
  start(): Promise<void>;
  /** The address is held here now: listen on it (bindToVip only). Failure to bind is retried and logged, never thrown. */
  bind(ip: string): void;
  /** The hold on the address ends now: close its listener and reset its connections. Synchronous. */
  release(ip: string): void;
  /** Stops accepting, lets connections finish for `drainMs`, then cuts them. Idempotent. */
  stop(): Promise<void>;
  status(): BalancerStatus;
}
