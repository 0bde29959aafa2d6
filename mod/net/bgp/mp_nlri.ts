/** MP_REACH_NLRI and MP_UNREACH_NLRI as they are received (RFC 4760 §3, §4, §7; RFC 7606 §5.3, §7.11; RFC 8950 §3). */
import { attributeName, AttributeType, checkFlags, type ReceivedAttribute } from "./attribute.ts";
import { familyOf, readU16 } from "./family.ts";
import { countPrefixes } from "./nlri.ts";
import { BgpError, ErrorCode, UpdateSubcode } from "./notification.ts";
import type { Family, UpdateTraits } from "./types.ts";

/** What one of the two attributes holds. */
export interface MpNlri {
  /** null: a family that was not agreed on, whose destinations are not looked at. */
  readonly family: Family | null;
  /** AFI and SAFI, for people. */
  readonly name: string;
  /** Destinations; 0 when they are not looked at. */
  readonly count: number;
  /** There are octets where destinations are. */
  readonly hasNlri: boolean;
}

/** AFI, SAFI, length of the next hop, reserved octet (RFC 7606 §5.3). */
const REACH_MIN_BYTES = 5;
/** AFI, SAFI (RFC 7606 §5.3). */
const UNREACH_MIN_BYTES = 3;

/**
 * Reads either attribute. A family that was not agreed on is passed over (RFC 4760 §7: its routes are ignored).
 * Throws {@link BgpError} 3/9 for what hides where destinations begin or end (RFC 4760 §7, RFC 7606 §3 j).
 */
export function readMpNlri(attribute: ReceivedAttribute): MpNlri {
  const flags = checkFlags(attribute);
  if (flags !== null) throw mpError(attribute, flags.got, flags.wanted);
  const isReach = attribute.type === AttributeType.mpReach;
  const minBytes = isReach ? REACH_MIN_BYTES : UNREACH_MIN_BYTES;
  const { bytes, at, end, traits } = attribute;
  if (end - at < minBytes) throw mpError(attribute, `length ${end - at}`, `at least ${minBytes}`);
  const afi = readU16(bytes, at);
  const safi = bytes[at + 2] ?? 0;
  const name = `AFI ${afi} SAFI ${safi}`;
  const family = familyOf(afi, safi);
  const nextHopBytes = isReach ? bytes[at + 3] ?? 0 : 0;
  const start = isReach ? at + REACH_MIN_BYTES + nextHopBytes : at + UNREACH_MIN_BYTES;
  if (family === null || !traits.families.has(family)) return { family: null, name, count: 0, hasNlri: start < end };
  if (isReach && !isNextHopLength(nextHopBytes, family, { traits })) {
    throw mpError(attribute, `a next hop of ${nextHopBytes} octets`, `one that suits ${name}`);
  }
  // A next hop that reaches beyond the attribute leaves less than nothing, which no destinations fill.
  const count = countPrefixes({ bytes, at: start, end }, family);
  if (count === null) throw mpError(attribute, `${end - start} octets of something else`, "destinations to its end");
  return { family, name, count, hasNlri: count > 0 };
}

/** RFC 2545 §3: a global address and perhaps the link-local one; RFC 8950 §3: for IPv4 only if it was agreed on. */
function isNextHopLength(octets: number, family: Family, { traits }: { readonly traits: UpdateTraits }): boolean {
  const isIpv6 = octets === 16 || octets === 32;
  return family === 6 ? isIpv6 : octets === 4 || (isIpv6 && traits.extendedNextHop);
}

/** RFC 4760 §7: "Optional Attribute Error", with the type as a hint. */
export function mpError(attribute: { readonly type: number }, got: string, wanted: string): BgpError {
  const fault = { unit: "BGP UPDATE", where: attributeName(attribute.type), got, wanted };
  return new BgpError(ErrorCode.update, UpdateSubcode.optionalAttribute, fault);
}
