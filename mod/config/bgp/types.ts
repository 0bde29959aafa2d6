/** BGP as `start` and `manager` are told about it: everything that can be known without the host. */

import type { BgpPeerConfig, RoutePolicy } from "../../bgp/types.ts";
import type { GivenNextHop } from "./next_hop.ts";

/** What a peer gets that says nothing else. */
export interface PeerDefaults {
  /** Of the password file; null: none. */
  readonly password: string | null;
  readonly ttlSecurityHops: number | null;
  readonly sourceIp: string | null;
  readonly sourceInterface: string | null;
  /** As given; what comes of it depends on the peer. */
  readonly nextHop: GivenNextHop;
  readonly holdTimeMs: number;
  readonly keepaliveMs: number;
  readonly passive: boolean;
  readonly policy: RoutePolicy;
}

/** The speaker and its peers. */
export interface BgpSettings {
  readonly as: number;
  /** Dotted quad as given; null: the first IPv4 address of {@link routerInterface}, or else of the host. */
  readonly routerId: string | null;
  /** null: not given. */
  readonly routerInterface: string | null;
  /** Of all peers without their own (each of {@link peers} has it too); null: not given. Never both. */
  readonly sourceIp: string | null;
  readonly sourceInterface: string | null;
  /** null: connections are only made, never taken. */
  readonly listenPort: number | null;
  readonly gracefulRestartMs: number | null;
  /** Empty only if node annotations name them. */
  readonly peers: readonly BgpPeerConfig[];
  /** What the peers of node annotations get. */
  readonly defaults: PeerDefaults;
}

/** The same with what only a cluster has. */
export interface ManagerBgp extends BgpSettings {
  /** Prefix of the own Node's annotations, which then replace AS, router ID, source address and peers; null: not used. */
  readonly annotationsPrefix: string | null;
}
