/** The kinds of values that only BGP has. */

import type { LargeCommunity } from "../../net/bgp/types.ts";
import { isUnspecified, parseIp, parseIp4 } from "../../net/ip.ts";
import { listOf, scalar, U32 } from "../kinds.ts";
import { INVALID, type Kind, type Shown } from "../setting.ts";

/** The router's identifier; empty text never gets here. */
export const routerId: Kind<string> = scalar("an IPv4 address, not 0.0.0.0", (given, place) => {
  const ip = parseIp(given);
  if (ip === null) {
    place.problem("invalid router-id format: must be an IPv4 address", given);
    return INVALID;
  }
  if (ip.family === 4) return isUnspecified(ip) ? null : ip.text;
  place.problem("router-id must be an IPv4 address", given);
  return INVALID;
});

/** Any IPv4 or IPv6 address, as canonical text. */
export const ip: Kind<string> = scalar("an IP address", (given) => parseIp(given)?.text ?? null);

/** The canonical text of an address of one version; null if it is none. */
export function ipOf(family: 4 | 6, text: string): string | null {
  const address = family === 4 ? parseIp4(text) : parseIp(text);
  return address !== null && address.family === family ? address.text : null;
}

/** What TCP-MD5 takes (`TCP_MD5SIG_MAXKEYLEN`). */
export const LONGEST_PASSWORD_BYTES = 80;

/** Whether TCP-MD5 takes it. */
export function fitsMd5(password: string): boolean {
  return new TextEncoder().encode(password).length <= LONGEST_PASSWORD_BYTES;
}

export const peerPassword: Kind<string> = scalar(
  `a password of at most ${LONGEST_PASSWORD_BYTES} characters`,
  (given) => fitsMd5(given) ? given : null,
);

/** Together they have to fit into an UPDATE (RFC 4271 §4.1: 4096 octets) with everything else. */
const MOST_COMMUNITIES = 64;

/** RFC 1997, RFC 3765, RFC 7999, RFC 8326. */
const WELL_KNOWN: Readonly<Record<string, number>> = {
  "no-export": 0xffff_ff01,
  "no-advertise": 0xffff_ff02,
  "no-export-subconfed": 0xffff_ff03,
  "no-peer": 0xffff_ff04,
  "graceful-shutdown": 0xffff_0000,
  "blackhole": 0xffff_029a,
};

/** A community as given. */
export interface GivenCommunity extends Shown {
  readonly value: number;
}

const community: Kind<GivenCommunity> = scalar(
  `a community like 65000:100, or ${Object.keys(WELL_KNOWN).join(", ")}`,
  (given) => {
    const known = WELL_KNOWN[given.toLowerCase()];
    if (known !== undefined) return { value: known, shown: given.toLowerCase() };
    const parts = numbers(given, 2, 0xffff);
    if (parts === null) return null;
    const [high = 0, low = 0] = parts;
    return { value: high * 0x1_0000 + low, shown: parts.join(":") };
  },
);

export const communities: Kind<readonly GivenCommunity[]> = listOf(community, MOST_COMMUNITIES);

/** A large community as given (RFC 8092). */
export interface GivenLargeCommunity extends Shown {
  readonly value: LargeCommunity;
}

const largeCommunity: Kind<GivenLargeCommunity> = scalar("a large community like 65000:1:2", (given) => {
  const parts = numbers(given, 3, U32);
  if (parts === null) return null;
  const [global = 0, local1 = 0, local2 = 0] = parts;
  return { value: { global, local1, local2 }, shown: parts.join(":") };
});

export const largeCommunities: Kind<readonly GivenLargeCommunity[]> = listOf(largeCommunity, MOST_COMMUNITIES);

/** `count` decimal numbers with colons between them. */
function numbers(given: string, count: number, most: number): readonly number[] | null {
  const parts = given.split(":");
  if (parts.length !== count || !parts.every((part) => /^\d{1,10}$/.test(part) && Number(part) <= most)) return null;
  return parts.map(Number);
}
