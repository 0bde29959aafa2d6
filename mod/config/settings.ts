/**
 * The table of settings. File parsing, environment parsing, flags, help texts, the documentation and the dump are all derived
 * from it, so a setting exists everywhere or nowhere.
 */

import { BALANCER_FIELDS } from "./balancer_settings.ts";
import { BGP_ENABLED, BGP_PEER_GROUP, START_BGP_GROUP } from "./bgp/settings.ts";
import {
  absolutePath,
  anything,
  bool,
  choice,
  duration,
  interfaceName,
  listOf,
  matching,
  optional,
  scalar,
} from "./kinds.ts";
import { type GivenListen, listen } from "./manager/kinds.ts";
import { type GivenPeer, MOST_MEMBERS, PEER_FIELDS, peerKind } from "./peers.ts";
import { type Kind, type Setting, setting } from "./setting.ts";
import { DEAD } from "./dead_settings.ts";
import { profile, TIMING_FIELDS, timingKind } from "./timing.ts";
import { type GivenVip, MOST_VIPS, vipKind } from "./vips.ts";
import type { PeersConfig } from "./types.ts";

type Level = PeersConfig["logLevel"];

/** Numbers are those of the logging library of that time (0 to 6); −4 and 8 are the newer ones that cannot be mistaken. */
const LEVELS: Readonly<Record<string, Level>> = {
  "-4": "debug",
  "0": "error",
  "1": "error",
  "2": "error",
  "3": "warning",
  "4": "info",
  "5": "debug",
  "6": "debug",
  "8": "error",
  debug: "debug",
  info: "info",
  warning: "warning",
  warn: "warning",
  error: "error",
};

const level: Kind<Level> = scalar(
  "debug, info, warning or error, or a number: 2 error, 3 warning, 4 info, 5 debug",
  (given) => LEVELS[given.trim().toLowerCase()] ?? null,
);

/** The shortest secret that is taken: 16 characters of base64 hold 96 bits. */
export const SHORTEST_SECRET = 16;

const secret: Kind<string> = scalar(
  `at least ${SHORTEST_SECRET} characters, for example from kube-vip sample config`,
  (given) => given.length >= SHORTEST_SECRET && given.length <= 1024 ? given : null,
);

const PEER_GROUP = {
  localPeer: setting<GivenPeer | null>({
    key: "localPeer",
    commands: ["start", "manager"],
    env: ["vip_localpeer"],
    flag: "localPeer",
    kind: peerKind,
    fallback: null,
    fields: PEER_FIELDS,
    help: "This member; as text id:address:port",
  }),
  remotePeers: setting<readonly GivenPeer[]>({
    key: "remotePeers",
    commands: ["start", "manager"],
    env: ["vip_peers"],
    flag: "remotePeers",
    kind: listOf(peerKind, MOST_MEMBERS),
    fallback: [],
    fields: PEER_FIELDS,
    many: true,
    help: "The other members (this one may be listed too); as text id:address:port,id:address:port",
  }),
  addPeersAsBackends: setting({
    key: "addPeersAsBackends",
    env: ["vip_addpeerstolb"],
    flag: "addPeersToLB",
    kind: bool,
    fallback: false,
    help: "Append every member to the backends of the first load balancer, at its backendPort",
  }),
  peerSecret: setting({
    key: "peerSecret",
    commands: ["start", "manager"],
    env: ["vip_peersecret"],
    kind: secret,
    fallback: "",
    secret: true,
    help: "Shared by all members; what they say to each other is authenticated with it",
  }),
  peerSecretFile: setting({
    key: "peerSecretFile",
    commands: ["start", "manager"],
    env: ["vip_peersecretfile"],
    flag: "peerSecretFile",
    kind: absolutePath,
    fallback: "",
    help: "File that holds the peer secret, instead of peerSecret",
  }),
  clusterId: setting({
    key: "clusterId",
    commands: ["start", "manager"],
    env: ["vip_clusterid"],
    flag: "clusterId",
    kind: matching(/^[^\s\p{C}]{1,64}$/u, "1 to 64 printable characters without spaces"),
    fallback: "",
    fallbackText: "derived from the members' ids and addresses",
    help: "Members of different clusters do not talk to each other",
  }),
  singleNode: setting({
    key: "singleNode",
    env: ["vip_singlenode"],
    flag: "singleNode",
    kind: bool,
    fallback: false,
    help: "No election: hold the VIPs and balance at once",
  }),
  startAsLeader: setting({
    key: "startAsLeader",
    env: ["vip_startleader"],
    flag: "startAsLeader",
    kind: bool,
    fallback: false,
    help: "Lead alone at the very first start, while no other member answers and nobody has the VIP",
  }),
  timing: setting({
    key: "timing",
    commands: ["start", "manager"],
    env: ["vip_timing"],
    flag: "timing",
    kind: timingKind,
    fallback: profile("default"),
    fields: TIMING_FIELDS,
    help: "How fast a failure is noticed: default (a quarter of a second), fast or relaxed, or own durations",
  }),
  placement: setting<"leader" | "spread">({
    key: "placement",
    env: ["vip_placement"],
    flag: "placement",
    kind: choice("leader", "spread"),
    fallback: "leader",
    help: "Several VIPs: all on the leader, or spread evenly over the members",
  }),
  stateDir: setting({
    key: "stateDir",
    commands: ["start", "manager"],
    env: ["vip_statedir"],
    flag: "stateDir",
    kind: absolutePath,
    fallback: "/var/lib/kube-vip",
    help: "Directory of the election's state and of the control socket",
  }),
};

const VIP_GROUP = {
  vip: setting<readonly GivenVip[]>({
    key: "vip",
    aliases: ["vips", "address"],
    env: ["vip_address", "address"],
    flag: "vip",
    kind: listOf(vipKind, MOST_VIPS),
    fallback: [],
    help: "The virtual addresses (IPv4, IPv6 or both), each with or without /prefix",
  }),
  interface: setting<string | null>({
    key: "interface",
    env: ["vip_interface"],
    flag: "interface",
    kind: optional(interfaceName),
    fallback: null,
    fallbackText: "the one whose subnet contains the VIP",
    help: "Interface that gets the VIPs",
  }),
  gratuitousArp: setting({
    key: "gratuitousARP",
    aliases: ["enableARP"],
    env: ["vip_arp"],
    flag: "arp",
    kind: bool,
    fallback: true,
    help: "Announce the VIPs by gratuitous ARP and unsolicited neighbour advertisements",
  }),
  announceInterval: setting({
    key: "announceInterval",
    aliases: ["arpBroadcastRate"],
    env: ["vip_arpRate"],
    flag: "announceInterval",
    kind: duration(500, 3_600_000),
    fallback: 3000,
    fallbackText: "3s",
    help: "Announcements are repeated this often",
  }),
  disableVip: setting({
    key: "disableVIP",
    flag: "disableVIP",
    short: "d",
    kind: bool,
    fallback: false,
    help: "Balance only and leave addresses alone; with singleNode",
  }),
};

const BGP_GROUP = {
  enableBgp: BGP_ENABLED,
  bgp: START_BGP_GROUP,
  bgpPeer: BGP_PEER_GROUP,
};

const FILE_GROUP = {
  watchConfig: setting({
    key: "watchConfig",
    flag: "watchConfig",
    kind: bool,
    fallback: false,
    help: "Apply the configuration file whenever it changes, as SIGHUP does",
  }),
};

const LOG_GROUP = {
  logLevel: setting<Level>({
    key: "logLevel",
    aliases: ["logging"],
    env: ["vip_loglevel"],
    flag: "log",
    kind: level,
    fallback: "info",
    help: "Least important lines that are logged",
  }),
  logFormat: setting<"text" | "json">({
    key: "logFormat",
    env: ["vip_logformat"],
    flag: "logFormat",
    kind: choice("text", "json"),
    fallback: "text",
    help: "Lines of key=value pairs, or of JSON",
  }),
  metrics: setting<GivenListen>({
    key: "prometheusHTTPServer",
    env: ["prometheus_server"],
    flag: "prometheusHTTPServer",
    kind: listen,
    fallback: { at: null, shown: "" },
    fallbackText: "empty (off)",
    help: "Where metrics are served for Prometheus, like :2112",
  }),
};

/** `loadBalancers`: read member by member, see `balancers.ts`. */
const LOAD_BALANCERS = setting<null>({
  key: "loadBalancers",
  kind: { ...anything, accepts: "a list of load balancers" },
  fallback: null,
  fields: BALANCER_FIELDS,
  many: true,
  help: "What is balanced behind the VIPs; flags and variables are about the first one",
});

/** Every setting of `start` that has an effect, by name. */
export const START = {
  ...VIP_GROUP,
  ...PEER_GROUP,
  ...BGP_GROUP,
  ...FILE_GROUP,
  ...LOG_GROUP,
  loadBalancers: LOAD_BALANCERS,
};

/** Settings of peers mode that `manager` has too, with `--leaderElectionType=peers`. */
export const SHARED = {
  localPeer: START.localPeer,
  remotePeers: START.remotePeers,
  peerSecret: START.peerSecret,
  peerSecretFile: START.peerSecretFile,
  clusterId: START.clusterId,
  timing: START.timing,
  stateDir: START.stateDir,
};

/** The whole table, in the order of the documentation. */
export const SETTINGS: readonly Setting<unknown>[] = [...Object.values(START), ...DEAD];

/** A setting and the path it has in a file: `loadBalancers[].port`. */
export interface Listed {
  readonly path: string;
  readonly setting: Setting<unknown>;
}

/** Every setting, groups opened. */
export function listSettings(settings: readonly Setting<unknown>[] = SETTINGS, prefix = ""): readonly Listed[] {
  return settings.flatMap((one) => {
    const path = `${prefix}${one.key}`;
    const inner = one.fields.length === 0 ? [] : listSettings(one.fields, `${path}${one.many ? "[]" : ""}.`);
    return [{ path, setting: one }, ...inner];
  });
}
