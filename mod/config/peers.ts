/** Who takes part in the election: reading members, and what has to hold among them. */

import { type Ip, isLinkLocal, isMapped, isMulticast, isUnspecified, parseIp } from "../net/ip.ts";
import type { Findings, Place } from "./findings.ts";
import { int, matching, scalar, wrongType } from "./kinds.ts";
import { FILE_ONLY, Section } from "./section.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type Shown } from "./setting.ts";
import type { Tree } from "./tree.ts";
import type { Peer } from "./types.ts";

/** A majority of more is slower, not safer. */
export const MOST_MEMBERS = 15;

/** A member as given, with the place to complain about it. */
export interface GivenPeer extends Shown {
  readonly id: string;
  readonly ip: Ip;
  readonly port: number;
  readonly place: Place;
}

const MEMBER_ID = matching(
  /^[^\s:,\p{C}]{1,64}$/u,
  "1 to 64 printable characters without spaces, colons and commas",
);

/** An address a machine can have on a network of several. */
export const memberIp: Kind<Ip> = scalar("an IP address (a host name is not one)", (given, place) => {
  const ip = parseIp(given);
  if (ip === null) return null;
  const why = unusable(ip);
  if (why === null) return ip;
  place.problem(`is ${why}; must be an address of that machine which the others reach`, given);
  return INVALID;
});

function unusable(ip: Ip): string | null {
  if (isUnspecified(ip)) return "the unspecified address";
  if (isMulticast(ip)) return "a multicast address";
  if (isMapped(ip)) return "an IPv4 address in IPv6 form";
  return ip.family === 6 && isLinkLocal(ip) ? "a link-local address" : null;
}

export const PEER = {
  id: setting({
    key: "id",
    kind: MEMBER_ID,
    fallback: "",
    help: "Name of the member, the same in the files of all members",
  }),
  address: setting<Ip | null>({
    key: "address",
    kind: memberIp,
    fallback: null,
    help: "IP address the other members reach it at",
  }),
  port: setting({
    key: "port",
    kind: int(1, 65535, "a port"),
    fallback: 10000,
    help: "UDP port of the election",
  }),
};

export const PEER_FIELDS: readonly Setting<unknown>[] = Object.values(PEER);

/** A member: a mapping in a file, `id:address:port` elsewhere (an IPv6 address may stand in brackets). */
export const peerKind: Kind<GivenPeer> = {
  accepts: "{id, address, port}, as text id:address:port",
  fromTree(tree: Tree, place: Place): GivenPeer | Invalid {
    if (tree.is === "scalar") return this.fromText(tree.text, place);
    if (tree.is === "list") return wrongType(tree, this.accepts, place);
    const section = new Section(place, tree, FILE_ONLY);
    const id = section.read(PEER.id);
    const address = section.read(PEER.address);
    const port = section.read(PEER.port);
    section.finish(PEER_FIELDS);
    if (id.origin === "default") id.place.problem(`is missing: name this member, ${MEMBER_ID.accepts}`);
    if (address.origin === "default") address.place.problem(`is missing: must be ${memberIp.accepts}`);
    // A bad port has been noted; the member still counts when ids and addresses are compared.
    if (id.origin !== "file" || address.value === null) return INVALID;
    return givenPeer(id.value, address.value, port.value, place);
  },
  fromText(given: string, place: Place): GivenPeer | Invalid {
    const match = /^([^:]*):(.*):(\d{1,5})$/.exec(given);
    if (match === null) {
      place.problem("must be id:address:port, like server1:192.168.0.70:10000", given);
      return INVALID;
    }
    const [, name = "", address = "", port = ""] = match;
    const id = MEMBER_ID.fromText(name, place);
    const ip = memberIp.fromText(address.replace(/^\[(.*)\]$/, "$1"), place);
    const number = PEER.port.kind.fromText(port, place);
    return id === INVALID || ip === INVALID || number === INVALID ? INVALID : givenPeer(id, ip, number, place);
  },
};

function givenPeer(id: string, ip: Ip, port: number, place: Place): GivenPeer {
  const host = ip.family === 6 ? `[${ip.text}]` : ip.text;
  return { id, ip, port, place, shown: `${id}:${host}:${port}` };
}

/** The remote members without the local one, which may be listed among them; notes every contradiction. */
export function checkMembers(local: GivenPeer, remotes: readonly GivenPeer[]): readonly GivenPeer[] {
  const others = remotes.filter((peer) => peer.id !== local.id || peer.ip.text !== local.ip.text);
  const byId = new Map([[local.id, local]]);
  const byAddress = new Map([[local.ip.text, local]]);
  for (const peer of others) {
    const twin = byId.get(peer.id);
    const neighbour = byAddress.get(peer.ip.text);
    if (twin !== undefined) peer.place.problem(`has the id of ${twin.place.key}; every member needs its own`, peer.id);
    if (neighbour !== undefined) {
      peer.place.problem(`has the address of ${neighbour.place.key}; every member needs its own`, peer.ip.text);
    }
    if (peer.ip.family !== local.ip.family) {
      peer.place.problem(`must be of the same IP version as the local member's ${local.ip.text}`, peer.ip.text);
    }
    byId.set(peer.id, peer);
    byAddress.set(peer.ip.text, peer);
  }
  return others;
}

/** Warns about a number of members that survives no more failures than one less. */
export function warnEven(members: number, findings: Findings, key: string): void {
  if (members % 2 !== 0 || findings.problems.length > 0) return;
  const survives = members / 2 - 1;
  findings.warnings.push({
    key,
    value: "",
    line: null,
    message: `makes ${members} members; an even number survives no more failures (${survives}) than ${members - 1}, ` +
      "use an odd number",
  });
}

/** The member for the configuration. */
export function toPeer(peer: GivenPeer): Peer {
  return { id: peer.id, address: peer.ip.text, port: peer.port };
}

/**
 * A cluster's name when none is given: the same on every member with the same list of members (ids and addresses), so
 * that two clusters on one network do not take each other's messages for their own. FNV-1a, 64 bits; not a secret.
 */
export function deriveClusterId(members: readonly Peer[]): string {
  const names = members.map((peer) => `${peer.id}@${peer.address}`).sort();
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(names.join("\n"))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
