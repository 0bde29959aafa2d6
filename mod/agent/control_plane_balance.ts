/**
 * `lb_enable`: connections to the control plane's addresses are spread over the API servers of all its Nodes by the kernel (engine
 * `kernel`), for as long as an address is held here. In ARP mode and with an election that is one node; in BGP mode without one, every node.
 *
 *     Nodes that are ready ─▶ backends ◀─ /readyz of each
 *                                │
 *     held, released ──▶ KernelBalancer ──▶ the table kube-vip-balance
 *
 * The rules are for connections to a held address and come before whoever listens: the API server of this node listens on the same port
 * on every address. What no usable server is found for goes to that one as if there were no balancing: at first, until a server has been
 * seen to be well, when all are gone, and when the kernel cannot balance. On another port than the API servers' there is nobody then, and clients
 * are refused.
 */
import { KernelBalancer } from "../balance/kernel/kernel_balancer.ts";
import type { KernelEngine } from "../balance/kernel/kernel_engine.ts";
import type { BalancerStatus } from "../balance/balancer.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { BalancingSettings } from "../config/manager/types.ts";
import type { TcpBackend, TcpBalancerConfig } from "../config/types.ts";
import type { KubeClient } from "../kube/api.ts";
import { type ControlPlaneNode, ControlPlaneNodes } from "../kube/control_plane_nodes.ts";
import { getLog, type Log } from "../observe/log.ts";
import { ControlPlaneChecks } from "./control_plane_checks.ts";

/** Name in status, log and metrics. */
const NAME = "control-plane";
/** A kernel that does not balance is asked again after this time, while an address is held. */
const AGAIN_MS = 10_000;
/** An API server that says nothing for so long has failed a check. */
const CHECK_LIMIT_MS = 1000;
/** A dead server is to be out after the time of the settings, and it takes so many checks to say that it is. */
const CHECKS_IN_TIME = 2;

export interface ControlPlaneBalanceOptions {
  readonly settings: BalancingSettings;
  /** Forked for what is asked here. */
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Closed by this. */
  readonly engine: Pick<KernelEngine, "offer" | "rest" | "close">;
  /** Path of the object that is read through each server, see {@link ControlPlaneChecks}. */
  readonly objectPath: string;
  /** Every address of the control plane: a Node that names one as its own would lead a connection back here. */
  readonly managed: () => ReadonlySet<string>;
}

/** See the head of this file. */
export class ControlPlaneBalance {
  readonly #options: ControlPlaneBalanceOptions;
  readonly #log: Log = getLog("balance");
  readonly #client: KubeClient;
  readonly #nodes: ControlPlaneNodes;
  readonly #held = new Set<string>();
  #ready: readonly ControlPlaneNode[] = [];
  #balancer: KernelBalancer | null = null;
  /** What was held before is being taken back. */
  #ending: Promise<void> | null = null;
  #again: Timer | null = null;
  #complaint = "";
  /** Families of held addresses for which no Node has an address. */
  #lacking = "";
  #isStopped = false;

  constructor(options: ControlPlaneBalanceOptions) {
    this.#options = options;
    this.#client = options.client.fork();
    this.#nodes = new ControlPlaneNodes({
      client: this.#client,
      onChange: (ready) => {
        this.#ready = ready;
        this.#refresh();
      },
    });
  }

  /** Begins to follow the Nodes, so that they are known when an address is held, and says if the kernel cannot balance. */
  start(): void {
    const offer = this.#options.engine.offer(this.#configOf([]), true);
    if (offer.outcome === "declines") this.#complain(offer.why);
    this.#nodes.start();
  }

  /** The address is held here now. */
  held(ip: string): void {
    if (this.#isStopped) return;
    this.#held.add(ip);
    if (this.#balancer === null) return this.#begin();
    this.#balancer.bind(ip);
    this.#refresh();
  }

  /** The hold ends: its connections are reset before this returns, where there are not very many. */
  released(ip: string): void {
    if (!this.#held.delete(ip)) return;
    this.#balancer?.release(ip);
    if (this.#held.size === 0) this.#end();
    else this.#refresh();
  }

  /** Empty while no address is held here. */
  status(): BalancerStatus[] {
    return this.#balancer === null ? [] : [this.#balancer.status()];
  }

  /** Leaves nothing behind in the kernel. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#nodes.close();
    for (const ip of [...this.#held]) this.released(ip);
    await this.#ending;
    this.#client.close();
    await this.#options.engine.close();
  }

  #begin(): void {
    if (this.#isStopped || this.#ending !== null || this.#balancer !== null || this.#held.size === 0) return;
    const offer = this.#options.engine.offer(this.#configOf([]), true);
    if (offer.outcome === "declines") return this.#refused(offer.why);
    const { clock, objectPath } = this.#options;
    const balancer = new KernelBalancer(this.#configOf([]), {
      clock,
      random: () => 0,
      resetter: { reset: () => 0, resetOne: () => {} },
      ...offer.parts,
      checks: (onResult) => new ControlPlaneChecks({ client: this.#client, clock, objectPath, onResult }),
    });
    this.#balancer = balancer;
    balancer.start().catch((error: unknown) => this.#log.error("Cannot balance", { reason: String(error) }));
    for (const ip of this.#held) balancer.bind(ip);
    this.#refresh();
  }

  /** The servers as they are now; without forwarding only this node's own can be reached, as it is without balancing. */
  #refresh(): void {
    if (this.#balancer === null) return;
    const config = this.#configOf(this.#backends());
    const offer = this.#options.engine.offer(config, true);
    if (offer.outcome === "declines") this.#refused(offer.why);
    else this.#complain("");
    this.#balancer.update(offer.outcome === "declines" ? this.#configOf([]) : config);
    if (this.#ready.length > 0) this.#tellLacking(config.backends);
  }

  /** The kernel does not translate between families: such an address leads to this node's own server. */
  #tellLacking(backends: readonly TcpBackend[]): void {
    const served = new Set(backends.map(({ address }) => isIp6(address)));
    const lacking = [...new Set([...this.#held].map(isIp6))].filter((family) => !served.has(family));
    const families = lacking.map((isSix) => isSix ? "IPv6" : "IPv4").sort().join(", ");
    if (families === this.#lacking) return;
    this.#lacking = families;
    const what =
      "No Node of the control plane has an address of the family: connections go to the API server of this node";
    if (families !== "") this.#log.warning(what, { families });
  }

  #refused(why: string): void {
    this.#complain(why);
    this.#again?.cancel();
    this.#again = this.#options.clock.after(AGAIN_MS, () => {
      this.#again = null;
      if (this.#balancer === null) this.#begin();
      else this.#refresh();
    });
  }

  #complain(why: string): void {
    if (why === this.#complaint) return;
    this.#complaint = why;
    if (why === "") this.#log.info("The kernel balances the control plane again");
    else this.#log.error("The kernel cannot balance: connections go to the API server of this node", { reason: why });
  }

  #end(): void {
    this.#again?.cancel();
    this.#again = null;
    const balancer = this.#balancer;
    if (balancer === null) return;
    this.#balancer = null;
    this.#ending = this.#takeBack(balancer).finally(() => {
      this.#ending = null;
      this.#begin();
    });
  }

  /** The next holder's business from now on: no table stays, and no setting of the kernel. */
  async #takeBack(balancer: KernelBalancer): Promise<void> {
    try {
      await balancer.stop();
      this.#options.engine.rest();
    } catch (error) {
      this.#log.error("Balancing did not end in order", { reason: String(error) });
    }
  }

  /** Those of the families that are held: the kernel does not translate between them. */
  #backends(): TcpBackend[] {
    const families = new Set([...this.#held].map(isIp6));
    const managed = this.#options.managed();
    const { backendPort } = this.#options.settings;
    const addresses = this.#ready.flatMap((node) => node.addresses)
      .filter((address) => families.has(isIp6(address)) && !managed.has(address));
    return [...new Set(addresses)].map((address) => ({ address, port: backendPort, weight: 1 }));
  }

  #configOf(backends: readonly TcpBackend[]): TcpBalancerConfig {
    const { port, checkMs } = this.#options.settings;
    const check = { type: "http", path: "/readyz", expectMin: 200, expectMax: 499 } as const;
    return {
      name: NAME,
      type: "tcp",
      port,
      bindToVip: true,
      engine: "kernel",
      policy: "round-robin",
      backends,
      // The checks themselves say only what is to be believed.
      health: { ...check, intervalMs: checkMs / CHECKS_IN_TIME, timeoutMs: CHECK_LIMIT_MS, rise: 1, fall: 1 },
      drainMs: 0,
      ...OF_OTHER_ENGINES,
    };
  }
}

/** What the kernel has nothing like, and what is off. */
const OF_OTHER_ENGINES = {
  connectTimeoutMs: 0,
  idleTimeoutMs: 0,
  maxConnections: 0,
  ejection: null,
  threads: 1,
  tls: null,
  acceptProxyProtocol: false,
  sendProxyProtocol: null,
  affinity: "none",
  preserveClientAddress: false,
  listenOnly: [],
} as const;

function isIp6(address: string): boolean {
  return address.includes(":");
}
