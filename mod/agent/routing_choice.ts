/** Which way of telling routers the configuration asks for. */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { GivenAddress, ManagerConfig } from "../config/manager/types.ts";
import type { PeersConfig } from "../config/types.ts";
import type { KubeClient } from "../kube/api.ts";
import { BgpRouting } from "./bgp_routing.ts";
import type { HostKernel } from "./host_kernel.ts";
import type { Routing } from "./routing.ts";
import { TableRouting } from "./table_routing.ts";

export interface RoutingParts {
  readonly kernel: HostKernel;
  /** Where the addresses are put. */
  readonly link: { readonly name: string };
  readonly client: KubeClient | null;
  readonly clock: Clock;
}

/** Of `manager`; null in ARP mode. Throws BgpStartError. */
export function routingOf(config: ManagerConfig, { kernel, link, client, clock }: RoutingParts): Routing | null {
  const { mode, bgp, routes, elects, nodeName } = config;
  const managed = (): ReadonlySet<string> => new Set(config.addresses.flatMap(ipOf));
  switch (mode) {
    case "arp":
      return null;
    case "bgp": {
      assert(bgp !== null, "BGP mode has its settings");
      const prefix = bgp.annotationsPrefix;
      assert(prefix === null || client !== null, "annotations are read at an API server");
      return new BgpRouting({
        settings: bgp,
        annotations: prefix === null || client === null ? null : { client, prefix },
        nodeName,
        elects,
        managed,
        poller: kernel.poller,
        book: kernel.book,
        clock,
      });
    }
    case "routes":
      assert(routes !== null, "routing-table mode has its settings");
      return new TableRouting({ routes, linkName: link.name, managed, clock });
  }
}

/** Of `start`; null without BGP. Throws BgpStartError. */
export function peersRoutingOf(
  { bgp, localPeer, vips }: PeersConfig,
  { kernel, clock }: Pick<RoutingParts, "kernel" | "clock">,
): Routing | null {
  if (bgp === null) return null;
  return new BgpRouting({
    settings: bgp,
    annotations: null,
    nodeName: localPeer.id,
    elects: true,
    managed: () => new Set(vips.map(({ ip }) => ip)),
    poller: kernel.poller,
    book: kernel.book,
    clock,
  });
}

/** Addresses behind names are not known before they are looked up. */
function ipOf(address: GivenAddress): string[] {
  return address.is === "ip" ? [address.ip] : [];
}
