/**
 * The seam where engines are chosen. A balancer is whatever keeps `Balancer`'s promises, shown by the contract suite in
 * `tests/contracts/balancer.ts`; another engine for connections is added in `choosing_balancer.ts` and nowhere else.
 */
import type { BalancerConfig } from "../config/types.ts";
import type { Balancer } from "./balancer.ts";
import { ChoosingBalancer, type Engines } from "./choosing_balancer.ts";
import type { BalancerDeps } from "./listen_balancer.ts";

/** Makes the balancer for one configured load balancer; the caller starts and stops it. */
export function createBalancer(config: BalancerConfig, deps: BalancerDeps, engines: Engines = {}): Balancer {
  return new ChoosingBalancer(config, deps, engines);
}

export type { BalancerDeps, Engines };
