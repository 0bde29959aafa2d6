/** What one peer is told about our routes beside their destination. Pure. */

import type { Family, PathAttributes } from "../net/bgp/types.ts";
import { nextHopFor, type NextHopQuestion } from "./next_hop.ts";
import type { BgpPeerConfig, Negotiated } from "./types.ts";

/** RFC 8326 §3.2, RFC 1997: asks to prefer other paths, for this one is going away. */
export const GRACEFUL_SHUTDOWN = 0xffff0000;

/** RFC 4271 §9.1.1 leaves the degree to us; 100 is what every router takes for a route without one. */
const DEFAULT_LOCAL_PREF = 100;

/** LOCAL_PREF and MED are 32 bits wide. Routers that take a missing MED for the worst may mean the greatest one: ours are below it. */
const MAX_LOCAL_PREF = 4_294_967_295;
const MAX_MED = 4_294_967_294;

/** Attributes of routes, and a text that is equal for equal ones. */
export interface Path {
  readonly key: string;
  readonly attributes: PathAttributes;
}

/** The paths of one family on one session, or why its routes cannot be announced there, in words. */
export type FamilyPaths =
  | { readonly is: "paths"; readonly plain: Path; readonly draining: Path }
  | { readonly is: "none"; readonly why: string };

/** Families that the configuration of the peer does not name are not in it. */
export type PeerPaths = ReadonlyMap<Family, FamilyPaths>;

/** How an address is announced. */
export interface Manner {
  readonly isDraining: boolean;
  /** Of the grant under which it is held; null: every node that announces it is as good as any other. */
  readonly term: number | null;
}

/** What paths depend on. */
export interface PathsQuestion extends Pick<NextHopQuestion, "addresses" | "isAnnounced"> {
  readonly as: number;
  readonly peer: BgpPeerConfig;
  readonly session: Negotiated;
}

/** What the peer of this session is to be told, for each family that its configuration names. */
export function peerPaths(question: PathsQuestion): PeerPaths {
  return new Map([...question.peer.families].map((family) => [family, familyPaths(family, question)]));
}

/**
 * The path of an address that is announced in this manner. Of equal paths routers keep the oldest, which is that of a holder that hangs
 * until its hold time is over. So the path ranks by its term, and the newest holder's wins at once (RFC 4271 §9.1.2.2): at internal peers
 * by LOCAL_PREF, at external ones by MED, which is compared among paths from one AS, as all of ours are. A configured MED is sent as it is.
 */
export function pathFor(paths: FamilyPaths & { readonly is: "paths" }, { isDraining, term }: Manner): Path {
  const base = isDraining ? paths.draining : paths.plain;
  if (term === null) return base;
  const { med, localPref } = base.attributes;
  if (localPref === null) return med === null ? other(base, { med: Math.max(0, MAX_MED - term) }) : base;
  return isDraining ? base : other(base, { localPref: Math.min(MAX_LOCAL_PREF, localPref + term) });
}

/** Much cheaper than {@link path}, as this happens for each address. */
function other(base: Path, change: Partial<Pick<PathAttributes, "med" | "localPref">>): Path {
  const attributes = { ...base.attributes, ...change };
  const { med, localPref } = attributes;
  if (med === base.attributes.med && localPref === base.attributes.localPref) return base;
  return { key: `${base.key} MED ${med} LOCAL_PREF ${localPref}`, attributes };
}

function familyPaths(family: Family, question: PathsQuestion): FamilyPaths {
  if (!question.session.families.has(family)) return { is: "none", why: `the peer takes no IPv${family} routes` };
  const nextHop = nextHopFor(family, question);
  if (nextHop.is === "none") return nextHop;
  const plain = attributes(question, { ip: nextHop.ip, linkLocal: nextHop.linkLocal });
  return { is: "paths", plain: path(plain), draining: path(drained(plain)) };
}

/**
 * Own AS and prepending only to external peers: an internal one would take its own AS in the path for a loop (RFC 4271 §5.1.2, §9.1.2).
 * LOCAL_PREF only to internal ones (§5.1.5).
 */
function attributes(question: PathsQuestion, nextHop: { ip: string; linkLocal: string | null }): PathAttributes {
  const { policy } = question.peer;
  const { isExternal } = question.session;
  return {
    asPath: isExternal ? new Array<number>(1 + policy.prepend).fill(question.as) : [],
    nextHop: nextHop.ip,
    nextHopLinkLocal: nextHop.linkLocal,
    med: policy.med,
    localPref: isExternal ? null : policy.localPref ?? DEFAULT_LOCAL_PREF,
    communities: policy.communities,
    largeCommunities: policy.largeCommunities,
  };
}

/** RFC 8326 §4.1: the community, and LOCAL_PREF 0 where there is one. */
function drained(plain: PathAttributes): PathAttributes {
  const others = plain.communities.filter((community) => community !== GRACEFUL_SHUTDOWN);
  return {
    ...plain,
    localPref: plain.localPref === null ? null : 0,
    communities: [...others, GRACEFUL_SHUTDOWN],
  };
}

function path(attributes: PathAttributes): Path {
  return { key: JSON.stringify(attributes), attributes };
}
