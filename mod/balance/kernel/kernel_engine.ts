/** What all kernel balancers of this process share, opened when the first one needs it. One a process; the agent closes it. */
import type { Clock } from "../../base/clock.ts";
import type { TcpBalancerConfig, UdpBalancerConfig } from "../../config/types.ts";
import { SysError } from "../../linux/errno.ts";
import { forwardedFamilies, type Ground, remoteFamilies, whyListen } from "./choice.ts";
import { Connections, type ConnectionTools } from "./connections.ts";
import { Forwarding, type Sysctls } from "./forwarding.ts";
import { elementsFor } from "./slots.ts";
import { type BalanceTables, KernelTable, type KernelTableOptions } from "./kernel_table.ts";

/** Whether the kernel takes up connections in their middle; there once it tracks connections. */
const TAKES_UP = ["netfilter", "nf_conntrack_tcp_loose"];

/** This machine, as the engine needs it. */
export interface KernelEngineOptions {
  readonly clock: Clock;
  /** Every virtual address of the configuration. */
  readonly vips: readonly string[];
  /** Opens a socket of nftables, which the engine closes. Throws SysError. */
  readonly openTables: () => BalanceTables;
  /** Opens what connections are looked at with, which the engine closes. Throws SysError. */
  readonly openTools: () => ConnectionTools;
  readonly sysctls: Sysctls;
  readonly linkNames: () => readonly string[];
  /** Canonical text of every address of this machine. */
  readonly localAddresses: () => readonly string[];
  /** See {@link KernelTableOptions}. */
  readonly own?: NonNullable<KernelTableOptions["own"]>;
}

/** What a balancer that runs in the kernel shares with the others. */
export interface KernelParts {
  readonly table: KernelTable;
  readonly connections: Connections;
}

/** Whether the engine takes a balancer. */
export type KernelOffer =
  | { readonly outcome: "takes"; readonly parts: KernelParts }
  | { readonly outcome: "declines"; readonly why: string };

/** See the head of this file. */
export class KernelEngine {
  readonly #options: KernelEngineOptions;
  readonly #forwarding: Forwarding;
  #parts: KernelParts | null = null;

  constructor(options: KernelEngineOptions) {
    this.#options = options;
    this.#forwarding = new Forwarding(options.sysctls, options.linkNames);
  }

  /**
   * Looks whether the kernel can carry this balancer. `named`: it must, so what it needs of the kernel's settings is set; else it is
   * only to be taken if nothing changes for its users.
   */
  offer(config: TcpBalancerConfig | UdpBalancerConfig, named: boolean): KernelOffer {
    const local = new Set(this.#options.localAddresses());
    const ground: Ground = {
      vips: this.#options.vips,
      isLocal: (ip) => local.has(ip),
      forwards: (family) => this.#forwarding.isOn(family),
    };
    const why = (named ? null : whyListen(config, ground)) ?? this.#lack(config) ??
      (named ? this.#forward(config, ground) : null);
    if (why !== null || this.#parts === null) return { outcome: "declines", why: why ?? "no parts" };
    return { outcome: "takes", parts: this.#parts };
  }

  /** The hold on the address ends, its balancers have been told: so do connections of those that are gone. Synchronous. */
  released(ip: string): void {
    this.#parts?.connections.released(ip);
  }

  /**
   * Balancers reach these addresses through the kernel from now on, see {@link Balancer.reaches}, and no others: what of the kernel's settings
   * was changed for others is put back, and where there are none at all the table goes, too.
   */
  keepFor(addresses: readonly string[]): void {
    const reached = [...addresses, ...this.#parts?.connections.leftBehind() ?? []];
    if (reached.length === 0) return this.rest();
    const local = new Set(this.#options.localAddresses());
    this.#forwarding.keepOnly(remoteFamilies(reached, (ip) => local.has(ip)));
  }

  /** Removes the table and puts the kernel's settings back until the next balancer, which is taken at once: everything stays open. */
  rest(): void {
    this.#parts?.table.clear();
    this.#forwarding.restore();
  }

  /** Removes the table, ends what is left, puts the kernel's settings back. Idempotent. */
  async close(): Promise<void> {
    this.#parts?.table.close();
    await this.#parts?.connections.close();
    this.#parts = null;
    this.#forwarding.restore();
  }

  #lack(config: TcpBalancerConfig | UdpBalancerConfig): string | null {
    try {
      this.#parts ??= this.#open();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return error.message;
    }
    const { table } = this.#parts;
    const probe = table.probe();
    if (probe.outcome === "lacking") return probe.why;
    const needed = elementsFor(config.backends, config.affinity);
    return table.hasRoomFor(needed, { protocol: config.type, port: config.port })
      ? null
      : "the load balancers have too many backends, or too fine weights, for the kernel's table";
  }

  #open(): KernelParts {
    const { clock, openTables, openTools, own } = this.#options;
    const connections = new Connections(openTools());
    const takesUp = (): boolean => this.#options.sysctls.read(TAKES_UP) !== "0";
    const options = { open: openTables, clock, takesUp, ...(own === undefined ? {} : { own }) };
    return { table: new KernelTable(options), connections };
  }

  #forward(config: TcpBalancerConfig | UdpBalancerConfig, { isLocal }: Ground): string | null {
    for (const family of forwardedFamilies(config, isLocal)) {
      const why = this.#forwarding.turnOn(family);
      if (why !== null) return why;
    }
    return null;
  }
}
