/**
 * The seam where engines are chosen. A balancer is whatever keeps `Balancer`'s promises, shown by the contract suite in
 * `tests/contracts/balancer.ts`; another engine for connections is added here and nowhere else.
 */
import type { BalancerConfig } from "../config/types.ts";
import { type Balancer, BalancerError } from "./balancer.ts";
import { ChoosingBalancer } from "./choosing_balancer.ts";
import type { KernelEngine } from "./kernel/kernel_engine.ts";
import { type BalancerDeps, ListenBalancer } from "./listen_balancer.ts";

/**
 * Makes the balancer for one configured load balancer; the caller starts and stops it. Without `kernel` the kernel is not to be touched.
 * Throws {@link BalancerError} for a balancer that needs it then.
 */
export function createBalancer(config: BalancerConfig, deps: BalancerDeps, kernel?: KernelEngine): Balancer {
  if (config.type === "http" || config.engine === "listen" || config.engine === "user") return new ListenBalancer(config, deps);
  if (kernel !== undefined) return new ChoosingBalancer(config, deps, { kernel });
  if (config.engine === "auto") return new ListenBalancer(config, deps);
  throw new BalancerError("use engine kernel for", config.name, {
    cause: new Error("the kernel is not to be touched"),
  });
}

export type { BalancerDeps };
