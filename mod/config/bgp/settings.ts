/** Settings of BGP that `start` and `manager` have alike. */

import { group, LARGEST } from "../manager/kinds.ts";
import { absolutePath, bool, int, interfaceName, optional, text, U32 } from "../kinds.ts";
import { type Setting, setting, type SettingDraft } from "../setting.ts";
import {
  communities,
  type GivenCommunity,
  type GivenLargeCommunity,
  ip,
  largeCommunities,
  peerPassword,
  routerId,
} from "./kinds.ts";
import { BGP_PEER_FIELDS, type BgpPeers, bgpPeersKind, MOST_PREPENDS, nextHop, NO_PEERS } from "./peer_string.ts";

/** RFC 4724 §3: twelve bits. */
const LONGEST_RESTART_S = 4095;
/** How long peers keep the routes where nothing else is said and nobody else may announce them. */
export const RESTART_S = 60;

/** A setting of all commands: of two names the first counts, as upstream reads them. */
function shared<T>(draft: SettingDraft<T>): Setting<T> {
  return setting({ commands: ["start", "manager", "service"], rivals: "first", ...draft });
}

export const BGP_ENABLED = shared({
  key: "enableBGP",
  env: ["bgp_enable"],
  flag: "bgp",
  kind: bool,
  fallback: false,
  help: "BGP mode: announce the addresses to routers",
});

const PEER = {
  address: shared({
    key: "address",
    env: ["bgp_peeraddress"],
    flag: "peerAddress",
    kind: text,
    fallback: "",
    help: "BGP: address of a single peer",
  }),
  as: shared({
    key: "as",
    env: ["bgp_peeras"],
    flag: "peerAS",
    kind: int(0, U32),
    fallback: 65000,
    help: "BGP: AS of that peer",
  }),
  password: shared({
    key: "password",
    env: ["bgp_peerpass"],
    flag: "peerPass",
    kind: peerPassword,
    fallback: "",
    secret: true,
    help: "BGP: TCP-MD5 password of that peer",
  }),
  multihop: shared({
    key: "multiHop",
    env: ["bgp_multihop"],
    flag: "multihop",
    kind: bool,
    fallback: false,
    help: "BGP: that peer is more than one hop away",
  }),
};

const ZEBRA = {
  enabled: shared({
    key: "enabled",
    env: ["zebra_enable"],
    flag: "zebra",
    kind: bool,
    fallback: false,
    help: "Refused: routing-table mode with FRR's redistribute table does the same",
  }),
  url: shared({
    key: "url",
    env: ["zebra_url"],
    flag: "zebraUrl",
    kind: text,
    fallback: "unix:/var/run/frr/zserv.api",
    help: "BGP: where zebra listens",
  }),
  version: shared({
    key: "version",
    env: ["zebra_version"],
    flag: "zebraVersion",
    kind: int(0, U32),
    fallback: 6,
    help: "BGP: version of zebra's protocol",
  }),
  software: shared({
    key: "softwareName",
    env: ["zebra_software_name"],
    flag: "zebraSoftwareName",
    kind: text,
    fallback: "frr8.3",
    help: "BGP: the software zebra is of",
  }),
};

const CONFIG = {
  routerId: shared({
    key: "routerID",
    env: ["bgp_routerid"],
    flag: "bgpRouterID",
    kind: routerId,
    fallback: "",
    fallbackText: "an IPv4 address of the node",
    help: "BGP: identifier of this router",
  }),
  routerInterface: shared<string | null>({
    key: "routerInterface",
    env: ["bgp_routerinterface"],
    kind: optional(interfaceName),
    fallback: null,
    help: "BGP: interface whose address is the identifier",
  }),
  as: shared({
    key: "as",
    env: ["bgp_as"],
    flag: "localAS",
    kind: int(0, U32),
    fallback: 65000,
    help: "BGP: AS of this router",
  }),
  sourceInterface: shared<string | null>({
    key: "sourceIF",
    aliases: ["sourceInterface"],
    env: ["bgp_sourceif"],
    flag: "sourceIF",
    kind: optional(interfaceName),
    fallback: null,
    help: "BGP: interface the sessions are bound to",
  }),
  sourceIp: shared({
    key: "sourceIP",
    env: ["bgp_sourceip"],
    flag: "sourceIP",
    kind: ip,
    fallback: "",
    help: "BGP: address the sessions come from",
  }),
  holdTime: shared({
    key: "holdTime",
    env: ["bgp_hold_time"],
    flag: "bgpHoldTimer",
    kind: int(0, LARGEST, "a number of seconds"),
    fallback: 30,
    help: "BGP: a silent session ends after so many seconds, 3 to 65535; 0 for 90",
  }),
  keepalive: shared({
    key: "keepaliveInterval",
    aliases: ["keepalive"],
    env: ["bgp_keepalive_interval"],
    flag: "bgpKeepAliveInterval",
    kind: int(0, LARGEST, "a number of seconds"),
    fallback: 10,
    help: "BGP: seconds from one keepalive to the next; 0 for a third of the hold time",
  }),
  peers: shared<BgpPeers>({
    key: "peers",
    env: ["bgp_peers"],
    flag: "bgppeers",
    repeats: true,
    kind: bgpPeersKind,
    fallback: NO_PEERS,
    envText: (peers) => peers.text,
    fields: BGP_PEER_FIELDS,
    many: true,
    help: "BGP: the peers, as text with commas",
  }),
  nextHop: shared({
    key: "mpbgpNexthop",
    env: ["mpbgp_nexthop"],
    kind: nextHop,
    fallback: "",
    help: "BGP: where the next hop of the other address family comes from",
  }),
  nextHop4: shared({
    key: "mpbgpIPv4",
    env: ["mpbgp_ipv4"],
    kind: text,
    fallback: "",
    help: "BGP: IPv4 next hop, with fixed",
  }),
  nextHop6: shared({
    key: "mpbgpIPv6",
    env: ["mpbgp_ipv6"],
    kind: text,
    fallback: "",
    help: "BGP: IPv6 next hop, with fixed",
  }),
};

const seconds = "a number of seconds";

const OWN = {
  listenPort: shared({
    key: "listenPort",
    env: ["bgp_listen_port"],
    flag: "bgpListenPort",
    kind: int(0, 65535, "a port"),
    fallback: 0,
    help: "BGP: port that takes connections of the peers, 0 for none",
  }),
  gracefulRestart: shared<number | null>({
    key: "gracefulRestart",
    env: ["bgp_graceful_restart"],
    flag: "bgpGracefulRestart",
    kind: optional(int(0, LONGEST_RESTART_S, seconds)),
    fallback: null,
    fallbackText: `${RESTART_S}, and off with an election`,
    help: "BGP: peers keep the routes for so many seconds while this program restarts, 0 off; always off with an " +
      "election, whose next holder must not compete with a stale route",
  }),
  communities: shared<readonly GivenCommunity[]>({
    key: "communities",
    env: ["bgp_communities"],
    flag: "bgpCommunities",
    kind: communities,
    fallback: [],
    help: "BGP: communities of the routes",
  }),
  largeCommunities: shared<readonly GivenLargeCommunity[]>({
    key: "largeCommunities",
    env: ["bgp_large_communities"],
    flag: "bgpLargeCommunities",
    kind: largeCommunities,
    fallback: [],
    help: "BGP: large communities of the routes",
  }),
  localPref: shared<number | null>({
    key: "localPref",
    env: ["bgp_local_pref"],
    flag: "bgpLocalPref",
    kind: optional(int(0, U32)),
    fallback: null,
    fallbackText: "100",
    help: "BGP: local preference of the routes to internal peers",
  }),
  med: shared<number | null>({
    key: "med",
    env: ["bgp_med"],
    flag: "bgpMed",
    kind: optional(int(0, U32)),
    fallback: null,
    help: "BGP: MED of the routes",
  }),
  prepend: shared({
    key: "prepend",
    env: ["bgp_as_prepend"],
    flag: "bgpASPrepend",
    kind: int(0, MOST_PREPENDS),
    fallback: 0,
    help: "BGP: the own AS so many times more in the path of the routes",
  }),
  ttlSecurity: shared({
    key: "ttlSecurity",
    env: ["bgp_ttl_security"],
    flag: "bgpTTLSecurity",
    kind: int(0, 254, "a number of hops"),
    fallback: 0,
    help: "BGP: take only packets from at most so many hops away (RFC 5082), 0 off; not with multihop",
  }),
  passive: shared({
    key: "passive",
    env: ["bgp_passive"],
    flag: "bgpPassive",
    kind: bool,
    fallback: false,
    help: "BGP: wait for the peers to connect; needs bgp_listen_port",
  }),
  passwordFile: shared({
    key: "passwordFile",
    env: ["bgp_peerpass_file"],
    flag: "bgpPeerPassFile",
    kind: absolutePath,
    fallback: "",
    help: "BGP: file that holds the TCP-MD5 password of all peers without their own",
  }),
};

const ZEBRA_GROUP = shared<null>({
  key: "zebra",
  kind: group,
  fallback: null,
  fields: Object.values(ZEBRA),
  help: "BGP: connection to FRR's zebra",
});

/** The fields of `bgpConfig`, its peers and `bgpPeerConfig`. */
export const BGP_CONFIG = { ...CONFIG, ...OWN, peer: PEER, zebra: ZEBRA };

/** The fields of the group itself. */
export const BGP_FIELDS: readonly Setting<unknown>[] = [...Object.values(CONFIG), ...Object.values(OWN), ZEBRA_GROUP];

/** The single peer of `bgpPeerConfig` and of variables of its own. */
export const BGP_PEER_GROUP = shared<null>({
  key: "bgpPeerConfig",
  kind: group,
  fallback: null,
  fields: Object.values(PEER),
  help: "BGP: a single peer",
});

/** The key of {@link START_BGP_GROUP} that is enough to switch BGP on, and the one of old files, which is not. */
export const START_BGP_KEY = "bgp";
export const OLD_BGP_KEY = "bgpConfig";

/** The same group as `start` has it. */
export const START_BGP_GROUP = setting<null>({
  key: START_BGP_KEY,
  aliases: [OLD_BGP_KEY],
  kind: group,
  fallback: null,
  fields: BGP_FIELDS,
  help: "Announce the VIPs to routers by BGP while they are held",
});
