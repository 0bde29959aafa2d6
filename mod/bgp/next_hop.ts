/** The next hop of our routes on one session (RFC 4271 §5.1.3, RFC 2545 §3, RFC 8950). Pure. */

import { assertNever } from "../base/assert.ts";
import type { Family } from "../net/bgp/types.ts";
import { cidrContains, isLoopback, parseIp } from "../net/ip.ts";
import type { BgpPeerConfig, Negotiated, NextHopPolicy } from "./types.ts";

/** An address of this machine. */
export interface HostAddress {
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkName: string;
  readonly isLinkLocal: boolean;
}

/** What a next hop depends on. */
export interface NextHopQuestion {
  readonly peer: Pick<BgpPeerConfig, "address" | "nextHop" | "sourceIp" | "sourceInterface">;
  readonly session: Pick<Negotiated, "localIp" | "remoteIp" | "extendedNextHop">;
  /** Addresses of this machine, in the kernel's order. */
  readonly addresses: readonly HostAddress[];
  /** Whether an address is one that is announced: many machines have it, so it leads to none of them. */
  readonly isAnnounced: (ip: string) => boolean;
}

/** A next hop, or why there is none, in words. */
export type NextHop =
  | {
    readonly is: "hop";
    /** Canonical text. */
    readonly ip: string;
    /** RFC 2545 §3: the link-local address beside a global one; null: none. */
    readonly linkLocal: string | null;
  }
  | { readonly is: "none"; readonly why: string };

/**
 * The next hop of routes of `family`. Of the session's own family it is the session's local address. Of the other one it is what the
 * policy names; where that is nothing else than `self` or leads nowhere, and both sides can do RFC 8950, an IPv4 route goes over the
 * session's IPv6 address.
 */
export function nextHopFor(family: Family, question: NextHopQuestion): NextHop {
  const { session, peer } = question;
  if (familyOf(session.localIp) === family) return ownFamily(question);
  const extended = family === 4 && session.extendedNextHop;
  if (extended && isSelf(peer.nextHop, family)) return ownFamily(question);
  const named = otherFamily(family, question);
  return named.is === "none" && extended ? ownFamily(question) : named;
}

/** Whether the policy says nothing about `family` that `self` would not. */
function isSelf(policy: NextHopPolicy, family: Family): boolean {
  return policy.is === "self" || (policy.is === "fixed" && fixedOf(policy, family) === null);
}

function fixedOf(policy: NextHopPolicy & { is: "fixed" }, family: Family): string | null {
  return family === 4 ? policy.ipv4 : policy.ipv6;
}

/** The session's local address; for IPv6 in the form of RFC 2545 §3: both addresses if the peer is on the link and we have both. */
function ownFamily(question: NextHopQuestion): NextHop {
  const { localIp } = question.session;
  if (familyOf(localIp) === 4) return hop(localIp);
  const link = sessionLink(question);
  const onLink = question.addresses.filter((address) => address.linkName === link && familyOf(address.ip) === 6);
  if (isLinkLocalText(localIp)) {
    const global = onLink.find((address) => address.prefixLength < 128 && isUsable(address, question));
    return global === undefined ? hop(localIp) : { is: "hop", ip: global.ip, linkLocal: localIp };
  }
  const linkLocal = onLink.find((address) => address.isLinkLocal);
  return { is: "hop", ip: localIp, linkLocal: isOnLink(question, onLink) ? linkLocal?.ip ?? null : null };
}

/** Whether the peer is in the subnet of the session's local address. */
function isOnLink(question: NextHopQuestion, onLink: readonly HostAddress[]): boolean {
  const own = onLink.find((address) => address.ip === question.session.localIp);
  return own !== undefined && subnetHas(own, question.session.remoteIp);
}

/** Whether `ip` is in the subnet of `address`. */
export function subnetHas(address: HostAddress, ip: string): boolean {
  const network = parseIp(address.ip);
  const other = parseIp(ip);
  return network !== null && other !== null && cidrContains({ ip: network, prefixLength: address.prefixLength }, other);
}

function otherFamily(family: Family, question: NextHopQuestion): NextHop {
  const { peer, session } = question;
  switch (peer.nextHop.is) {
    case "fixed": {
      const fixed = fixedOf(peer.nextHop, family);
      return fixed === null ? firstOn(sessionLink(question), family, question) : hop(fixed);
    }
    case "self":
      return firstOn(sessionLink(question), family, question);
    case "source-address":
      return firstOn(linkOf(peer.sourceIp ?? session.localIp, question), family, question);
    case "source-interface":
      return firstOn(peer.sourceInterface, family, question);
    default:
      return assertNever(peer.nextHop);
  }
}

/** The first address of `family` on a link that leads to this machine from another one. */
function firstOn(link: string | null, family: Family, question: NextHopQuestion): NextHop {
  if (link === null) return { is: "none", why: `no link of this machine has the address ${question.session.localIp}` };
  const found = question.addresses.find((address) =>
    address.linkName === link && familyOf(address.ip) === family && isUsable(address, question)
  );
  if (found !== undefined) return hop(found.ip);
  return { is: "none", why: `${link} has no IPv${family} address that could be the next hop` };
}

function isUsable(address: HostAddress, question: NextHopQuestion): boolean {
  const ip = parseIp(address.ip);
  return ip !== null && !address.isLinkLocal && !isLoopback(ip) && !question.isAnnounced(address.ip);
}

/** The link that the session runs over. A link-local address says nothing: every link may have the same one. */
function sessionLink(question: NextHopQuestion): string | null {
  const { peer, session } = question;
  if (peer.address.is === "unnumbered") return peer.address.interface;
  if (isLinkLocalText(session.localIp) && peer.sourceInterface !== null) return peer.sourceInterface;
  return linkOf(session.localIp, question);
}

function linkOf(ip: string, question: NextHopQuestion): string | null {
  return question.addresses.find((address) => address.ip === ip)?.linkName ?? null;
}

function hop(ip: string): NextHop {
  return { is: "hop", ip, linkLocal: null };
}

/** Of canonical text. */
function familyOf(ip: string): Family {
  return ip.includes(":") ? 6 : 4;
}

/** fe80::/10, of canonical text. */
function isLinkLocalText(ip: string): boolean {
  return /^fe[89ab]/.test(ip);
}
