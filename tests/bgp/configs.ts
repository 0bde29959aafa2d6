/** Configurations and agreements for tests of the speaker and its parts. */
import type { HostAddress } from "../../mod/bgp/next_hop.ts";
import type { BgpConfig, BgpPeerConfig, Negotiated, RoutePolicy } from "../../mod/bgp/types.ts";
import type { Family } from "../../mod/net/bgp/types.ts";

export const LOCAL_AS = 65000;

export const POLICY: RoutePolicy = { communities: [], largeCommunities: [], localPref: null, med: null, prepend: 0 };

export const ADDRESSES: readonly HostAddress[] = [
  { ip: "10.0.0.1", prefixLength: 24, linkName: "eth0", isLinkLocal: false },
  { ip: "fd00::1", prefixLength: 64, linkName: "eth0", isLinkLocal: false },
  { ip: "fe80::1", prefixLength: 64, linkName: "eth0", isLinkLocal: true },
];

export const BFD = { desiredTxMs: 50, requiredRxMs: 50, multiplier: 3 };

/** An external peer for IPv4 at 10.0.0.`host`. */
export function peerConfig(host: number, changed: Partial<BgpPeerConfig> = {}): BgpPeerConfig {
  return {
    name: `10.0.0.${host}:179`,
    address: { is: "ip", ip: `10.0.0.${host}` },
    port: 179,
    as: 65001,
    password: null,
    multihopTtl: null,
    ttlSecurityHops: null,
    sourceIp: null,
    sourceInterface: null,
    families: new Set<Family>([4]),
    nextHop: { is: "self" },
    holdTimeMs: 30_000,
    keepaliveMs: 10_000,
    passive: false,
    bfd: null,
    policy: POLICY,
    ...changed,
  };
}

export function bgpConfig(peers: readonly BgpPeerConfig[], changed: Partial<BgpConfig> = {}): BgpConfig {
  return { as: LOCAL_AS, routerId: "10.0.0.1", listenPort: null, gracefulRestartMs: null, peers, ...changed };
}

/** What was agreed on with an external peer at 10.0.0.2 for IPv4. */
export function agreement(changed: Partial<Negotiated> = {}): Negotiated {
  return {
    remoteAs: 65001,
    remoteId: "10.0.0.2",
    isExternal: true,
    holdTimeMs: 30_000,
    keepaliveMs: 10_000,
    families: new Set<Family>([4]),
    fourOctetAs: true,
    extendedNextHop: false,
    routeRefresh: true,
    enhancedRouteRefresh: true,
    gracefulRestart: null,
    localIp: "10.0.0.1",
    remoteIp: "10.0.0.2",
    ...changed,
  };
}
