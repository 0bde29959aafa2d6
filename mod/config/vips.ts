/** The virtual addresses: reading them, and what has to hold among them and the members. */

import {
  type Ip,
  isLinkLocal,
  isLoopback,
  isMapped,
  isMulticast,
  isUnspecified,
  parseCidr,
  parseIp,
} from "../net/ip.ts";
import type { Place } from "./findings.ts";
import { scalar } from "./kinds.ts";
import type { GivenPeer } from "./peers.ts";
import { INVALID, type Kind, type Shown } from "./setting.ts";
import type { Vip } from "./types.ts";

export const MOST_VIPS = 64;

/** A virtual address as given. */
export interface GivenVip extends Shown {
  readonly ip: Ip;
  readonly prefixLength: number;
  readonly place: Place;
}

const ACCEPTS = "an IPv4 or IPv6 address, with or without /prefix";
const HOST_NAME = /^(?=.*[a-zA-Z])[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)+\.?$/;

/** `192.168.0.75`, `192.168.0.75/24`, `fd00::75`; alone it stands for itself (/32, /128). */
export const vipKind: Kind<GivenVip> = scalar(ACCEPTS, (given, place) => {
  const bare = parseIp(given);
  const cidr = bare === null ? parseCidr(given) : { ip: bare, prefixLength: bare.bytes.length * 8 };
  if (cidr === null) {
    if (!HOST_NAME.test(given)) return null;
    place.problem("is a DNS name, which belongs to a later feature; give an IP address", given);
    return INVALID;
  }
  const why = cidr.prefixLength === 0 ? "has the prefix /0, which is every address" : vipRefusal(cidr.ip);
  if (why !== null) {
    place.problem(`${why}; must be an address that machines of the network can reach`, given);
    return INVALID;
  }
  const shown = bare === null ? `${cidr.ip.text}/${cidr.prefixLength}` : cidr.ip.text;
  return { ...cidr, place, shown };
});

/** Why an address cannot be a virtual one, to go before "; must be …"; null if it can. */
export function vipRefusal(ip: Ip): string | null {
  if (isMulticast(ip)) return "is a multicast address";
  if (isUnspecified(ip)) return "is the unspecified address";
  if (isLoopback(ip)) return "is a loopback address";
  if (isMapped(ip)) return "is an IPv4 address in IPv6 form";
  if (ip.family === 6 && isLinkLocal(ip)) return "is an IPv6 link-local address";
  return ip.text === "255.255.255.255" ? "is the broadcast address" : null;
}

/** Notes addresses given twice and addresses that belong to a member. */
export function checkVips(vips: readonly GivenVip[], members: readonly GivenPeer[]): void {
  const seen = new Set<string>();
  for (const vip of vips) {
    if (seen.has(vip.ip.text)) vip.place.problem("is listed twice; give each address once", vip.ip.text);
    seen.add(vip.ip.text);
    checkOwner(vip, members);
  }
}

/** Notes an address that belongs to a member. */
export function checkOwner(vip: Omit<GivenVip, "prefixLength">, members: readonly GivenPeer[]): void {
  const owner = members.find((peer) => peer.ip.text === vip.ip.text);
  if (owner === undefined) return;
  vip.place.problem(
    `is the address of member ${owner.id} (${owner.place.key}); must be an address of no machine`,
    vip.shown,
  );
}

/** The address for the configuration. */
export function toVip(vip: GivenVip): Vip {
  return { ip: vip.ip.text, prefixLength: vip.prefixLength };
}
