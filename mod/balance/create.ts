/**
 * The seam where engines are chosen. A balancer is whatever keeps `Balancer`'s promises, shown by the contract suite in
 * `tests/contracts/balancer.ts`; an engine with sockets of its own replaces `ListenBalancer` here and nowhere else.
 */
import type { BalancerConfig } from "../config/types.ts";
import type { Balancer } from "./balancer.ts";
import { type BalancerDeps, ListenBalancer } from "./listen_balancer.ts";

/** Makes the balancer for one configured load balancer; the caller starts and stops it. */
export function createBalancer(config: BalancerConfig, deps: BalancerDeps): Balancer {
  return new ListenBalancer(config, deps);
}

export type { BalancerDeps };
