/** UPDATE as it is sent (RFC 4271 §4.3, RFC 4760, RFC 8950; the form of RFC 7606 §5.1: one kind of routes in each). */
import { assert } from "../../base/assert.ts";
import { type Ip, parseIp } from "../ip.ts";
import { encodeAsPath } from "./as_path.ts";
import { AttributeType, encodeAttribute, OPTIONAL, TRANSITIVE } from "./attribute.ts";
import { afiOf, SAFI_UNICAST, u16, u32 } from "./family.ts";
import { encodeMessage, HEADER_BYTES, MESSAGE_MAX_BYTES } from "./message.ts";
import { encodePrefix } from "./nlri.ts";
import type { Family, PathAttributes, Prefix, UpdateTraits } from "./types.ts";

/** ORIGIN (RFC 4271 §5.1.1): the routes are this AS's own. */
const ORIGIN_IGP = 0;
/** The two fields of two octets in every UPDATE. */
const LENGTHS_BYTES = 4;
/** Flags, type and two octets of length. */
const LONG_HEADER_BYTES = 4;

const OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE;
const FAMILIES: readonly Family[] = [4, 6];

/**
 * Announces destinations with one path, in as few messages as they fit into. IPv4 destinations with an IPv4 next hop go
 * into the message itself, all others into MP_REACH_NLRI. Local preference is left out for external peers
 * (RFC 4271 §5.1.5).
 */
export function encodeAnnouncements(
  prefixes: readonly Prefix[],
  path: PathAttributes,
  traits: UpdateTraits,
): Uint8Array<ArrayBuffer>[] {
  const nextHop = readNextHop(path.nextHop);
  return FAMILIES.flatMap((family) => {
    const nlri = encodeFamily(prefixes, family);
    if (nlri.length === 0) return [];
    if (family === 4 && nextHop.family === 4) return plainAnnouncements(nlri, path, traits);
    assert(nextHop.family === 6, `the next hop ${path.nextHop} for IPv6 routes`);
    assert(family === 6 || traits.extendedNextHop, `the next hop ${path.nextHop} for IPv4 routes`);
    return mpAnnouncements(nlri, path, { traits, family });
  });
}

/** RFC 4271 §4.3. */
function plainAnnouncements(
  nlri: readonly (readonly number[])[],
  path: PathAttributes,
  traits: UpdateTraits,
): Uint8Array<ArrayBuffer>[] {
  const nextHop = encodeAttribute(TRANSITIVE, AttributeType.nextHop, [...readNextHop(path.nextHop).bytes]);
  const attributes = encodePath(path, traits, { nextHop });
  return pack(nlri, attributes.length).map((chunk) => encodeUpdate({ attributes, nlri: chunk }));
}

/** RFC 4760 §3; the attribute goes first (RFC 7606 §5.1). */
function mpAnnouncements(
  nlri: readonly (readonly number[])[],
  path: PathAttributes,
  { traits, family }: { readonly traits: UpdateTraits; readonly family: Family },
): Uint8Array<ArrayBuffer>[] {
  const others = encodePath(path, traits, { nextHop: [] });
  const nextHop = mpNextHop(path);
  const head = [...u16(afiOf(family)), SAFI_UNICAST, nextHop.length, ...nextHop, 0];
  return pack(nlri, LONG_HEADER_BYTES + head.length + others.length).map((chunk) => {
    const reach = encodeAttribute(OPTIONAL, AttributeType.mpReach, [...head, ...chunk]);
    return encodeUpdate({ attributes: [...reach, ...others] });
  });
}

/** RFC 2545 §3: the link-local address goes behind the global one. */
function mpNextHop(path: PathAttributes): number[] {
  const global = readNextHop(path.nextHop).bytes;
  if (path.nextHopLinkLocal === null) return [...global];
  const linkLocal = readNextHop(path.nextHopLinkLocal);
  assert(linkLocal.family === 6, `the link-local next hop ${linkLocal.text}`);
  return [...global, ...linkLocal.bytes];
}

function readNextHop(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `the next hop ${text}`);
  return ip;
}

/** All attributes but MP_REACH_NLRI, by their number (RFC 4271 §5). */
function encodePath(
  path: PathAttributes,
  traits: UpdateTraits,
  { nextHop }: { readonly nextHop: readonly number[] },
): number[] {
  const { asPath, med, localPref, communities, largeCommunities } = path;
  const large = largeCommunities.flatMap((
    { global, local1, local2 },
  ) => [...u32(global), ...u32(local1), ...u32(local2)]);
  const octets = encodeAsPath(asPath, traits.fourOctetAs ? 4 : 2);
  // RFC 6793 §4.2.2: only beside a path that does not tell all.
  const needsAs4 = !traits.fourOctetAs && asPath.some((as) => as > 0xffff);
  return [
    ...encodeAttribute(TRANSITIVE, AttributeType.origin, [ORIGIN_IGP]),
    ...encodeAttribute(TRANSITIVE, AttributeType.asPath, octets),
    ...nextHop,
    ...(med === null ? [] : encodeAttribute(OPTIONAL, AttributeType.med, u32(med))),
    ...(localPref === null || traits.isExternal
      ? []
      : encodeAttribute(TRANSITIVE, AttributeType.localPref, u32(localPref))),
    ...listAttribute(AttributeType.communities, communities.flatMap(u32)),
    ...(needsAs4 ? encodeAttribute(OPTIONAL_TRANSITIVE, AttributeType.as4Path, encodeAsPath(asPath, 4)) : []),
    ...listAttribute(AttributeType.largeCommunities, large),
  ];
}

/** An empty list is no attribute: its length must not be 0 (RFC 7606 §7.8, RFC 8092 §6). */
function listAttribute(type: number, value: readonly number[]): number[] {
  return value.length === 0 ? [] : encodeAttribute(OPTIONAL_TRANSITIVE, type, value);
}

/**
 * Withdraws destinations. IPv4 goes into the message itself, or into MP_UNREACH_NLRI where IPv4 routes may have been
 * announced by MP_REACH_NLRI (RFC 8950).
 */
export function encodeWithdrawals(prefixes: readonly Prefix[], traits: UpdateTraits): Uint8Array<ArrayBuffer>[] {
  return FAMILIES.flatMap((family) => {
    const nlri = encodeFamily(prefixes, family);
    if (family === 4 && !traits.extendedNextHop) return pack(nlri, 0).map((withdrawn) => encodeUpdate({ withdrawn }));
    const head = [...u16(afiOf(family)), SAFI_UNICAST];
    return pack(nlri, LONG_HEADER_BYTES + head.length).map((chunk) =>
      encodeUpdate({ attributes: encodeAttribute(OPTIONAL, AttributeType.mpUnreach, [...head, ...chunk]) })
    );
  });
}

/** The End-of-RIB marker (RFC 4724 §2). */
export function encodeEndOfRib(family: Family): Uint8Array<ArrayBuffer> {
  if (family === 4) return encodeUpdate({});
  const value = [...u16(afiOf(family)), SAFI_UNICAST];
  return encodeUpdate({ attributes: encodeAttribute(OPTIONAL, AttributeType.mpUnreach, value) });
}

function encodeFamily(prefixes: readonly Prefix[], family: Family): number[][] {
  return prefixes.filter((prefix) => prefix.family === family).map(encodePrefix);
}

/** Splits destinations into as few runs as fit beside `otherBytes` in a message each. */
function pack(nlri: readonly (readonly number[])[], otherBytes: number): number[][] {
  const room = MESSAGE_MAX_BYTES - HEADER_BYTES - LENGTHS_BYTES - otherBytes;
  const chunks: number[][] = [];
  let chunk: number[] = [];
  for (const prefix of nlri) {
    assert(prefix.length <= room, `path attributes leave ${room} bytes of a message`);
    if (chunk.length + prefix.length > room) {
      chunks.push(chunk);
      chunk = [];
    }
    chunk.push(...prefix);
  }
  return chunk.length === 0 ? chunks : [...chunks, chunk];
}

interface UpdateParts {
  readonly withdrawn?: readonly number[];
  readonly attributes?: readonly number[];
  readonly nlri?: readonly number[];
}

function encodeUpdate({ withdrawn = [], attributes = [], nlri = [] }: UpdateParts): Uint8Array<ArrayBuffer> {
  return encodeMessage("update", [
    ...u16(withdrawn.length),
    ...withdrawn,
    ...u16(attributes.length),
    ...attributes,
    ...nlri,
  ]);
}
