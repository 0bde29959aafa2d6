/**
 * The `kernel` engine: the kernel gives each new connection to a backend and carries its packets from then on; this program checks the
 * backends and keeps the kernel's table. What a session could do (try another backend, limit, time out) the kernel does not.
 */
import type { Clock, Random } from "../../base/clock.ts";
import type { BalancerConfig, TcpBalancerConfig, UdpBalancerConfig } from "../../config/types.ts";
import { SysError } from "../../linux/errno.ts";
import { getLog, type Log } from "../../observe/log.ts";
import { type Balancer, BalancerError, type BalancerStatus, type ConnectionResetter } from "../balancer.ts";
import { DeadlineSet } from "../deadlines.ts";
import { HealthChecks } from "../health.ts";
import { Pool, type PoolChange } from "../pool.ts";
import { backendTargets } from "../targets.ts";
import { backendName, type Connections } from "./connections.ts";
import type { KernelTable } from "./kernel_table.ts";
import type { BackendCount, KernelService } from "./types.ts";

/** While a stop waits for connections to finish they are counted this often. */
const DRAIN_LOOK_MS = 50;
/** Deadlines of checks fire at most this much late. */
const GRANULARITY_MS = 20;

/** What the kernel engine can balance. */
export type KernelBalancerConfig = TcpBalancerConfig | UdpBalancerConfig;

/** What a balancer is given from outside. Table and connections are shared and belong to the agent. */
export interface KernelBalancerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly resetter: ConnectionResetter;
  readonly table: KernelTable;
  readonly connections: Connections;
}

/** A balancer whose connections this program never sees. */
export class KernelBalancer implements Balancer {
  readonly config: KernelBalancerConfig;
  readonly #deps: KernelBalancerDeps;
  readonly #log: Log = getLog("balance");
  readonly #pool: Pool;
  readonly #health: HealthChecks | null;
  readonly #held = new Set<string>();
  #state: "new" | "running" | "stopped" = "new";
  #stopped: Promise<void> | null = null;
  /** As of the last look. */
  #live: ReadonlyMap<string, number> = new Map();
  #isCounting = false;
  #counts: readonly BackendCount[] = [];

  constructor(config: KernelBalancerConfig, deps: KernelBalancerDeps) {
    this.config = config;
    this.#deps = deps;
    const targets = backendTargets(config);
    this.#pool = new Pool(targets, { policy: "round-robin", health: config.health, ejection: null });
    const { clock, random, resetter } = deps;
    this.#health = config.health === null ? null : new HealthChecks(targets, {
      config: config.health,
      clock,
      random,
      streams: { deadlines: new DeadlineSet(clock, GRANULARITY_MS), resetter },
      onResult: (index, result) => this.#changed(index, this.#pool.checked(index, result)),
    });
  }

  /** Throws {@link BalancerError} when a program of this machine has the port already (without `bindToVip` only). */
  start(): Promise<void> {
    try {
      if (!this.config.bindToVip) this.#requireFreePort();
    } catch (cause) {
      return Promise.reject(new BalancerError("balance", `port ${this.config.port}`, { cause }));
    }
    this.#state = "running";
    this.#put();
    this.#health?.start();
    return Promise.resolve();
  }

  bind(ip: string): void {
    if (!this.config.bindToVip || this.#stopped !== null || this.#held.has(ip)) return;
    this.#held.add(ip);
    if (this.#state === "running") this.#deps.table.holdAddress(ip);
    this.#put();
  }

  release(ip: string): void {
    if (this.#state === "stopped") return;
    const before = this.#service();
    const wasHeld = this.#held.delete(ip);
    if (this.config.bindToVip && !wasHeld) return;
    if (wasHeld) this.#deps.table.releaseAddress(ip);
    if (this.#wasUsed(before)) this.#deps.connections.cut(before, { vip: ip });
  }

  /** Looking for connections takes the kernel 10 ms, whatever there is: not where there never was one. */
  #wasUsed(service: KernelService): boolean {
    try {
      return this.#deps.table.counts(service).some(({ connections }) => connections > 0);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return true;
    }
  }

  update(config: BalancerConfig): void {
    throw new Error(`to be written: ${config.name}`);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  status(): BalancerStatus {
    this.#look();
    const backends = this.#pool.status().map((one, index) => {
      const { address = "", port = 0 } = this.config.backends[index] ?? {};
      const counted = this.#counts[index];
      return {
        ...one,
        connections: this.#live.get(backendName(address, port)) ?? 0,
        totalConnections: counted?.connections ?? 0,
        bytes: counted?.bytes ?? 0,
      };
    });
    return {
      name: this.config.name,
      type: this.config.type,
      engine: "kernel",
      listening: this.#listening(),
      connections: backends.reduce((sum, one) => sum + one.connections, 0),
      totalConnections: backends.reduce((sum, one) => sum + one.totalConnections, 0),
      backends,
    };
  }

  #listening(): string[] {
    const { port, bindToVip, backends } = this.config;
    if (this.#state !== "running") return [];
    if (bindToVip) return [...this.#held].map((ip) => ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
    const families = new Set(backends.map(({ address }) => address.includes(":") ? 6 : 4));
    return [...families].sort().map((family) => family === 4 ? `0.0.0.0:${port}` : `[::]:${port}`);
  }

  /** Rules for the port would take it away from whoever listens there. */
  #requireFreePort(): void {
    const { type, port } = this.config;
    if (type === "tcp") Deno.listen({ hostname: "0.0.0.0", port }).close();
  }

  #service(): KernelService {
    const { type, port, bindToVip, affinity, preserveClientAddress, backends } = this.config;
    const states = this.#pool.status();
    return {
      protocol: type,
      port,
      vips: bindToVip ? [...this.#held] : null,
      affinity,
      preserveClientAddress,
      backends: backends.map((backend, index) => ({ ...backend, usable: states[index]?.state === "up" })),
    };
  }

  #put(): void {
    if (this.#state !== "running") return;
    this.#deps.table.put(this.#service());
  }

  #changed(index: number, change: PoolChange | null): void {
    if (change === null || this.#stopped !== null) return;
    const properties = { balancer: this.config.name, backend: change.name, state: change.state, reason: change.detail };
    if (change.state === "up") this.#log.info("Backend is up", properties);
    else this.#log.warning("Backend gets no connections", properties);
    this.#put();
    const backend = this.config.backends[index];
    if (change.state === "up" || backend === undefined || !this.#wasUsed(this.#service())) return;
    this.#deps.connections.cut(this.#service(), { backend: backendName(backend.address, backend.port) });
  }

  /** Reads the counters, and the connections where they are few; where they are many the next status has them. */
  #look(): void {
    const service = this.#service();
    try {
      this.#counts = this.#deps.table.counts(service);
      const live = this.#deps.connections.countNow(service);
      if (live !== null) this.#live = live;
      else this.#countSoon(service);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.#log.debug("Cannot count connections", { balancer: this.config.name, reason: error.message });
    }
  }

  #countSoon(service: KernelService): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    this.#deps.connections.count(service).then((live) => this.#live = live, () => {}).finally(() => {
      this.#isCounting = false;
    });
  }

  async #stop(): Promise<void> {
    const before = this.#service();
    await this.#health?.stop();
    if (this.#state === "running") {
      this.#look();
      this.#state = "stopped";
      this.#deps.table.remove(before);
      if (this.config.type === "tcp") await this.#untilQuiet(before, this.config.drainMs);
      this.#deps.connections.cut(before, {});
      await this.#deps.connections.settled();
    }
    this.#state = "stopped";
    this.#held.clear();
  }

  /** Waits until no connection is left, at most `timeoutMs`. */
  async #untilQuiet(service: KernelService, timeoutMs: number): Promise<void> {
    const { clock, connections } = this.#deps;
    const endMs = clock.now() + timeoutMs;
    for (;;) {
      const live = await connections.count(service).catch(() => new Map<string, number>());
      const leftMs = endMs - clock.now();
      if (live.size === 0 || leftMs <= 0) return;
      await new Promise<void>((resolve) => {
        clock.after(Math.min(DRAIN_LOOK_MS, leftMs), resolve);
      });
    }
  }
}
