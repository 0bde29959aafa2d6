/** The settings of a load balancer. */

import { BACKEND_FIELDS, backendKind, type GivenBackend } from "./backends.ts";
import {
  BACKEND_TLS_FIELDS,
  backendTlsKind,
  FRONT_TLS_FIELDS,
  frontTlsKind,
  type GivenBackendTls,
  type GivenFrontTls,
  NO_BACKEND_TLS,
} from "./balancer_tls.ts";
import {
  DEFAULT_EJECTION,
  DEFAULT_HEALTH,
  EJECTION_FIELDS,
  ejectionKind,
  HEALTH_FIELDS,
  healthKind,
} from "./health.ts";
import { bool, choice, duration, int, listOf, optional, port, scalar, text } from "./kinds.ts";
import { INVALID, type Kind, type Setting, setting } from "./setting.ts";
import type { BalancerConfig, Engine, Policy, ProxyVersion } from "./types.ts";

const MOST_BACKENDS = 256;
/** 1 TiB. */
const MOST_CONTENT_BYTES = 2 ** 40;

/** What a balancer balances. */
export type BalancerType = BalancerConfig["type"];

const balancerType: Kind<BalancerType> = scalar("tcp, udp or http", (given, place) => {
  const type = given.toLowerCase();
  if (type === "tcp" || type === "udp" || type === "http") return type;
  place.problem("Unknown Load Balancer type; must be tcp, udp or http", given);
  return INVALID;
});

/** Limits that only balancers of type http have. */
export const HTTP_LIMITS = {
  maxHeadBytes: setting({
    key: "maxHeadBytes",
    kind: int(1024, 1_048_576),
    fallback: 65_536,
    help: "Type http: largest head of a request or an answer, in bytes",
  }),
  maxHeaders: setting({
    key: "maxHeaders",
    kind: int(8, 1000),
    fallback: 100,
    help: "Type http: most header fields of a request or an answer",
  }),
  headTimeout: setting({
    key: "headTimeout",
    kind: duration(100, 3_600_000),
    fallback: 10_000,
    fallbackText: "10s",
    help: "Type http: a client has this long to send the head of a request",
  }),
  responseTimeout: setting({
    key: "responseTimeout",
    kind: duration(100, 3_600_000),
    fallback: 60_000,
    fallbackText: "1m",
    help: "Type http: a backend has this long until the head of its answer is complete",
  }),
  maxRequestBytes: setting({
    key: "maxRequestBytes",
    kind: int(0, MOST_CONTENT_BYTES),
    fallback: 0,
    fallbackText: "0, no limit",
    help: "Type http: largest content of a request, in bytes; more is answered with 413",
  }),
  maxResponseBytes: setting({
    key: "maxResponseBytes",
    kind: int(0, MOST_CONTENT_BYTES),
    fallback: 0,
    fallbackText: "0, no limit",
    help: "Type http: largest content of an answer, in bytes; more is answered with 502, or cut where it has begun",
  }),
};

export const BALANCER = {
  name: setting({
    key: "name",
    env: ["lb_name"],
    flag: "lbName",
    kind: text,
    fallback: "",
    fallbackText: "type-port",
    help: "Name of the balancer in the log and the status",
  }),
  type: setting<BalancerType>({
    key: "type",
    env: ["lb_type"],
    flag: "lbType",
    kind: balancerType,
    fallback: "tcp",
    help: "What is balanced: tcp connections, udp datagrams or http requests",
  }),
  port: setting<number | null>({
    key: "port",
    env: ["lb_port"],
    flag: "lbPort",
    kind: port,
    fallback: null,
    help: "Port to listen on",
  }),
  bindToVip: setting({
    key: "bindToVip",
    env: ["lb_bindtovip"],
    flag: "lbBindToVip",
    kind: bool,
    fallback: false,
    help: "Listen on the VIPs only, while they are held here; otherwise on every address of every node from the start",
  }),
  backendPort: setting({
    key: "backendPort",
    env: ["lb_backendport"],
    flag: "lbBackEndPort",
    kind: int(0, 65535, "a port"),
    fallback: 0,
    fallbackText: "",
    help: "Port of backends that name none, and of peers that are added as backends",
  }),
  backends: setting<readonly GivenBackend[]>({
    key: "backends",
    env: ["lb_backends"],
    flag: "lbBackends",
    kind: listOf(backendKind, MOST_BACKENDS),
    fallback: [],
    fields: BACKEND_FIELDS,
    many: true,
    help: "Where connections go; as text address:port,address:port",
  }),
  engine: setting<Engine | null>({
    key: "engine",
    kind: optional(choice("auto", "kernel", "user", "listen")),
    fallback: null,
    fallbackText: "user; kernel for what only it can do",
    help:
      "How bytes are moved. kernel: by nftables, at full speed, for tcp and udp; user: by threads of this program that delay no election; " +
      "listen: by its main thread, with the least memory; auto: the first of these that does all that is asked for here, and the log says why",
  }),
  threads: setting({
    key: "threads",
    kind: int(1, 16),
    fallback: 1,
    help: "Threads of the engine user that share the connections",
  }),
  tls: setting<GivenFrontTls | null>({
    key: "tls",
    kind: optional(frontTlsKind),
    fallback: null,
    fallbackText: "",
    fields: FRONT_TLS_FIELDS,
    help: "Speak TLS with clients; backends get what is inside",
  }),
  backendTls: setting<GivenBackendTls>({
    key: "backendTls",
    kind: backendTlsKind,
    fallback: NO_BACKEND_TLS,
    fields: BACKEND_TLS_FIELDS,
    help: "Type http: how backends with an https URL are spoken to",
  }),
  acceptProxyProtocol: setting({
    key: "acceptProxyProtocol",
    kind: bool,
    fallback: false,
    help: "Every client says first whom it speaks for (PROXY protocol, version 1 or 2); those that do not are reset",
  }),
  sendProxyProtocol: setting<ProxyVersion | null>({
    key: "sendProxyProtocol",
    kind: optional(choice("v1", "v2")),
    fallback: null,
    fallbackText: "",
    help: "Type tcp: tell backends first who the client is, in this version of the PROXY protocol",
  }),
  affinity: setting<"none" | "source">({
    key: "affinity",
    kind: choice("none", "source"),
    fallback: "none",
    help: "source: connections of one client address go to one backend while that is up; needs engine kernel",
  }),
  preserveClientAddress: setting({
    key: "preserveClientAddress",
    kind: bool,
    fallback: false,
    help:
      "Backends see the client's address instead of this machine's; their route to clients must lead through the machine that " +
      "holds the VIP; needs engine kernel",
  }),
  policy: setting<Policy>({
    key: "policy",
    kind: choice("round-robin", "least-connections"),
    fallback: "round-robin",
    help: "How a backend is chosen among the healthy ones",
  }),
  connectTimeout: setting({
    key: "connectTimeout",
    kind: duration(10, 60_000),
    fallback: 500,
    fallbackText: "500ms",
    help: "A backend that does not accept a connection in this time is passed over",
  }),
  idleTimeout: setting({
    key: "idleTimeout",
    kind: duration(1000, 86_400_000),
    fallback: 600_000,
    fallbackText: "10m",
    help: "A connection without traffic for this long is closed",
  }),
  maxConnections: setting({
    key: "maxConnections",
    kind: int(1, 1_000_000),
    fallback: 10_000,
    help: "Most connections at one time",
  }),
  drain: setting({
    key: "drain",
    kind: duration(0, 60_000),
    fallback: 5000,
    fallbackText: "5s",
    help: "Connections may go on for this long after a stop was asked for",
  }),
  healthCheck: setting({
    key: "healthCheck",
    kind: healthKind,
    fallback: DEFAULT_HEALTH,
    fields: HEALTH_FIELDS,
    help: "Active checks of every backend; the first result counts at once; false: none",
  }),
  ejection: setting({
    key: "ejection",
    kind: ejectionKind,
    fallback: DEFAULT_EJECTION,
    fields: EJECTION_FIELDS,
    help: "A backend that refuses connections rests for a while; false: never",
  }),
  ...HTTP_LIMITS,
};

export const BALANCER_FIELDS: readonly Setting<unknown>[] = Object.values(BALANCER);
