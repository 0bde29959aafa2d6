/** BGP as the way in which routers hear of this node's addresses: the speaker, its sockets, and the Node's annotations that may describe it. */
import type { Clock } from "../base/clock.ts";
import { PathMonitor } from "../bfd/monitor.ts";
import { UdpBfdNetwork } from "../bfd/network.ts";
import { LinkDiscovery } from "../bgp/link_peers.ts";
import { KernelLinkPort } from "../bgp/link_port.ts";
import type { HostAddress } from "../bgp/next_hop.ts";
import { BgpSpeaker } from "../bgp/speaker.ts";
import { TcpTransport } from "../bgp/tcp_transport.ts";
import type { BgpConfig } from "../bgp/types.ts";
import type { BgpSettings } from "../config/bgp/types.ts";
import { readNodeAnnotations, withAnnotations } from "../config/manager/node_annotations.ts";
import type { KubeClient } from "../kube/api.ts";
import { type Annotations, NodeAnnotationsWatch } from "../kube/node_annotations.ts";
import type { Poller } from "../linux/poller.ts";
import { systemLookup } from "../names/lookup.ts";
import type { DumpBgp } from "../observe/dump_types.ts";
import { getLog } from "../observe/log.ts";
import type { RoutingStatus } from "../observe/status_types.ts";
import { isOurs } from "../vip/address.ts";
import type { AddressBook, KernelEvent } from "../vip/kernel.ts";
import { AnnouncedHolds } from "./announced_holds.ts";
import { resolveBgp } from "./bgp_config.ts";
import type { Routing } from "./routing.ts";

const log = getLog("bgp");

/** BGP cannot begin with these settings on this machine. */
export class BgpStartError extends Error {
  override readonly name = "BgpStartError";
}

export interface BgpRoutingOptions {
  readonly settings: BgpSettings;
  /** Follow the Node's annotations, which say who the peers are; null: the settings do. */
  readonly annotations: { readonly client: KubeClient; readonly prefix: string } | null;
  readonly nodeName: string;
  /** Only one node holds the addresses at a time, and announces what it holds. */
  readonly elects: boolean;
  /** Addresses that wander, as far as they are known. */
  readonly managed: () => ReadonlySet<string>;
  readonly poller: Poller;
  readonly book: Pick<AddressBook, "links" | "addresses">;
  readonly clock: Clock;
}

/** See the head of this file. Throws BgpStartError. */
export class BgpRouting implements Routing {
  readonly holds: AnnouncedHolds;
  readonly #options: BgpRoutingOptions;
  readonly #transport: TcpTransport;
  readonly #discovery: LinkDiscovery;
  readonly #speaker: BgpSpeaker;
  #settings: BgpSettings;
  #config: BgpConfig;
  #annotations: NodeAnnotationsWatch | null = null;
  #said = "";

  constructor(options: BgpRoutingOptions) {
    const { settings, annotations, elects, poller, clock } = options;
    this.#options = options;
    this.#settings = annotations === null ? settings : { ...settings, peers: [] };
    this.#config = this.#resolve(this.#settings);
    this.#transport = new TcpTransport({ poller, clock });
    this.#discovery = new LinkDiscovery({ clock, open: (events) => new KernelLinkPort(poller, events) });
    // Where the machine has booted meanwhile, nothing has answered for what routers have kept.
    const addressesKept = options.book.addresses().some(isOurs);
    const shared = { clock, random: Math.random };
    const onError = (error: unknown): void => log.error("a socket of BFD failed", { cause: String(error) });
    this.#speaker = new BgpSpeaker({
      ...shared,
      config: this.#config,
      addressesKept,
      transport: this.#transport,
      bfdMonitor: () =>
        new PathMonitor({ ...shared, network: new UdpBfdNetwork({ poller, random: Math.random, onError }) }),
      addresses: () => this.#addresses(),
      lookup: systemLookup,
      linkPeers: this.#discovery,
    });
    // Where every node serves, routers hear of nothing before this node is known to be well.
    this.holds = new AnnouncedHolds(
      this.#speaker,
      elects ? { standing: "serving", isHealthy: true } : { standing: "withdrawn", isHealthy: false },
    );
  }

  async start(): Promise<void> {
    const { annotations, nodeName: node } = this.#options;
    this.#discover();
    await this.#speaker.start();
    if (annotations === null) return;
    const { client, prefix } = annotations;
    this.#annotations = new NodeAnnotationsWatch({
      client,
      node,
      prefix,
      onChange: (found) => this.#annotated(found, prefix),
    });
    this.#annotations.start();
  }

  decided(): void {
    this.#speaker.ready();
  }

  kernelEvent(event: KernelEvent): void {
    if (event.type !== "link-changed") this.#speaker.addressesChanged();
  }

  status(): RoutingStatus {
    return { bgp: this.#speaker.reports(), routes: [] };
  }

  bgp(): DumpBgp | null {
    const { as, routerId, peers } = this.#config;
    if (peers.length === 0) return null;
    const { sourceIp, sourceInterface, defaults } = this.#settings;
    return {
      as,
      routerId,
      sourceIp,
      sourceInterface,
      holdTimeMs: defaults.holdTimeMs,
      keepaliveMs: defaults.keepaliveMs,
      peers: peers.map((peer) => ({ name: peer.name, as: peer.as, multihop: peer.multihopTtl !== null })),
      announced: this.holds.announced(),
    };
  }

  async close(): Promise<void> {
    this.#annotations?.close();
    await this.#speaker.close();
    this.#discovery.stop();
    await this.#transport.close();
  }

  #resolve(settings: BgpSettings): BgpConfig {
    const { managed, nodeName } = this.#options;
    const resolved = resolveBgp(settings, { addresses: this.#addresses(), managed: managed(), nodeName });
    if (resolved.outcome === "unfit") throw new BgpStartError(resolved.why);
    return resolved.config;
  }

  /** Unnumbered peers are found on their links. */
  #discover(): void {
    this.#discovery.setInterfaces(
      this.#config.peers.flatMap(({ address }) => address.is === "unnumbered" ? [address.interface] : []),
    );
  }

  /** Annotations that cannot be used change nothing: what was there before goes on. */
  #annotated(annotations: Annotations | null, prefix: string): void {
    const found = readNodeAnnotations(annotations ?? {}, prefix);
    if (found.outcome === "incomplete") {
      const missing = found.missing.join(", ");
      return this.#say(annotations === null ? "there is no Node of this name" : `missing: ${missing}`);
    }
    if (found.outcome === "invalid") return this.#say(found.problems.join("; "));
    const made = withAnnotations(this.#options.settings, found);
    if (made.outcome === "unusable") return this.#say(made.problems.join("; "));
    try {
      this.#config = this.#resolve(made.settings);
    } catch (error) {
      if (!(error instanceof BgpStartError)) throw error;
      return this.#say(error.message);
    }
    this.#settings = made.settings;
    this.#said = "";
    log.info("the annotations of the Node name the peers", { as: this.#config.as, peers: this.#config.peers.length });
    this.#discover();
    this.#speaker.reconfigure(this.#config);
  }

  #say(why: string): void {
    if (why === this.#said) return;
    this.#said = why;
    log.warning("the annotations of the Node cannot be used; waiting for others", {
      node: this.#options.nodeName,
      why,
    });
  }

  #addresses(): HostAddress[] {
    const { book } = this.#options;
    const names = new Map(book.links().map((link) => [link.index, link.name]));
    // Neither an identifier nor a next hop is one that wanders, also one that an earlier run has left.
    return book.addresses().filter((one) => !isOurs(one)).map(({ ip, prefixLength, linkIndex }) => ({
      ip,
      prefixLength,
      linkName: names.get(linkIndex) ?? "",
      isLinkLocal: ip.startsWith("fe80:"),
    }));
  }
}
