/** Settings of the other modes (BGP, routing table, WireGuard): checked, so that manifests can be written; not there yet. */

import { parseIp, parseIp4 } from "../../net/ip.ts";
import { anything, bool, int, interfaceName, optional, scalar, text } from "../kinds.ts";
import type { Kind, Setting } from "../setting.ts";
import { BGP_PEER_FIELDS, type BgpPeers, bgpPeersKind, nextHop, NO_PEERS, peerPassword } from "./bgp_peers.ts";
import { group, LARGEST, managed, U32 } from "./kinds.ts";

const ipv4: Kind<string> = scalar("an IPv4 address", (given) => parseIp4(given)?.text ?? null);
const ip: Kind<string> = scalar("an IP address", (given) => parseIp(given)?.text ?? null);

const BGP_MODE = "BGP mode";

const forBgp = { is: "refines", feature: BGP_MODE } as const;

export const BGP = {
  enabled: managed({
    key: "enableBGP",
    env: ["bgp_enable"],
    flag: "bgp",
    kind: bool,
    fallback: false,
    standing: { is: "later", feature: BGP_MODE },
    help: "BGP mode: announce the addresses to routers; not there yet",
  }),
  attach: managed({
    key: "bgpAttachIPToInterface",
    env: ["bgp_attach_ip_to_interface"],
    flag: "bgpAttachIPToInterface",
    kind: bool,
    fallback: false,
    standing: forBgp,
    help: "BGP: put the addresses of Services on the interface too",
  }),
  annotations: managed({
    key: "annotations",
    env: ["annotation", "annotations"],
    flag: "annotations",
    kind: text,
    fallback: "",
    standing: forBgp,
    help: "BGP: prefix of the node's annotations that describe it",
  }),
};

const PEER = {
  address: managed({
    key: "address",
    env: ["bgp_peeraddress"],
    flag: "peerAddress",
    kind: text,
    fallback: "",
    standing: forBgp,
    help: "BGP: address of a single peer",
  }),
  as: managed({
    key: "as",
    env: ["bgp_peeras"],
    flag: "peerAS",
    kind: int(0, U32),
    fallback: 65000,
    standing: forBgp,
    help: "BGP: AS of that peer",
  }),
  password: managed({
    key: "password",
    env: ["bgp_peerpass"],
    flag: "peerPass",
    kind: peerPassword,
    fallback: "",
    secret: true,
    standing: forBgp,
    help: "BGP: TCP-MD5 password of that peer",
  }),
  multihop: managed({
    key: "multiHop",
    env: ["bgp_multihop"],
    flag: "multihop",
    kind: bool,
    fallback: false,
    standing: forBgp,
    help: "BGP: that peer is more than one hop away",
  }),
};

const ZEBRA = {
  enabled: managed({
    key: "enabled",
    env: ["zebra_enable"],
    flag: "zebra",
    kind: bool,
    fallback: false,
    standing: forBgp,
    help: "BGP: tell FRR's zebra",
  }),
  url: managed({
    key: "url",
    env: ["zebra_url"],
    flag: "zebraUrl",
    kind: text,
    fallback: "unix:/var/run/frr/zserv.api",
    standing: forBgp,
    help: "BGP: where zebra listens",
  }),
  version: managed({
    key: "version",
    env: ["zebra_version"],
    flag: "zebraVersion",
    kind: int(0, U32),
    fallback: 6,
    standing: forBgp,
    help: "BGP: version of zebra's protocol",
  }),
  software: managed({
    key: "softwareName",
    env: ["zebra_software_name"],
    flag: "zebraSoftwareName",
    kind: text,
    fallback: "frr8.3",
    standing: forBgp,
    help: "BGP: the software zebra is of",
  }),
};

const CONFIG = {
  routerId: managed({
    key: "routerID",
    env: ["bgp_routerid"],
    flag: "bgpRouterID",
    kind: ipv4,
    fallback: "",
    fallbackText: "an IPv4 address of the node",
    standing: forBgp,
    help: "BGP: identifier of this router",
  }),
  routerInterface: managed<string | null>({
    key: "routerInterface",
    env: ["bgp_routerinterface"],
    kind: optional(interfaceName),
    fallback: null,
    standing: forBgp,
    help: "BGP: interface whose address is the identifier",
  }),
  as: managed({
    key: "as",
    env: ["bgp_as"],
    flag: "localAS",
    kind: int(0, U32),
    fallback: 65000,
    standing: forBgp,
    help: "BGP: AS of this router",
  }),
  sourceInterface: managed<string | null>({
    key: "sourceIF",
    env: ["bgp_sourceif"],
    flag: "sourceIF",
    kind: optional(interfaceName),
    fallback: null,
    standing: forBgp,
    help: "BGP: interface the sessions are bound to",
  }),
  sourceIp: managed({
    key: "sourceIP",
    env: ["bgp_sourceip"],
    flag: "sourceIP",
    kind: ip,
    fallback: "",
    standing: forBgp,
    help: "BGP: address the sessions come from",
  }),
  holdTime: managed({
    key: "holdTime",
    env: ["bgp_hold_time"],
    flag: "bgpHoldTimer",
    kind: int(0, LARGEST, "a number of seconds"),
    fallback: 30,
    standing: forBgp,
    help: "BGP: a silent session ends after so many seconds",
  }),
  keepalive: managed({
    key: "keepaliveInterval",
    env: ["bgp_keepalive_interval"],
    flag: "bgpKeepAliveInterval",
    kind: int(0, LARGEST, "a number of seconds"),
    fallback: 10,
    standing: forBgp,
    help: "BGP: seconds from one keepalive to the next",
  }),
  peers: managed<BgpPeers>({
    key: "peers",
    env: ["bgp_peers"],
    flag: "bgppeers",
    repeats: true,
    kind: bgpPeersKind,
    fallback: NO_PEERS,
    envText: (peers) => peers.text,
    fields: BGP_PEER_FIELDS.map((field) => ({ ...field, standing: forBgp })),
    many: true,
    standing: forBgp,
    help: "BGP: the peers, as text with commas",
  }),
  nextHop: managed({
    key: "mpbgpNexthop",
    env: ["mpbgp_nexthop"],
    kind: nextHop,
    fallback: "",
    standing: forBgp,
    help: "BGP: where the next hop of the other address family comes from",
  }),
  nextHop4: managed({
    key: "mpbgpIPv4",
    env: ["mpbgp_ipv4"],
    kind: text,
    fallback: "",
    standing: forBgp,
    help: "BGP: IPv4 next hop, with fixed",
  }),
  nextHop6: managed({
    key: "mpbgpIPv6",
    env: ["mpbgp_ipv6"],
    kind: text,
    fallback: "",
    standing: forBgp,
    help: "BGP: IPv6 next hop, with fixed",
  }),
};

const ZEBRA_GROUP = managed<null>({
  key: "zebra",
  kind: group,
  fallback: null,
  fields: Object.values(ZEBRA),
  standing: forBgp,
  help: "BGP: connection to FRR's zebra",
});

/** The fields of `bgpConfig`, its peers and `bgpPeerConfig`. */
export const BGP_CONFIG = { ...CONFIG, peer: PEER, zebra: ZEBRA };

/** The same peers at the top of a file; read when `bgpConfig` has none. */
export const TOP_PEERS = managed<BgpPeers>({
  key: "bgpPeers",
  kind: bgpPeersKind,
  fallback: NO_PEERS,
  envText: (peers) => peers.text,
  standing: forBgp,
  help: "BGP: the peers, where bgpConfig.peers has none",
});

export const BGP_GROUPS: readonly Setting<unknown>[] = [
  managed<null>({
    key: "bgpConfig",
    kind: group,
    fallback: null,
    fields: [...Object.values(CONFIG), ZEBRA_GROUP],
    standing: forBgp,
    help: "What BGP mode needs",
  }),
  managed<null>({
    key: "bgpPeerConfig",
    kind: group,
    fallback: null,
    fields: Object.values(PEER),
    standing: forBgp,
    help: "BGP: a single peer",
  }),
  TOP_PEERS,
];

const ROUTES_MODE = "routing-table mode";
const forRoutes = { is: "refines", feature: ROUTES_MODE } as const;

export const ROUTES = {
  enabled: managed({
    key: "enableRoutingTable",
    env: ["vip_routingtable"],
    flag: "table",
    kind: bool,
    fallback: false,
    standing: { is: "later", feature: ROUTES_MODE },
    help: "Routing-table mode: put the addresses into a table of the kernel; not there yet",
  }),
  table: managed({
    key: "routingTableID",
    env: ["vip_routingtableid"],
    flag: "tableID",
    kind: int(0, U32),
    fallback: 198,
    standing: forRoutes,
    help: "Routing-table mode: number of the table",
  }),
  type: managed({
    key: "routingTableType",
    env: ["vip_routingtabletype"],
    flag: "tableType",
    kind: int(0, 255),
    fallback: 1,
    standing: forRoutes,
    help: "Routing-table mode: type of the routes, 1 unicast, 2 local",
  }),
  protocol: managed({
    key: "routingProtocol",
    env: ["vip_routingprotocol"],
    flag: "routingProtocol",
    kind: int(0, 255),
    fallback: 248,
    standing: forRoutes,
    help: "Routing-table mode: who the routes say they are from",
  }),
  clean: managed({
    key: "cleanRoutingTable",
    env: ["vip_cleanroutingtable"],
    flag: "cleanRoutingTable",
    kind: bool,
    fallback: false,
    standing: forRoutes,
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
