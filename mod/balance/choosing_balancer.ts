/** A balancer whose engine is found out when it starts: then it is known what the kernel can do. */
import type { BalancerConfig } from "../config/types.ts";
import { getLog, type Log } from "../observe/log.ts";
import { type Balancer, BalancerError, type BalancerStatus, type StopOptions } from "./balancer.ts";
import { KernelBalancer, type KernelBalancerConfig } from "./kernel/kernel_balancer.ts";
import type { KernelEngine } from "./kernel/kernel_engine.ts";
import { type BalancerDeps, ListenBalancer } from "./listen_balancer.ts";

/** Passes everything on to the engine that {@link start} has chosen. */
export class ChoosingBalancer implements Balancer {
  readonly #config: KernelBalancerConfig;
  readonly #deps: BalancerDeps;
  readonly #kernel: KernelEngine;
  readonly #log: Log = getLog("balance");
  #chosen: Balancer | null = null;
  #why = "";

  constructor(config: KernelBalancerConfig, deps: BalancerDeps, options: { readonly kernel: KernelEngine }) {
    this.#config = config;
    this.#deps = deps;
    this.#kernel = options.kernel;
  }

  get config(): BalancerConfig {
    return this.#chosen?.config ?? this.#config;
  }

  /** Throws {@link BalancerError} when the engine was named and does not work here, or when the engine cannot start. */
  async start(): Promise<void> {
    this.#chosen = this.#choose();
    await this.#chosen.start();
  }

  bind(ip: string): void {
    this.#chosen?.bind(ip);
  }

  release(ip: string): void {
    this.#chosen?.release(ip);
  }

  update(config: BalancerConfig): void {
    this.#chosen?.update(config);
  }

  async stop(options?: StopOptions): Promise<void> {
    await this.#chosen?.stop(options);
  }

  status(): BalancerStatus {
    if (this.#chosen === null) return idle(this.config);
    const status = this.#chosen.status();
    return this.#why === "" ? status : { ...status, engineWhy: this.#why };
  }

  #choose(): Balancer {
    const named = this.#config.engine === "kernel";
    const offer = this.#kernel.offer(this.#config, named);
    const { name } = this.#config;
    if (offer.outcome === "takes") {
      if (!named) {
        this.#log.info("Engine chosen", { balancer: name, engine: "kernel", why: "it does all that is asked for" });
      }
      return new KernelBalancer(this.#config, { ...this.#deps, ...offer.parts });
    }
    if (named) throw new BalancerError("use engine kernel for", name, { cause: new Error(offer.why) });
    this.#why = offer.why;
    this.#log.info("Engine chosen", { balancer: name, engine: "listen", why: offer.why });
    return new ListenBalancer(this.#config, this.#deps);
  }
}

function idle({ name, type }: BalancerConfig): BalancerStatus {
  return { name, type, engine: "listen", listening: [], connections: 0, totalConnections: 0, backends: [] };
}
