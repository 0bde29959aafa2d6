/**
 * The `kernel` engine: the kernel gives each new connection to a backend and carries its packets from then on; this program checks the
 * backends and keeps the kernel's table. What a session could do (try another backend, limit, time out) the kernel does not.
 */
import { assert } from "../../base/assert.ts";
import type { Clock, Random } from "../../base/clock.ts";
import type {
  BalancerConfig,
  HealthCheckConfig,
  TcpBackend,
  TcpBalancerConfig,
  UdpBalancerConfig,
} from "../../config/types.ts";
import { SysError } from "../../linux/errno.ts";
import { getLog, type Log } from "../../observe/log.ts";
import {
  type BackendStatus,
  type Balancer,
  BalancerError,
  type BalancerStatus,
  type ConnectionResetter,
  type StopOptions,
} from "../balancer.ts";
import { DeadlineSet } from "../deadlines.ts";
import { sameFront } from "../front.ts";
import { type CheckResult, HealthChecks } from "../health.ts";
import { Pool, type PoolChange, type PoolOptions } from "../pool.ts";
import { type BackendTarget, backendTargets } from "../targets.ts";
import { backendName, type Connections } from "./connections.ts";
import type { KernelTable } from "./kernel_table.ts";
import { Leaving } from "./leaving.ts";
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
  /**
   * Makes checks in place of those of {@link HealthChecks}. A backend that these have not looked at yet gets no connections, also where
   * there is no other. @default checks of the kind that the configuration names
   */
  readonly checks?: (onResult: (index: number, result: CheckResult) => void) => Checks;
}

/** What checks backends, each named by its index in the pool. `update` comes before `start` too, and says what to check. */
export type Checks = Pick<HealthChecks, "start" | "update" | "stop">;

/** A backend that has left. */
interface Parting {
  readonly target: BackendTarget;
  /** Failed checks in a row. */
  failed: number;
}

/** A balancer whose connections this program never sees. */
export class KernelBalancer implements Balancer {
  #config: KernelBalancerConfig;
  readonly #deps: KernelBalancerDeps;
  readonly #log: Log = getLog("balance");
  readonly #pool: Pool;
  readonly #leaving: Leaving;
  /** By the pool's index. */
  #targets: ReadonlyMap<number, BackendTarget>;
  /** Backends that have left and may have connections, by numbers that no member of the pool has: a dead one is noticed as well. */
  readonly #parting = new Map<number, Parting>();
  #lastParting = 0;
  /** Indices of those that have to be checked first. */
  readonly #unproven = new Set<number>();
  #health: Checks | null = null;
  /** Checks that were configured before and end now. */
  readonly #ending = new Set<Promise<void>>();
  readonly #held = new Set<string>();
  /** How often the table had been built when the connections of an address or a backend were last cut, by its name. */
  readonly #cutAt = new Map<string, number>();
  /** Where clients find a backend: addresses, or families where it is every address. */
  #entrances: ReadonlySet<string> = new Set();
  #state: "new" | "running" | "stopped" = "new";
  #stopped: Promise<void> | null = null;
  /** What it was, while its last connections may finish. */
  #draining: KernelService | null = null;
  /** As of the last look. */
  #live: ReadonlyMap<string, number> = new Map();
  #isCounting = false;
  #counts: readonly BackendCount[] = [];
  /** Connections ever given to backends that are gone. */
  #past = 0;

  constructor(config: KernelBalancerConfig, deps: KernelBalancerDeps) {
    this.#config = config;
    this.#deps = deps;
    const targets = backendTargets(config);
    this.#targets = new Map(targets.entries());
    this.#pool = new Pool(targets, poolOptions(config));
    this.#leaving = new Leaving({
      clock: deps.clock,
      count: () => deps.connections.count(this.#service()).catch(() => null),
      onGone: (names) => this.#forget(names),
      onCrowded: (names) => {
        const service = this.#service();
        for (const backend of names) deps.connections.cut(service, { backend });
      },
    });
    if (config.health !== null) {
      this.#health = this.#makeChecks(targets, config.health);
      if (deps.checks !== undefined) this.#doubt(this.#targets.keys());
    }
  }

  get config(): KernelBalancerConfig {
    return this.#config;
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
    if (this.#draining !== null) return this.#deps.connections.cut(this.#draining, { vip: ip });
    if (this.#state === "stopped") return;
    const before = this.#service();
    const wasHeld = this.#held.delete(ip);
    if (this.config.bindToVip && !wasHeld) return;
    if (wasHeld) {
      this.#deps.table.releaseAddress(ip);
      this.#entrances = entrancesOf(this.#service());
    }
    if (this.#mayHave(ip, before)) this.#deps.connections.cut(before, { vip: ip });
  }

  /**
   * Whether an address or a backend may have connections, which end now. What the table has not counted is there as well: connections of a
   * predecessor, of another run, of a table that was removed.
   */
  #mayHave(name: string, service: KernelService): boolean {
    const { builds } = this.#deps.table;
    if (this.#cutAt.get(name) === builds && !this.#wasUsed(service)) return false;
    this.#cutAt.set(name, builds);
    return true;
  }

  /** Looking for connections takes the kernel 10 ms, whatever there is: not where there never was one. */
  #wasUsed(service: KernelService): boolean {
    try {
      return this.#deps.table.wasUsed(service);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return true;
    }
  }

  reaches(): string[] {
    const service = this.#state === "running" ? this.#service() : this.#draining;
    return service?.backends.map(({ address }) => address) ?? [];
  }

  update(config: BalancerConfig): void {
    assert(config.type !== "http" && sameFront(this.#config, config), "another front is another balancer");
    if (this.#stopped !== null) return;
    const before = this.#service().backends;
    const known = this.#targets;
    this.#config = config;
    const targets = backendTargets(config);
    const { indices, changes } = this.#pool.update(targets, poolOptions(config));
    this.#targets = new Map(targets.map((target, at) => [indices[at] ?? at, target]));
    if (this.#state === "running") this.#leaving.change(before, config.backends);
    this.#part(known);
    this.#checkAnew(known);
    for (const change of changes) this.#tell(change);
    this.#put();
  }

  #checkAnew(known: ReadonlyMap<number, BackendTarget>): void {
    const { health } = this.#config;
    for (const index of this.#unproven) if (health === null || !this.#targets.has(index)) this.#unproven.delete(index);
    if (health === null) {
      if (this.#health !== null) this.#end(this.#health);
      this.#health = null;
      return;
    }
    const isNew = this.#health === null;
    if (this.#deps.checks !== undefined) {
      const same = (index: number): boolean => !isNew && known.get(index)?.name === this.#targets.get(index)?.name;
      this.#doubt([...this.#targets.keys()].filter((index) => !same(index)));
    }
    this.#health ??= this.#makeChecks([], health);
    if (isNew && this.#state === "running") this.#health.start();
    this.#health.update(this.#toCheck(), health);
  }

  /** Who has left of those that were known, and who has connections no more or is back. */
  #part(known: ReadonlyMap<number, BackendTarget>): void {
    const left = new Set(this.#leaving.list().map(({ address, port }) => backendName(address, port)));
    for (const [index, { target }] of this.#parting) if (!left.has(keyOf(target))) this.#parting.delete(index);
    const followed = new Set([...this.#parting.values()].map(({ target }) => keyOf(target)));
    for (const target of known.values()) {
      if (!left.has(keyOf(target)) || followed.has(keyOf(target))) continue;
      this.#parting.set(--this.#lastParting, { target, failed: 0 });
    }
  }

  #toCheck(): Map<number, BackendTarget> {
    return new Map([...this.#targets, ...[...this.#parting].map(([index, { target }]) => [index, target] as const)]);
  }

  #doubt(indices: Iterable<number>): void {
    for (const index of indices) this.#unproven.add(index);
  }

  #end(checks: Checks): void {
    const ending = checks.stop().catch((error: unknown) => {
      this.#log.error("Checks did not end", { balancer: this.#config.name, reason: String(error) });
    });
    this.#ending.add(ending);
    ending.then(() => this.#ending.delete(ending));
  }

  #makeChecks(targets: readonly BackendTarget[], config: HealthCheckConfig): Checks {
    const { clock, random, resetter, checks } = this.#deps;
    const onResult = (index: number, result: CheckResult): void => this.#judge(index, result);
    if (checks !== undefined) {
      const made = checks(onResult);
      made.update(new Map(targets.entries()), config);
      return made;
    }
    const streams = { deadlines: new DeadlineSet(clock, GRANULARITY_MS), resetter };
    return new HealthChecks(targets, { config, clock, random, streams, onResult });
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.#stopped ??= this.#stop(options);
    return this.#stopped;
  }

  status(): BalancerStatus {
    this.#look();
    const backends = [...this.#configured(), ...this.#left()].map((one, index) => ({
      ...one,
      totalConnections: this.#counts[index]?.connections ?? 0,
      bytes: this.#counts[index]?.bytes ?? 0,
    }));
    return {
      name: this.config.name,
      type: this.config.type,
      engine: "kernel",
      listening: this.#listening(),
      connections: backends.reduce((sum, one) => sum + one.connections, 0),
      totalConnections: backends.reduce((sum, one) => sum + one.totalConnections, this.#past),
      backends,
    };
  }

  /** The configured backends in their order, without what the table has counted. */
  #configured(): BackendStatus[] {
    const indices = [...this.#targets.keys()];
    return this.#pool.status().slice(0, indices.length).map((one, at) => {
      const connections = this.#liveOf(this.#config.backends[at]);
      const isUnproven = one.state === "up" && this.#unproven.has(indices[at] ?? -1);
      return { ...one, connections, ...(isUnproven ? { state: "down", detail: "not checked yet" } as const : {}) };
    });
  }

  #left(): BackendStatus[] {
    return this.#leaving.list().map((backend) => {
      const connections = this.#liveOf(backend);
      const detail = `removed, ${connections} connection${connections === 1 ? "" : "s"} left`;
      return { name: nameOf(backend), state: "down", connections, totalConnections: 0, failures: 0, detail };
    });
  }

  #liveOf(backend: Pick<TcpBackend, "address" | "port"> | undefined): number {
    return backend === undefined ? 0 : this.#live.get(backendName(backend.address, backend.port)) ?? 0;
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
    const { type, port, backends } = this.config;
    if (type !== "tcp") return;
    Deno.listen({ hostname: "0.0.0.0", port }).close();
    if (!backends.some(({ address }) => address.includes(":"))) return;
    try {
      Deno.listen({ hostname: "::", port }).close();
    } catch (error) {
      // Nobody listens where there is no IPv6.
      if (error instanceof Deno.errors.AddrInUse) throw error;
    }
  }

  #service(): KernelService {
    const { type, port, bindToVip, affinity, preserveClientAddress, backends } = this.config;
    const states = this.#configured();
    return {
      protocol: type,
      port,
      vips: bindToVip ? [...this.#held] : null,
      affinity,
      preserveClientAddress,
      backends: [
        ...backends.map((backend, at) => ({ ...backend, usable: states[at]?.state === "up" })),
        ...this.#leaving.list(),
      ],
    };
  }

  #put(): void {
    if (this.#state !== "running") return;
    const service = this.#service();
    this.#deps.table.put(service);
    const before = this.#entrances;
    this.#entrances = entrancesOf(service);
    if (![...this.#entrances].every((one) => before.has(one))) this.#deps.connections.gather(service);
  }

  #judge(index: number, result: CheckResult): void {
    if (this.#stopped !== null) return;
    const parting = this.#parting.get(index);
    if (parting !== undefined) return this.#judgeParting(parting, result);
    const change = this.#pool.checked(index, result);
    const isFirst = this.#unproven.delete(index);
    if (change !== null) this.#tell(change);
    if (change !== null || isFirst) this.#put();
    const target = this.#targets.get(index);
    if (change === null || change.state === "up" || target === undefined) return;
    const service = this.#service();
    if (this.#mayHave(keyOf(target), service)) this.#deps.connections.cut(service, { backend: keyOf(target) });
  }

  /** Its connections were to go on; those of a machine that is gone would hang. */
  #judgeParting(parting: Parting, { ok, detail }: CheckResult): void {
    parting.failed = ok ? 0 : parting.failed + 1;
    if (parting.failed < (this.#config.health?.fall ?? Infinity)) return;
    parting.failed = 0;
    const { name } = parting.target;
    this.#log.warning("Connections of a removed backend end", {
      balancer: this.#config.name,
      backend: name,
      reason: detail,
    });
    this.#deps.connections.cut(this.#service(), { backend: keyOf(parting.target) });
  }

  #tell({ name, state, detail }: PoolChange): void {
    const properties = { balancer: this.config.name, backend: name, state, reason: detail };
    if (state === "up") this.#log.info("Backend is up", properties);
    else this.#log.warning("Backend gets no connections", properties);
  }

  /** Backends that have left and have no connection any more. */
  #forget(names: ReadonlySet<string>): void {
    const service = this.#service();
    try {
      for (const [at, { connections }] of this.#deps.table.counts(service).entries()) {
        const { address = "", port = 0 } = service.backends[at] ?? {};
        if (names.has(backendName(address, port))) this.#past += connections;
      }
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
    }
    if (this.#state !== "running") return;
    const backends = service.backends.filter(({ address, port }) => !names.has(backendName(address, port)));
    this.#deps.table.put({ ...service, backends });
    for (const [index, { target }] of this.#parting) if (names.has(keyOf(target))) this.#parting.delete(index);
    if (this.#config.health !== null) this.#health?.update(this.#toCheck(), this.#config.health);
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

  async #stop({ succeeded = () => false }: StopOptions): Promise<void> {
    const before = this.#service();
    const wasRunning = this.#state === "running";
    if (wasRunning) this.#look();
    this.#state = "stopped";
    // At once: whoever is told that nobody listens may put a service of its own for the port.
    if (wasRunning) {
      this.#draining = before;
      this.#deps.table.remove(before);
    }
    await Promise.all([this.#health?.stop(), this.#leaving.stop(), ...this.#ending]);
    if (wasRunning) {
      if (this.config.type === "tcp") await this.#untilQuiet(before, { limitMs: this.config.drainMs, succeeded });
      // A successor's connections look the same; those of before go on in the kernel until they end, or their address goes.
      if (succeeded()) this.#deps.connections.leave(before);
      else this.#deps.connections.cut(before, {});
      await this.#deps.connections.settled();
    }
    this.#draining = null;
    this.#held.clear();
  }

  /** Waits until no connection is left, at most `limitMs`, or until another balancer has the port. */
  async #untilQuiet(
    service: KernelService,
    { limitMs, succeeded }: { readonly limitMs: number; readonly succeeded: () => boolean },
  ): Promise<void> {
    const { clock, connections } = this.#deps;
    const endMs = clock.now() + limitMs;
    while (!succeeded()) {
      const live = await connections.count(service).catch(() => new Map<string, number>());
      const leftMs = endMs - clock.now();
      if (live.size === 0 || leftMs <= 0) return;
      await new Promise<void>((resolve) => {
        clock.after(Math.min(DRAIN_LOOK_MS, leftMs), resolve);
      });
    }
  }
}

function poolOptions({ health }: KernelBalancerConfig): PoolOptions {
  return { policy: "round-robin", health, ejection: null };
}

function entrancesOf({ vips, backends }: KernelService): Set<string> {
  const family = (address: string): string => address.includes(":") ? "6" : "4";
  const served = new Set(backends.filter(({ usable }) => usable).map(({ address }) => family(address)));
  return new Set([...served].flatMap((one) => vips?.filter((ip) => family(ip) === one) ?? [one]));
}

/** As counts name it. */
function keyOf({ hostname, port }: BackendTarget): string {
  return backendName(hostname, port);
}

function nameOf({ address, port }: Pick<TcpBackend, "address" | "port">): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
