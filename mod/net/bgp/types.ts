/** BGP messages as values (RFC 4271 §4 and what extends it). IPv4 and IPv6 unicast only. */

/** The address family of a route: AFI 1 or 2, SAFI 1. */
export type Family = 4 | 6;

/** A destination. */
export interface Prefix {
  readonly family: Family;
  /** Canonical text, host bits zero. */
  readonly ip: string;
  readonly length: number;
}

/** What a speaker can do (RFC 5492). */
export type Capability =
  /** RFC 4760, code 1. */
  | { readonly is: "multiprotocol"; readonly family: Family }
  /** RFC 2918, code 2. */
  | { readonly is: "route-refresh" }
  /** RFC 8950, code 5: routes of `family` with next hops of `nextHopFamily`. */
  | {
    readonly is: "extended-next-hop";
    readonly pairs: readonly { readonly family: Family; readonly nextHopFamily: Family }[];
  }
  /** RFC 4724 and RFC 8538, code 64. */
  | {
    readonly is: "graceful-restart";
    /** R: this speaker has just restarted. */
    readonly restarting: boolean;
    /** N (RFC 8538): a NOTIFICATION keeps the routes, too. */
    readonly notification: boolean;
    readonly restartTimeS: number;
    readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
  }
  /** RFC 6793, code 65. */
  | { readonly is: "four-octet-as"; readonly as: number }
  /** RFC 7313, code 70. */
  | { readonly is: "enhanced-route-refresh" }
  /** Anything else, other families included: kept, never an error. */
  | { readonly is: "other"; readonly code: number; readonly value: Uint8Array };

export interface OpenMessage {
  readonly is: "open";
  readonly version: number;
  /** The field of two octets: AS_TRANS (23456) for a larger AS (RFC 6793 §4.2.2). */
  readonly as: number;
  readonly holdTimeS: number;
  /** Dotted quad. */
  readonly identifier: string;
  readonly capabilities: readonly Capability[];
}

/** RFC 4271 §4.5, §6; codes in {@link file://./notification.ts}. */
export interface NotificationMessage {
  readonly is: "notification";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

export interface KeepaliveMessage {
  readonly is: "keepalive";
}

/** RFC 2918, RFC 7313 §3.2; null: a family that is not known here, to be ignored. */
export interface RouteRefreshMessage {
  readonly is: "route-refresh";
  readonly family: Family | null;
  /** 0 plain, 1 begin, 2 end of a refresh. */
  readonly subtype: number;
}

/** One fault of an UPDATE that does not end the session (RFC 7606 §2). */
export interface UpdateFault {
  readonly action: "discard-attribute" | "treat-as-withdraw";
  /** In words, with the number of the attribute. */
  readonly what: string;
  /** For example `RFC 7606 §7.1`. */
  readonly spec: string;
}

/**
 * An UPDATE that was received. Nothing is imported: routes are counted and forgotten, so that a peer with a full table costs no memory.
 * An UPDATE whose fault ends the session is a `BgpError` in its place.
 */
export interface ReceivedUpdate {
  readonly is: "update";
  /** Destinations announced; all of them withdrawn if a fault says treat-as-withdraw. */
  readonly announced: number;
  readonly withdrawn: number;
  /** RFC 4724 §2: the End-of-RIB marker of that family; null: it is none. */
  readonly endOfRib: Family | null;
  readonly faults: readonly UpdateFault[];
}

export type ReceivedMessage =
  | OpenMessage
  | ReceivedUpdate
  | NotificationMessage
  | KeepaliveMessage
  | RouteRefreshMessage;

/** What both sides agreed on, as far as it changes how an UPDATE is written and read. */
export interface UpdateTraits {
  readonly isExternal: boolean;
  readonly fourOctetAs: boolean;
  /** Families that both sides announced. */
  readonly families: ReadonlySet<Family>;
  /** RFC 8950: IPv4 routes may have IPv6 next hops. */
  readonly extendedNextHop: boolean;
}

/** RFC 8092. */
export interface LargeCommunity {
  readonly global: number;
  readonly local1: number;
  readonly local2: number;
}

/** The path of routes that this speaker originates. */
export interface PathAttributes {
  /** Empty for a peer of the same AS. */
  readonly asPath: readonly number[];
  /** Canonical text, of either family. */
  readonly nextHop: string;
  /** The link-local address beside a global IPv6 next hop (RFC 2545 §3); null: none. */
  readonly nextHopLinkLocal: string | null;
  /** null: not sent. */
  readonly med: number | null;
  /** null: not sent; only for peers of the same AS. */
  readonly localPref: number | null;
  /** RFC 1997: 32-bit numbers. */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
}
