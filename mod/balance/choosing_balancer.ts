/** A balancer whose engine is found out when it starts: then it is known what works here. */
import { assertNever } from "../base/assert.ts";
import type { BalancerConfig } from "../config/types.ts";
import { getLog, type Log } from "../observe/log.ts";
import { type Balancer, BalancerError, type BalancerStatus, type StartOptions, type StopOptions } from "./balancer.ts";
import { needsThreads, speaksTls } from "./front.ts";
import { KernelBalancer } from "./kernel/kernel_balancer.ts";
import type { KernelEngine } from "./kernel/kernel_engine.ts";
import { type BalancerDeps, ListenBalancer } from "./listen_balancer.ts";
import { AsideBalancer } from "./tls/aside_balancer.ts";
import { BackendTlsDialer } from "./tls/backend_tls.ts";
import { THREADS_FAILED, UserBalancer } from "./user/user_balancer.ts";
import type { UserThreads } from "./user/user_threads.ts";

/** What balancers share besides the port. The agent owns these, and closes them after the balancers. */
export interface Engines {
  /** Absent: the kernel is not to be touched. */
  readonly kernel?: KernelEngine;
  /** Absent: there are to be no threads. */
  readonly threads?: UserThreads;
}

type Offer =
  | { readonly outcome: "takes"; readonly balancer: Balancer }
  | { readonly outcome: "declines"; readonly why: string };

/** Passes everything on to the engine that {@link start} has chosen. */
export class ChoosingBalancer implements Balancer {
  readonly #config: BalancerConfig;
  readonly #deps: BalancerDeps;
  readonly #engines: Engines;
  readonly #log: Log = getLog("balance");
  #chosen: Balancer | null = null;
  #why = "";

  constructor(config: BalancerConfig, deps: BalancerDeps, engines: Engines) {
    this.#config = config;
    this.#deps = deps;
    this.#engines = engines;
  }

  get config(): BalancerConfig {
    return this.#chosen?.config ?? this.#config;
  }

  /** Throws {@link BalancerError} when the engine was named and does not work here, or when the engine cannot start. */
  async start(options: StartOptions = {}): Promise<void> {
    const { engine } = this.#config;
    switch (engine) {
      case "auto":
        return await this.#startFirst(options);
      case "listen":
        return await this.#start(new ListenBalancer(this.#config, this.#deps), options);
      case "kernel":
        return await this.#start(this.#required("kernel", this.#inKernel(true)), options);
      case "user":
        return await this.#start(this.#required("user", this.#inThreads()), options);
      default:
        return assertNever(engine);
    }
  }

  bind(ip: string): void {
    this.#chosen?.bind(ip);
  }

  release(ip: string): void {
    this.#chosen?.release(ip);
  }

  /**
   * What backends and checks there are decides whether the kernel can carry it, and whether it is to. Throws {@link BalancerError} also for
   * files of TLS to backends that cannot be used: a start would as well.
   */
  suits(config: BalancerConfig): boolean {
    this.#requireFiles(config);
    const { kernel } = this.#engines;
    if (!(this.#chosen instanceof KernelBalancer) || kernel === undefined || config.type === "http") return true;
    const named = config.engine === "kernel";
    const offer = kernel.offer(config, named);
    if (offer.outcome === "takes") return true;
    if (named) throw unusable("kernel", config, offer.why);
    return false;
  }

  /** Those that were given before are read again when they change, and stay in use while they cannot be read. */
  #requireFiles(next: BalancerConfig): void {
    const { config } = this;
    if (next.type !== "http" || config.type !== "http" || !speaksTls(next)) return;
    if (JSON.stringify(next.backendTls) === JSON.stringify(config.backendTls)) return;
    const { clock, resetter } = this.#deps;
    new BackendTlsDialer({ name: next.name, config: next.backendTls, clock, log: this.#log, resetter }).close();
  }

  update(config: BalancerConfig): void {
    this.#chosen?.update(config);
  }

  reaches(): string[] {
    return this.#chosen?.reaches?.() ?? [];
  }

  async stop(options?: StopOptions): Promise<void> {
    await this.#chosen?.stop(options);
  }

  status(): BalancerStatus {
    if (this.#chosen === null) return idle(this.config);
    const status = this.#chosen.status();
    return this.#why === "" ? status : { ...status, engineWhy: this.#why };
  }

  async #start(balancer: Balancer, options: StartOptions): Promise<void> {
    this.#chosen = balancer;
    if (!(balancer instanceof UserBalancer)) options.estate?.close();
    await balancer.start(options);
  }

  #required(name: string, offer: Offer): Balancer {
    if (offer.outcome === "takes") return offer.balancer;
    throw unusable(name, this.#config, offer.why);
  }

  /** Kernel, threads, this thread: the first that works and that does all that is asked for. */
  async #startFirst(options: StartOptions): Promise<void> {
    const kernel = this.#inKernel(false);
    if (kernel.outcome === "takes") {
      await this.#start(kernel.balancer, options);
      return this.#tell("kernel", "the kernel does all that is asked for");
    }
    const threads = this.#inThreads();
    const needed = needsThreads(this.#config);
    let whyNot = "";
    if (threads.outcome === "takes") {
      try {
        await this.#start(threads.balancer, options);
        return this.#tell("user", kernel.why);
      } catch (error) {
        if (needed || !(error instanceof BalancerError) || error.operation !== THREADS_FAILED) throw error;
        whyNot = error.message;
      }
    } else if (needed) this.#required("user", threads);
    else whyNot = threads.why;
    await this.#start(new ListenBalancer(this.#config, this.#deps), options);
    this.#tell("listen", `${kernel.why}; ${whyNot}`);
  }

  #tell(engine: string, why: string): void {
    this.#why = why;
    this.#log.info("Engine chosen", { balancer: this.#config.name, engine, why });
  }

  #inKernel(named: boolean): Offer {
    const { kernel } = this.#engines;
    if (this.#config.type === "http") return { outcome: "declines", why: "the kernel cannot balance http requests" };
    if (kernel === undefined) return { outcome: "declines", why: "the kernel is not to be touched" };
    const offer = kernel.offer(this.#config, named);
    if (offer.outcome === "declines") return offer;
    return { outcome: "takes", balancer: new KernelBalancer(this.#config, { ...this.#deps, ...offer.parts }) };
  }

  #inThreads(): Offer {
    const { threads } = this.#engines;
    if (this.#config.type === "udp") return { outcome: "declines", why: "only the kernel balances udp" };
    if (threads === undefined) return { outcome: "declines", why: "there are to be no threads" };
    const balancer = speaksTls(this.#config)
      ? new AsideBalancer(this.#config, this.#deps)
      : new UserBalancer(this.#config, { ...this.#deps, threads });
    return { outcome: "takes", balancer };
  }
}

function unusable(engine: string, { name }: BalancerConfig, why: string): BalancerError {
  return new BalancerError(`use engine ${engine} for`, name, { cause: new Error(why) });
}

function idle({ name, type }: BalancerConfig): BalancerStatus {
  return { name, type, engine: "listen", listening: [], connections: 0, totalConnections: 0, backends: [] };
}
