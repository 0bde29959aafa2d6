/** Destinations on the wire (RFC 4271 §4.3): one octet of length in bits, and as many octets as hold them. */
import { assert } from "../../base/assert.ts";
import { parseIp } from "../ip.ts";
import type { Family, Prefix } from "./types.ts";

/** Some octets of a message, without a copy or a view of them. */
export interface Span {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
}

/** Bits of an address. */
export function addressBits(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** Octets of one destination; bits after the prefix are cleared. */
export function encodePrefix(prefix: Prefix): number[] {
  const ip = parseIp(prefix.ip);
  assert(ip !== null && ip.family === prefix.family, `the prefix ${prefix.ip} of IPv${prefix.family}`);
  const { length } = prefix;
  assert(length >= 0 && length <= addressBits(prefix.family), `a prefix length of ${length}`);
  const octets = Array.from(ip.bytes.subarray(0, Math.ceil(length / 8)));
  const unused = octets.length * 8 - length;
  if (unused > 0) octets.push((octets.pop() ?? 0) & (0xff << unused) & 0xff);
  return [length, ...octets];
}

/** Counts the destinations in a field; null: one is longer than an address, or than what is left (RFC 7606 §5.3). */
export function countPrefixes(span: Span, family: Family): number | null {
  const bits = addressBits(family);
  let count = 0;
  let at = span.at;
  while (at < span.end) {
    const length = span.bytes[at] ?? 0;
    if (length > bits) return null;
    at += 1 + ((length + 7) >> 3);
    count++;
  }
  return at === span.end ? count : null;
}
