/** Who is who in the laboratory: addresses, ports, and the configuration that each node gets. */

import { stringify } from "@kube-vip/yaml";
import { assert } from "../../mod/base/assert.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";

/** One machine: a name and its number on the common network. */
export interface Station {
  readonly name: string;
  readonly ip4: string;
  readonly ip6: string;
  /** Its end of the cable. */
  readonly device: string;
  /** The switch's end of the cable. */
  readonly port: string;
}

export const PREFIX_LENGTH_4 = 24;
export const PREFIX_LENGTH_6 = 64;

/** The addresses that the nodes keep alive. */
export const VIP_4 = "10.98.0.200";
export const VIP_6 = "fd98::200";

/** Where members of the cluster talk to each other. */
export const PEER_PORT = 10_000;

/** Where a web backend and an echo backend listen, and the balancers in front of them. */
export const BACKEND_HTTP_PORT = 8080;
export const BACKEND_ECHO_PORT = 9090;
export const HTTP_PORT = 80;
export const ECHO_PORT = 7000;
/** The same echo service through a balancer that is not bound to the VIP. */
export const OPEN_ECHO_PORT = 7001;

/** A machine with `host` as the last part of both of its addresses. */
export function station(name: string, host: number): Station {
  return { name, ip4: `10.98.0.${host}`, ip6: `fd98::${host}`, device: "eth0", port: `to-${name}` };
}

/**
 * The sampler asks in turn from these addresses of the observer, so that a reply tells which question it answers (ARP and neighbour
 * discovery have no number for it).
 */
export function samplerSources(family: 4 | 6): string[] {
  return Array.from(
    { length: 16 },
    (_, index) => family === 4 ? `10.98.0.${224 + index}` : `fd98::5:${index.toString(16)}`,
  );
}

/** An address literal of this laboratory. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null, `${text} is an address`);
  return parsed;
}

/** What may differ between laboratories. */
export interface ClusterOptions {
  /** `default`, `fast`, `relaxed` or the numbers. */
  readonly timing: string | Readonly<Record<string, number>>;
  readonly peerSecret: string;
  /** Without balancers when there are none. */
  readonly backends: readonly Station[];
  /** Added to every node's file, or in place of what it has. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The text of the configuration file of `local`. */
export function nodeConfig(
  local: Station,
  nodes: readonly Station[],
  options: ClusterOptions & { stateDir: string },
): string {
  const peer = (node: Station): Record<string, unknown> => ({ id: node.name, address: node.ip4, port: PEER_PORT });
  return stringify({
    localPeer: peer(local),
    remotePeers: nodes.filter((node) => node !== local).map(peer),
    vip: [VIP_4, VIP_6],
    gratuitousARP: true,
    singleNode: false,
    startAsLeader: false,
    interface: local.device,
    timing: options.timing,
    peerSecret: options.peerSecret,
    stateDir: options.stateDir,
    ...(options.backends.length === 0 ? {} : { loadBalancers: balancers(options.backends) }),
    ...options.extra,
  });
}

function balancers(backends: readonly Station[]): Record<string, unknown>[] {
  const echo = backends.map(({ ip4 }) => ({ address: ip4, port: BACKEND_ECHO_PORT }));
  return [
    {
      name: "web",
      type: "http",
      port: HTTP_PORT,
      bindToVip: true,
      backends: backends.map(({ ip4 }) => ({ url: `http://${ip4}:${BACKEND_HTTP_PORT}` })),
    },
    { name: "echo", type: "tcp", port: ECHO_PORT, bindToVip: true, backends: echo },
    { name: "open echo", type: "tcp", port: OPEN_ECHO_PORT, bindToVip: false, backends: echo },
  ];
}

/**
 * The text of keepalived's configuration for `local`: VRRPv3, the first of `nodes` preferred at start, nobody preempted. One instance
 * moves both addresses, as ours do; the IPv6 one does not appear in its adverts, which are of one family.
 */
export function keepalivedConfig(local: Station, nodes: readonly Station[], advertSeconds: number): string {
  return `global_defs {
  vrrp_version 3
}
vrrp_instance LAB {
  state BACKUP
  nopreempt
  interface ${local.device}
  virtual_router_id 51
  priority ${200 - 10 * nodes.indexOf(local)}
  advert_int ${advertSeconds}
  virtual_ipaddress {
    ${VIP_4}/32
  }
  virtual_ipaddress_excluded {
    ${VIP_6}/128
  }
}
`;
}
