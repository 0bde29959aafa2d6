/** What the BGP speaker is told and what it tells. Pure. */

import type { BfdConfig, BfdState } from "../bfd/types.ts";
import type { Family, LargeCommunity } from "../net/bgp/types.ts";

/** Where a peer is. */
export type PeerAddress =
  /** Canonical IP text. */
  | { readonly is: "ip"; readonly ip: string }
  /** A host name, looked up before each attempt to connect. */
  | { readonly is: "name"; readonly host: string }
  /** The one router on a link, by its link-local address, which router advertisements or an incoming connection tell. */
  | { readonly is: "unnumbered"; readonly interface: string };

/** Where the next hop of a route is from whose family is not the session's (reference §6.3). */
export type NextHopPolicy =
  /** The session's own address, and for the other family the first address of the link the session runs over. */
  | { readonly is: "self" }
  /** null: as `self`. */
  | { readonly is: "fixed"; readonly ipv4: string | null; readonly ipv6: string | null }
  /** The other family's address on the link that has the source address. */
  | { readonly is: "source-address" }
  /** The addresses of the source interface. */
  | { readonly is: "source-interface" };

/** What is added to the path of our routes. */
export interface RoutePolicy {
  /** 32-bit numbers (RFC 1997). */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  /** Internal peers only; null: 100 (RFC 4271 §9.1.1 wants one). */
  readonly localPref: number | null;
  readonly med: number | null;
  /** The own AS so many times more. */
  readonly prepend: number;
}

/** A peer, everything resolved. */
export interface BgpPeerConfig {
  /** `address:port` or `interface`, as status, logs and metrics name it; unique. */
  readonly name: string;
  readonly address: PeerAddress;
  readonly port: number;
  /** null: whatever it says (unnumbered peers only). */
  readonly as: number | null;
  /** TCP-MD5 (RFC 2385); null: none. Never printed. */
  readonly password: string | null;
  /** Hops to an external peer that is not on the link; null: one (TTL 1). */
  readonly multihopTtl: number | null;
  /** RFC 5082: packets must come from at most so many hops away; null: off. */
  readonly ttlSecurityHops: number | null;
  readonly sourceIp: string | null;
  readonly sourceInterface: string | null;
  readonly families: ReadonlySet<Family>;
  readonly nextHop: NextHopPolicy;
  /** 0, or at least 3 s (RFC 4271 §4.2). */
  readonly holdTimeMs: number;
  readonly keepaliveMs: number;
  /** Wait for the peer to connect; `listenPort` is needed. */
  readonly passive: boolean;
  /** null: off. */
  readonly bfd: BfdConfig | null;
  readonly policy: RoutePolicy;
}

/** The speaker. */
export interface BgpConfig {
  readonly as: number;
  /** Dotted quad, not 0.0.0.0. */
  readonly routerId: string;
  /** null: connections are only made, never taken. */
  readonly listenPort: number | null;
  /** RFC 4724: peers keep our routes for so long when this process ends without a word; null: they drop them at once. */
  readonly gracefulRestartMs: number | null;
  readonly peers: readonly BgpPeerConfig[];
}

/** States of RFC 4271 §8.2.2. */
export type SessionState = "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";

/** What both sides agreed on when the session came up. */
export interface Negotiated {
  readonly remoteAs: number;
  readonly remoteId: string;
  readonly isExternal: boolean;
  readonly holdTimeMs: number;
  readonly keepaliveMs: number;
  readonly families: ReadonlySet<Family>;
  readonly fourOctetAs: boolean;
  readonly extendedNextHop: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** The peer's graceful restart, null: it has none. */
  readonly gracefulRestart: {
    readonly restarting: boolean;
    readonly restartTimeMs: number;
    readonly families: ReadonlySet<Family>;
  } | null;
  /** Both ends of the connection, canonical text. */
  readonly localIp: string;
  readonly remoteIp: string;
}

/** One peer, for people and metrics. All times are durations. */
export interface PeerReport {
  readonly name: string;
  readonly state: SessionState;
  /** In this state for so long. */
  readonly stateForMs: number;
  /** null: not known yet. */
  readonly remoteAs: number | null;
  /** Why the last session or attempt ended, in words; null: it never did. */
  readonly lastError: string | null;
  /** The last error was so long ago. */
  readonly lastErrorMsAgo: number | null;
  /** Times the session came up. */
  readonly established: number;
  /** Destinations announced to this peer now. */
  readonly prefixesSent: number;
  /** Destinations that should be announced to this peer and cannot be: it takes no routes of their family, or there is no next hop. */
  readonly prefixesUnsent: number;
  /** Routes that this peer announced; none is imported. */
  readonly prefixesRefused: number;
  /** UPDATEs with faults that RFC 7606 says to survive. */
  readonly malformedUpdates: number;
  /** null: no BFD. */
  readonly bfd: BfdState | null;
}
