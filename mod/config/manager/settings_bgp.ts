/** Settings of the other modes (BGP, routing table, WireGuard) that only `manager` has. */

import { BGP_ENABLED, BGP_FIELDS, BGP_PEER_GROUP } from "../bgp/settings.ts";
import { type BgpPeers, bgpPeersKind, NO_PEERS } from "../bgp/peer_string.ts";
import { anything, bool, int, text, U32 } from "../kinds.ts";
import type { Setting } from "../setting.ts";
import { group, managed } from "./kinds.ts";

export const BGP = {
  enabled: BGP_ENABLED,
  attach: managed({
    key: "bgpAttachIPToInterface",
    env: ["bgp_attach_ip_to_interface"],
    flag: "bgpAttachIPToInterface",
    kind: bool,
    fallback: false,
    standing: { is: "refines", feature: "Services of type LoadBalancer" },
    help: "BGP: put the addresses of Services on the interface too",
  }),
  annotations: managed({
    key: "annotations",
    env: ["annotation", "annotations"],
    flag: "annotations",
    kind: text,
    fallback: "",
    help: "BGP: prefix of the own Node's annotations, which then say AS, address and peers",
  }),
};

/** The same peers at the top of a file; read when `bgpConfig` has none. */
export const TOP_PEERS = managed<BgpPeers>({
  key: "bgpPeers",
  kind: bgpPeersKind,
  fallback: NO_PEERS,
  envText: (peers) => peers.text,
  help: "BGP: the peers, where bgpConfig.peers has none",
});

export const BGP_GROUPS: readonly Setting<unknown>[] = [
  managed<null>({
    key: "bgpConfig",
    kind: group,
    fallback: null,
    fields: BGP_FIELDS,
    help: "What BGP mode needs",
  }),
  BGP_PEER_GROUP,
  TOP_PEERS,
];

export const ROUTES = {
  enabled: managed({
    key: "enableRoutingTable",
    env: ["vip_routingtable"],
    flag: "table",
    kind: bool,
    fallback: false,
    help: "Routing-table mode: put the addresses into a table of the kernel, for a routing daemon to redistribute",
  }),
  table: managed({
    key: "routingTableID",
    env: ["vip_routingtableid"],
    flag: "tableID",
    kind: int(0, U32),
    fallback: 198,
    help: "Routing-table mode: number of the table",
  }),
  type: managed({
    key: "routingTableType",
    env: ["vip_routingtabletype"],
    flag: "tableType",
    kind: int(0, 255),
    fallback: 1,
    help: "Routing-table mode: type of the routes, 1 unicast, 2 local",
  }),
  protocol: managed({
    key: "routingProtocol",
    env: ["vip_routingprotocol"],
    flag: "routingProtocol",
    kind: int(0, 255),
    fallback: 248,
    help: "Routing-table mode: who the routes say they are from",
  }),
  clean: managed({
    key: "cleanRoutingTable",
    env: ["vip_cleanroutingtable"],
    flag: "cleanRoutingTable",
    kind: bool,
    fallback: false,
    help: "Routing-table mode: remove routes of an earlier run",
  }),
};

export const WIREGUARD = {
  enabled: managed({
    key: "enableWireguard",
    env: ["vip_wireguard"],
    flag: "wireguard",
    kind: bool,
    fallback: false,
    standing: { is: "later", feature: "WireGuard mode" },
    help: "WireGuard mode: reach the addresses through a tunnel; not there yet",
  }),
};

/** `loadBalancers` of a file, which upstream reads and never looks at. */
export const LOAD_BALANCERS = managed<null>({
  key: "loadBalancers",
  kind: { ...anything, accepts: "a list" },
  fallback: null,
  standing: { is: "unused", why: "balancing has its own settings, see lb_enable", harmless: [] },
  help: "No effect: balancing has its own settings, see lb_enable",
});
