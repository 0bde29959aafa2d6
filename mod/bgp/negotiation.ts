/** The OPEN messages of a session: the one that is sent, and what both together mean (RFC 4271 §4.2, §6.2; RFC 5492). Pure. */

import { encodeCapability } from "../net/bgp/capability.ts";
import { ErrorCode, OpenSubcode } from "../net/bgp/notification.ts";
import { AS_TRANS, BGP_VERSION } from "../net/bgp/open.ts";
import type { Capability, Family, OpenMessage, UpdateTraits } from "../net/bgp/types.ts";
import { parseIp4 } from "../net/ip.ts";
import type { Notice } from "./fsm_types.ts";
import type { BgpPeerConfig, Negotiated } from "./types.ts";

/** RFC 4724 §3: twelve bits of seconds. */
const RESTART_TIME_MAX_S = 4095;

/** IANA code of the multiprotocol capability, for families that are not known here. */
const MULTIPROTOCOL = 1;

/** This side, as far as an OPEN tells. */
export interface OpenFacts {
  readonly as: number;
  readonly routerId: string;
  /** null: helper only. */
  readonly gracefulRestartMs: number | null;
  /** R bit of RFC 4724 §3. */
  readonly restarting: boolean;
  /** F bit, see {@link LocalSpeaker.forwarding}. */
  readonly forwarding: boolean;
  readonly peer: Pick<BgpPeerConfig, "as" | "families" | "holdTimeMs" | "keepaliveMs">;
  /** Both ends of the connection, canonical text. */
  readonly localIp: string;
  readonly remoteIp: string;
}

/** What an OPEN of the peer comes to. */
export type Negotiation =
  | { readonly is: "agreed"; readonly negotiated: Negotiated; readonly traits: UpdateTraits }
  /** The NOTIFICATION that answers it, and why in words. */
  | { readonly is: "refused"; readonly notice: Notice; readonly why: string };

/** The OPEN to send. */
export function ownOpen(facts: OpenFacts): OpenMessage {
  return {
    is: "open",
    version: BGP_VERSION,
    as: facts.as > 0xffff ? AS_TRANS : facts.as,
    holdTimeS: Math.round(facts.peer.holdTimeMs / 1000),
    identifier: facts.routerId,
    capabilities: ownCapabilities(facts),
  };
}

function ownCapabilities(facts: OpenFacts): Capability[] {
  const families = [...facts.peer.families].sort();
  const capabilities: Capability[] = families.map((family) => ({ is: "multiprotocol", family }));
  capabilities.push({ is: "route-refresh" }, { is: "enhanced-route-refresh" });
  capabilities.push({ is: "four-octet-as", as: facts.as });
  if (offersExtendedNextHop(facts)) {
    capabilities.push({ is: "extended-next-hop", pairs: [{ family: 4, nextHopFamily: 6 }] });
  }
  capabilities.push(gracefulRestart(facts, families));
  return capabilities;
}

/** RFC 8950 §4; over IPv4 an IPv6 next hop for IPv4 routes would be of no use. */
function offersExtendedNextHop(facts: OpenFacts): boolean {
  return facts.peer.families.has(4) && parseIp4(facts.localIp) === null;
}

/**
 * RFC 4724 §3. A speaker that only helps says so without families (§4.2), and gets End-of-RIB markers for that. F says that the
 * addresses that are announced were reachable while this process was away. N (RFC 8538) is not: a NOTIFICATION ends the routes.
 */
function gracefulRestart(facts: OpenFacts, families: readonly Family[]): Capability {
  const timeMs = facts.gracefulRestartMs;
  return {
    is: "graceful-restart",
    restarting: timeMs !== null && facts.restarting,
    notification: false,
    restartTimeS: timeMs === null ? 0 : Math.min(RESTART_TIME_MAX_S, Math.ceil(timeMs / 1000)),
    families: timeMs === null ? [] : families.map((family) => ({ family, forwarding: facts.forwarding })),
  };
}

/** Whether the peer's OPEN is acceptable, and what the session is then. Versions, hold times of 1 or 2 and the like are the codec's. */
export function negotiate(facts: OpenFacts, open: OpenMessage): Negotiation {
  const remoteAs = asOf(open);
  const isExternal = remoteAs !== facts.as;
  const refusal = wrongIdentity(facts, { open, remoteAs, isExternal });
  if (refusal !== null) return refusal;
  const families = commonFamilies(facts, open);
  if (families.size === 0) return noFamily(facts);
  const fourOctetAs = open.capabilities.some((one) => one.is === "four-octet-as");
  const extendedNextHop = offersExtendedNextHop(facts) && families.has(4) && open.capabilities.some(takesIp4OverIp6);
  const routeRefresh = open.capabilities.some((one) => one.is === "route-refresh");
  const holdTimeMs = Math.min(facts.peer.holdTimeMs, open.holdTimeS * 1000);
  const negotiated: Negotiated = {
    remoteAs,
    remoteId: open.identifier,
    isExternal,
    holdTimeMs,
    keepaliveMs: keepaliveOf(facts.peer.keepaliveMs, holdTimeMs),
    families,
    fourOctetAs,
    extendedNextHop,
    routeRefresh,
    enhancedRouteRefresh: open.capabilities.some((one) => one.is === "enhanced-route-refresh"),
    gracefulRestart: remoteRestart(open),
    localIp: facts.localIp,
    remoteIp: facts.remoteIp,
  };
  return { is: "agreed", negotiated, traits: { isExternal, fourOctetAs, families, extendedNextHop } };
}

/** RFC 6793 §4.1: the capability has the real number. */
function asOf(open: OpenMessage): number {
  for (const capability of open.capabilities) {
    if (capability.is === "four-octet-as") return capability.as;
  }
  return open.as;
}

function wrongIdentity(
  facts: OpenFacts,
  { open, remoteAs, isExternal }: { open: OpenMessage; remoteAs: number; isExternal: boolean },
): Negotiation | null {
  const wanted = facts.peer.as;
  if (wanted !== null && remoteAs !== wanted) {
    return refuse(OpenSubcode.badPeerAs, { why: `the peer is AS ${remoteAs}, AS ${wanted} is configured` });
  }
  // RFC 6793 §4.2.2, RFC 7607 §2: reserved numbers, whatever is configured.
  if (remoteAs === AS_TRANS || remoteAs === 0) {
    return refuse(OpenSubcode.badPeerAs, { why: `the peer says AS ${remoteAs}, which is reserved` });
  }
  // RFC 6286 §2.2: unique inside an AS.
  if (!isExternal && open.identifier === facts.routerId) {
    return refuse(OpenSubcode.badIdentifier, { why: `the peer has our own router ID, ${facts.routerId}` });
  }
  return null;
}

/** RFC 4760 §8: without any multiprotocol capability it is IPv4 unicast. */
function commonFamilies(facts: OpenFacts, open: OpenMessage): ReadonlySet<Family> {
  const theirs = new Set<Family>();
  let isPlain = true;
  for (const capability of open.capabilities) {
    if (capability.is === "multiprotocol") theirs.add(capability.family);
    if (capability.is === "multiprotocol" || (capability.is === "other" && capability.code === MULTIPROTOCOL)) {
      isPlain = false;
    }
  }
  if (isPlain) theirs.add(4);
  return new Set([...facts.peer.families].filter((family) => theirs.has(family)).sort());
}

/** RFC 5492 §5: the data are the capabilities that are missed. */
function noFamily(facts: OpenFacts): Negotiation {
  const families = [...facts.peer.families].sort();
  const data = families.flatMap((family) => encodeCapability({ is: "multiprotocol", family }));
  const names = families.map((family) => `IPv${family}`).join(" and ");
  const why = `the peer does not take ${names} unicast routes`;
  return refuse(OpenSubcode.unsupportedCapability, { why, data });
}

function takesIp4OverIp6(capability: Capability): boolean {
  if (capability.is !== "extended-next-hop") return false;
  return capability.pairs.some((pair) => pair.family === 4 && pair.nextHopFamily === 6);
}

/** RFC 4271 §4.4, §10: a third of the hold time, or what is configured if that is more often; 0: none. */
function keepaliveOf(configuredMs: number, holdTimeMs: number): number {
  const thirdMs = holdTimeMs / 3;
  return configuredMs > 0 ? Math.min(configuredMs, thirdMs) : thirdMs;
}

/** Of several the last counts (RFC 4724 §3). */
function remoteRestart(open: OpenMessage): Negotiated["gracefulRestart"] {
  let found: Negotiated["gracefulRestart"] = null;
  for (const capability of open.capabilities) {
    if (capability.is !== "graceful-restart") continue;
    found = {
      restarting: capability.restarting,
      restartTimeMs: capability.restartTimeS * 1000,
      families: new Set(capability.families.map((entry) => entry.family)),
    };
  }
  return found;
}

function refuse(subcode: number, { why, data = [] }: { why: string; data?: readonly number[] }): Negotiation {
  return { is: "refused", notice: { code: ErrorCode.open, subcode, data: Uint8Array.from(data) }, why };
}
