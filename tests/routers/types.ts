/** What routers are told and what they tell, whatever software they run. */

import type { Family } from "../../mod/net/bgp/types.ts";

export type RouterKind = "frr" | "bird" | "gobgp" | "openbgpd" | "exabgp";

/** Whom a router talks to. */
export interface Neighbor {
  /** An address; or, for an unnumbered neighbour (FRR), the name of a link. */
  readonly peer: string;
  readonly unnumbered: boolean;
  /** null: any other than its own (FRR). */
  readonly as: number | null;
  readonly port: number;
  /** TCP-MD5; null: none. */
  readonly password: string | null;
  /** null: off. FRR and BIRD have it. */
  readonly bfd: { readonly txMs: number; readonly rxMs: number; readonly multiplier: number } | null;
  /** TTL of an external neighbour that is not on the link; null: one hop. */
  readonly multihop: number | null;
  /** RFC 5082: at most so many hops away; null: off. */
  readonly ttlSecurityHops: number | null;
  readonly families: readonly Family[];
  readonly holdTimeS: number;
  /** Waits for the other side to connect. */
  readonly passive: boolean;
}

/** A router. */
export interface RouterConfig {
  readonly as: number;
  /** Dotted quad. */
  readonly routerId: string;
  readonly neighbors: readonly Neighbor[];
  /** RFC 4724: keeps the routes of a neighbour that restarts. */
  readonly gracefulRestart: boolean;
  /** Prefixes that it announces to everybody, IPv4 or IPv6. */
  readonly originate: readonly string[];
  /** FRR only: paths of equal cost that share the traffic; 8 if not named. */
  readonly maxPaths?: number;
  /** ExaBGP only: what it says of a prefix of {@link RouterConfig.originate} besides its next hop, in its own words. */
  readonly sayings?: Readonly<Record<string, string>>;
}

/** A neighbour on the link with a hold time of 9 s and both families, unless said otherwise. */
export function neighbor(peer: string, as: number | null, other: Partial<Neighbor> = {}): Neighbor {
  return {
    peer,
    unnumbered: false,
    as,
    port: 179,
    password: null,
    bfd: null,
    multihop: null,
    ttlSecurityHops: null,
    families: [4, 6],
    holdTimeS: 9,
    passive: false,
    ...other,
  };
}

/** States of RFC 4271 §8.2.2 in small letters without hyphens, as all routers can be made to say them. */
export type RouterSessionState = "idle" | "connect" | "active" | "opensent" | "openconfirm" | "established" | "unknown";

/** A neighbour as a router sees it. */
export interface RouterSession {
  /** As in {@link Neighbor.peer}. */
  readonly peer: string;
  readonly state: RouterSessionState;
  /** null: no BFD. */
  readonly bfd: string | null;
  /** Why the last session ended and the text that the other side gave, in the router's words; empty: nothing known. */
  readonly lastReset: string;
  /** Routes accepted from it, both families; null: the router does not say. */
  readonly received: number | null;
}

/** A path in a router's BGP table. */
export interface TableRoute {
  readonly prefix: string;
  readonly nextHops: readonly string[];
  /** Whom it is from; empty: the router's own. */
  readonly from: string;
  /** Chosen, or one of several equal ones that are. */
  readonly best: boolean;
  /** Kept by graceful restart while its neighbour is away; BIRD does not say. */
  readonly stale: boolean;
  readonly asPath: readonly number[];
  readonly med: number | null;
  readonly localPref: number | null;
  /** `65000:1` or the well-known name as the router writes it. */
  readonly communities: readonly string[];
  /** `65000:1:2`. */
  readonly largeCommunities: readonly string[];
}

/** A route in a router's kernel. */
export interface KernelRoute {
  readonly prefix: string;
  /** More than one of equal cost. */
  readonly nextHops: readonly string[];
  /** `bgp`, `bird`, `kernel` … as iproute2 names it. */
  readonly protocol: string;
}

/** The name of a state in any spelling; what is said while a session is being cleared away is idle. */
export function sessionState(text: string): RouterSessionState {
  const plain = text.toLowerCase().replaceAll(/[^a-z]/g, "");
  switch (plain) {
    case "idle":
    case "connect":
    case "active":
    case "opensent":
    case "openconfirm":
    case "established":
      return plain;
    case "idleadmin":
    case "clearing":
    case "close":
    case "down":
      return "idle";
    default:
      return "unknown";
  }
}

/** Whether a prefix or an address is of IPv4 or IPv6. */
export function familyOf(prefix: string): Family {
  return prefix.includes(":") ? 6 : 4;
}
