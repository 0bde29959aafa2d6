/** From a peer as it was given to a peer as the speaker takes it. */

import type { BgpPeerConfig, PeerAddress, RoutePolicy } from "../../bgp/types.ts";
import type { Family } from "../../net/bgp/types.ts";
import { type Ip, isLinkLocal, isMapped, isMulticast, isUnspecified, parseIp } from "../../net/ip.ts";
import { hostName } from "../kinds.ts";
import { bfdOf } from "./bfd.ts";
import { type GivenNextHop, mergeNextHop, nextHopPolicy } from "./next_hop.ts";
import type { PeerOverrides } from "./peer_string.ts";
import type { PeerDefaults } from "./types.ts";

/** TTL of packets to a peer that is more than one hop away, as upstream has it. */
export const MULTIHOP_TTL = 50;
/** RFC 4271 §8. */
export const BGP_PORT = 179;

/** A peer before it is judged. */
export interface PeerDraft {
  /** IP address or name of a host; empty for a peer without an address. */
  readonly address: string;
  /** Of a peer without an address. */
  readonly interface: string;
  /** 0: not given. */
  readonly port: number;
  /** 0: not given, which only a peer without an address may leave out. */
  readonly as: number;
  /** Empty: that of {@link PeerDefaults}. */
  readonly password: string;
  readonly multihop: boolean;
  readonly nextHop: GivenNextHop;
  /** `enable;rx;tx;multiplier`. */
  readonly bfd: string;
  readonly overrides: PeerOverrides;
}

/** What is told while a peer is built. Messages name the peer and repeat no secret. */
export interface PeerHelp {
  readonly defaults: PeerDefaults;
  /** Whether connections are taken. */
  readonly listens: boolean;
  problem(message: string): void;
  warning(message: string): void;
  /** The password in a file; null after noting why there is none. */
  readPassword(path: string): string | null;
  /** BFD is on for a peer; `units` says how its numbers were taken. */
  noteBfd(name: string, units: string): void;
}

/** The peer; null after noting why there can be none. */
export function buildPeer(draft: PeerDraft, help: PeerHelp): BgpPeerConfig | null {
  const address = addressOf(draft);
  if (typeof address === "string") return refuse(help, `a BGP peer ${address}`);
  const port = draft.port === 0 ? BGP_PORT : draft.port;
  const name = nameOf(address, port);
  let sound = true;
  const said: PeerHelp = {
    ...help,
    problem: (what) => {
      sound = false;
      help.problem(`BGP peer ${name}: ${what}`);
    },
    warning: (what) => help.warning(`BGP peer ${name}: ${what}`),
  };
  if (draft.as === 0 && address.is !== "unnumbered") said.problem("needs an AS from 1 to 4294967295");
  const source = sourceOf(draft, address, said);
  const nextHop = nextHopOf(draft, source, said);
  const families = nextHop === null ? familiesOf(address) : BOTH;
  const peer = {
    name,
    address,
    port,
    as: draft.as === 0 ? null : draft.as,
    password: passwordOf(draft, said),
    ...hopsOf(draft, said),
    ...source,
    families,
    nextHop: nextHop ?? { is: "self" as const },
    holdTimeMs: help.defaults.holdTimeMs,
    keepaliveMs: help.defaults.keepaliveMs,
    passive: passiveOf(draft, address, said),
    bfd: bfdFor(draft, name, said),
    policy: policyOf(draft.overrides, help.defaults.policy),
  };
  return sound ? peer : null;
}

function refuse(help: PeerHelp, message: string): null {
  help.problem(message);
  return null;
}

/** Where it is, or what is wrong with that. */
function addressOf({ address, interface: link }: PeerDraft): PeerAddress | string {
  if (address === "") {
    return /^[^\s/:\p{C}]{1,15}$/u.test(link)
      ? { is: "unnumbered", interface: link }
      : "without an address needs the name of an interface";
  }
  const ip = parseIp(address);
  if (ip !== null) return unusable(ip) ?? { is: "ip", ip: ip.text };
  const host = hostName(address);
  return host === null ? "has an address that is neither an IP address nor the name of a host" : { is: "name", host };
}

function unusable(ip: Ip): string | null {
  if (isUnspecified(ip)) return "has the unspecified address";
  if (isMulticast(ip)) return "has a multicast address";
  return isMapped(ip) ? "has an IPv4 address in IPv6 form; write it as IPv4" : null;
}

function nameOf(address: PeerAddress, port: number): string {
  switch (address.is) {
    case "ip":
      return address.ip.includes(":") ? `[${address.ip}]:${port}` : `${address.ip}:${port}`;
    case "name":
      return `${address.host}:${port}`;
    case "unnumbered":
      return address.interface;
  }
}

const BOTH: ReadonlySet<Family> = new Set<Family>([4, 6]);

/** Without MP-BGP: the family of the session. A name may lead to either, and the two sides agree on what they have in common. */
function familiesOf(address: PeerAddress): ReadonlySet<Family> {
  return address.is === "ip" ? new Set<Family>([address.ip.includes(":") ? 6 : 4]) : BOTH;
}

type Source = Pick<BgpPeerConfig, "sourceIp" | "sourceInterface">;

/** Its own, or else that of all peers. */
function sourceOf({ overrides }: PeerDraft, address: PeerAddress, help: PeerHelp): Source {
  const { sourceIp, sourceInterface } = overrides;
  const own = sourceIp !== null || sourceInterface !== null;
  if (sourceIp !== null && sourceInterface !== null) help.problem("sourceIP and SourceIF are mutually exclusive");
  const source = own ? { sourceIp, sourceInterface } : help.defaults;
  if (address.is === "unnumbered") return unnumberedSource(address.interface, own ? source : null, help);
  checkLinkLocal(address, source, help);
  if (source.sourceIp === null || address.is === "name") return pick(source);
  if (source.sourceIp.includes(":") === address.ip.includes(":")) return pick(source);
  const what = `the source address ${source.sourceIp} is of another IP version than the peer`;
  if (own) help.problem(what);
  else help.warning(`${what} and not used for it`);
  return { sourceIp: null, sourceInterface: null };
}

function pick({ sourceIp, sourceInterface }: Source): Source {
  return { sourceIp, sourceInterface };
}

/** A session of link-local addresses is bound to its link whatever all other peers do. */
function unnumberedSource(link: string, own: Source | null, help: PeerHelp): Source {
  if (own !== null && own.sourceInterface !== link) {
    help.problem(`the source of a session over ${link} is ${link}; leave sourceIP and sourceIF out`);
  }
  return { sourceIp: null, sourceInterface: link };
}

function checkLinkLocal(address: PeerAddress, source: Source, help: PeerHelp): void {
  const ip = address.is === "ip" ? parseIp(address.ip) : null;
  if (ip?.family !== 6 || !isLinkLocal(ip) || source.sourceInterface !== null) return;
  help.problem("a link-local address needs a source interface (sourceIF), or write unnumbered:<interface>");
}

function nextHopOf(draft: PeerDraft, source: Source, help: PeerHelp): BgpPeerConfig["nextHop"] | null {
  const merged = mergeNextHop(draft.nextHop, help.defaults.nextHop);
  if (merged.how !== "fixed" && draft.nextHop.ipv4 + draft.nextHop.ipv6 !== "") {
    help.warning("mpbgp_ipv4 and mpbgp_ipv6 have no effect without mpbgp_nexthop=fixed");
  }
  const result = nextHopPolicy(merged, source);
  if (result.outcome === "valid") return result.policy;
  help.problem(result.what);
  return null;
}

function passwordOf({ password, overrides: { passwordFile } }: PeerDraft, help: PeerHelp): string | null {
  if (passwordFile !== null && password !== "") help.problem("has both password and passwordFile; give one of them");
  if (password !== "") return password;
  return passwordFile === null ? help.defaults.password : help.readPassword(passwordFile);
}

type Hops = Pick<BgpPeerConfig, "multihopTtl" | "ttlSecurityHops">;

/** A TTL that says "not from far away" and one that lets packets come from far contradict each other (RFC 5082 §3). */
function hopsOf({ multihop, overrides }: PeerDraft, { defaults, ...help }: PeerHelp): Hops {
  const multihopTtl = overrides.multihopTtl ?? (multihop ? MULTIHOP_TTL : null);
  const hops = overrides.ttlSecurity ?? defaults.ttlSecurityHops ?? 0;
  if (hops > 0 && multihopTtl !== null) {
    help.problem("TTL security (bgp_ttl_security) and multihop are mutually exclusive; leave one of them");
  }
  return { multihopTtl, ttlSecurityHops: hops === 0 ? null : hops };
}

function passiveOf({ overrides }: PeerDraft, address: PeerAddress, help: PeerHelp): boolean {
  const passive = overrides.passive ?? help.defaults.passive;
  if (passive && !help.listens) help.problem("a passive peer needs a port to connect to: give bgp_listen_port");
  if (passive && address.is === "name") help.problem("a passive peer is known by its IP address; give that, no name");
  return passive;
}

function bfdFor(draft: PeerDraft, name: string, help: PeerHelp): BgpPeerConfig["bfd"] {
  const bfd = bfdOf(draft.bfd);
  if (bfd.outcome === "invalid") help.problem(bfd.what);
  if (bfd.outcome !== "on") return null;
  help.noteBfd(name, bfd.units);
  return bfd.config;
}

function policyOf(own: PeerOverrides, all: RoutePolicy): RoutePolicy {
  return {
    communities: own.communities?.map(({ value }) => value) ?? all.communities,
    largeCommunities: own.largeCommunities?.map(({ value }) => value) ?? all.largeCommunities,
    localPref: own.localPref ?? all.localPref,
    med: own.med ?? all.med,
    prepend: own.prepend ?? all.prepend,
  };
}
