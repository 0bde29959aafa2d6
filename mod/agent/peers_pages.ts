/** What a machine of peers mode shows to Prometheus. */
import type { Clock } from "../base/clock.ts";
import type { ListenAddress } from "../config/manager/types.ts";
import { LoopLag } from "../observe/lag.ts";
import { loadMetrics } from "../observe/load_metrics.ts";
import type { Metrics } from "../observe/metrics.ts";
import { serveMetrics } from "../observe/metrics_server.ts";
import type { PageServer } from "../observe/page_server.ts";
import { processFacts } from "../observe/process_facts.ts";
import type { BalancerReport, RoutingStatus } from "../observe/status_types.ts";
import type { HoldStatus } from "../vip/types.ts";

/** What is looked up when somebody asks. */
export interface PeersFacts {
  readonly holds: () => readonly HoldStatus[];
  readonly balancers: () => readonly BalancerReport[];
  readonly routing: () => RoutingStatus;
}

export interface PeersPagesOptions {
  /** null: nothing is served, and nothing costs anything. */
  readonly listen: ListenAddress | null;
  readonly clock: Clock;
  readonly build: { readonly version: string; readonly commit: string };
  /** The local peer's id. */
  readonly node: string;
  /** A loop that stood still for so long was too slow for the election. */
  readonly stallMs: number;
  readonly facts: PeersFacts;
}

/** Serves the metrics; started and stopped by its agent. */
export class PeersPages {
  readonly #options: PeersPagesOptions;
  readonly #lag: LoopLag;
  #metrics: Metrics | null = null;
  #server: PageServer | null = null;

  constructor(options: PeersPagesOptions) {
    this.#options = options;
    this.#lag = new LoopLag({ clock: options.clock, stallMs: options.stallMs });
  }

  /** Opens what the configuration asks for. Throws ListenError. */
  async start(): Promise<void> {
    const { listen, clock, build, node, facts } = this.#options;
    if (listen === null) return;
    this.#lag.start();
    this.#metrics = await loadMetrics({ version: build.version, build: build.commit, node, process: processFacts });
    this.#metrics.source(() => ({
      holds: facts.holds(),
      elections: [],
      lag: this.#lag.report(),
      routing: facts.routing(),
      balancers: facts.balancers(),
      healthy: null,
    }));
    this.#server = serveMetrics(listen, { metrics: this.#metrics, clock });
  }

  async stop(): Promise<void> {
    this.#lag.close();
    await this.#server?.close();
    this.#server = null;
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
}
