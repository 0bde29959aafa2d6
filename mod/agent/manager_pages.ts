/** What a node of a cluster shows of itself: metrics, health, and the dump on SIGUSR1. */
import type { Clock } from "../base/clock.ts";
import type { ManagerConfig } from "../config/manager/types.ts";
import type { Health } from "../health/fitness.ts";
import { type Check, electorCheck, eventLoopCheck } from "../observe/checks.ts";
import { dumpText } from "../observe/dump.ts";
import type { DumpBgp, DumpChains, DumpSetting } from "../observe/dump_types.ts";
import { serveHealth } from "../observe/health_server.ts";
import { LoopLag } from "../observe/lag.ts";
import { loadMetrics } from "../observe/load_metrics.ts";
import type { Metrics, MetricsSnapshot } from "../observe/metrics.ts";
import { serveMetrics } from "../observe/metrics_server.ts";
import type { PageServer } from "../observe/page_server.ts";
import { processFacts } from "../observe/process_facts.ts";
import type { BalancerReport, RoutingStatus } from "../observe/status_types.ts";
import { systemWallClock } from "../runtime/wall_clock.ts";
import type { AddressBook } from "../vip/kernel.ts";
import type { HoldStatus } from "../vip/types.ts";
import type { Election } from "./manager_election.ts";

/** A loop that stood still for so long within a minute cannot keep a quarter-second election; a Lease it can. */
const STUCK_LOOP_MS = 10_000;
/** An election that tries nothing for this many of its renew deadlines is stuck. */
const STUCK_DEADLINES = 3;

/** What is looked up when somebody asks. */
export interface NodeFacts {
  readonly startedMs: number;
  /** Base URL, or `none`. */
  readonly apiServer: string;
  readonly holds: () => readonly HoldStatus[];
  readonly election: Pick<Election, "status" | "leaseName">;
  readonly health: () => Health;
  readonly unfit: () => string | null;
  readonly linkName: string;
  readonly routing: () => RoutingStatus;
  readonly balancers: () => readonly BalancerReport[];
  /** null: no BGP. */
  readonly bgp: () => DumpBgp | null;
}

/** What is asked of the kernel: a `HostKernel` fits. */
export interface KernelFacts {
  readonly book: Pick<AddressBook, "links" | "addresses">;
  hasDefaultRoute(): boolean;
  chains(): DumpChains;
}

export interface ManagerPagesOptions {
  readonly config: ManagerConfig;
  readonly settings: ReadonlyMap<string, DumpSetting>;
  readonly clock: Clock;
  readonly build: { readonly version: string; readonly commit: string };
  readonly kernel: KernelFacts;
  readonly facts: NodeFacts;
}

/** Serves the pages; started and stopped by its agent. */
export class ManagerPages {
  readonly #options: ManagerPagesOptions;
  readonly #lag: LoopLag;
  readonly #servers: PageServer[] = [];
  #metrics: Metrics | null = null;
  #hadDefaultRoute = false;
  /** The holder that was seen last is this node. */
  #isNamed = false;

  constructor(options: ManagerPagesOptions) {
    this.#options = options;
    const { clock, config } = options;
    this.#lag = new LoopLag({ clock, stallMs: config.lease.times.renewDeadlineMs / 4 });
  }

  /** Opens what the configuration asks for. Throws ListenError. */
  async start(): Promise<void> {
    const { config, clock, build, facts } = this.#options;
    this.#lag.start();
    this.#hadDefaultRoute = this.#options.kernel.hasDefaultRoute();
    if (config.healthPort !== null) this.#servers.push(this.#serveHealth(config.healthPort));
    if (config.metrics === null) return;
    const node = { version: build.version, build: build.commit, node: config.nodeName };
    this.#metrics = await loadMetrics({ ...node, process: processFacts });
    this.#isNamed = facts.election.status().leading;
    if (config.elects) this.#metrics.leader(facts.election.leaseName, this.#isNamed);
    this.#metrics.source(() => this.#snapshot());
    this.#servers.push(serveMetrics(config.metrics, { metrics: this.#metrics, clock }));
  }

  async stop(): Promise<void> {
    this.#lag.close();
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
  }

  /** This node begins or ceases to lead. */
  leads(leading: boolean): void {
    this.#isNamed = leading;
    if (this.#options.config.elects) this.#metrics?.leader(this.#options.facts.election.leaseName, leading);
  }

  held(ip: string): void {
    this.#metrics?.held(ip);
  }

  released(ip: string): void {
    this.#metrics?.released(ip);
  }

  announced(ip: string, takeoverMs: number): void {
    this.#metrics?.announced(ip, takeoverMs);
  }

  /** The configuration and what is so now, in upstream's sections. */
  dump(): string {
    const { config, settings, clock, build, kernel, facts } = this.#options;
    const { goodMs, ...status } = facts.election.status();
    return dumpText({
      config,
      settings,
      facts: {
        timestamp: new Date(systemWallClock()).toISOString(),
        processId: Deno.pid,
        version: build.version,
        uptimeMs: clock.now() - facts.startedMs,
        apiServer: facts.apiServer,
        unfit: facts.unfit(),
        lag: this.#lag.report(),
        holds: facts.holds(),
        election: { ...status, goodAgoMs: goodMs === null ? null : clock.now() - goodMs },
        bgp: facts.bgp(),
        routing: facts.routing(),
        links: kernel.book.links(),
        addresses: kernel.book.addresses(),
        nftables: kernel.chains(),
      },
    });
  }

  #serveHealth(port: number): PageServer {
    const { config, clock, facts } = this.#options;
    const limitMs = STUCK_DEADLINES * config.lease.times.renewDeadlineMs;
    const alive = [
      eventLoopCheck(this.#lag, STUCK_LOOP_MS, "now"),
      electorCheck(() => facts.election.status(), { clock, limitMs }),
    ];
    const lately = eventLoopCheck(this.#lag, STUCK_LOOP_MS, "lately");
    const election: Check = {
      name: "election",
      verdict: () => {
        const { leader, trouble } = facts.election.status();
        return leader === null ? { is: "bad", why: trouble ?? "nobody holds, as far as is known" } : { is: "good" };
      },
    };
    const node: Check = {
      name: "node",
      verdict: () => {
        const why = facts.unfit();
        return why === null ? { is: "good" } : { is: "bad", why };
      },
    };
    const route: Check = {
      name: "default-route",
      verdict: () =>
        this.#hadDefaultRoute && !this.#options.kernel.hasDefaultRoute()
          ? { is: "bad", why: "this machine has lost its default route" }
          : { is: "good" },
    };
    return serveHealth({ port, clock, healthz: alive, readyz: [...alive, lately, election, node, route] });
  }

  #snapshot(): MetricsSnapshot {
    const { config, clock, facts } = this.#options;
    const { goodMs, leading } = facts.election.status();
    const goodAgoMs = goodMs === null ? null : clock.now() - goodMs;
    // A node that is cut off is named in the last record it saw for as long as that lasts; its time was over long before.
    if (config.elects) this.#metrics?.leader(facts.election.leaseName, this.#isNamed && leading);
    const health = facts.health();
    return {
      holds: facts.holds(),
      elections: config.elects ? [{ leaseName: facts.election.leaseName, goodAgoMs }] : [],
      lag: this.#lag.report(),
      routing: facts.routing(),
      balancers: facts.balancers(),
      healthy: health.is === "unknown" ? null : health.is === "healthy",
    };
  }
}
