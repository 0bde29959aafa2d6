/** AS paths (RFC 4271 §4.3 b, §5.1.2; RFC 6793 for AS numbers of two octets). */
import { readU16, readU32, u16, u32 } from "./family.ts";
import type { Span } from "./nlri.ts";
import { AS_TRANS } from "./open.ts";

/** RFC 4271 §4.3 b: AS_SET is 1, AS_SEQUENCE 2; RFC 5065 §3: the two of a confederation are 3 and 4. */
const AS_SEQUENCE = 2;
const CONFEDERATION_FIRST = 3;
const CONFEDERATION_LAST = 4;
/** What one octet of length can count. */
const SEGMENT_MAX = 255;

/** AS numbers as sequences of at most 255 each; no AS gives no segment. */
export function encodeAsPath(asPath: readonly number[], asOctets: 2 | 4): number[] {
  const octets: number[] = [];
  for (let at = 0; at < asPath.length; at += SEGMENT_MAX) {
    const segment = asPath.slice(at, at + SEGMENT_MAX);
    const numbers = segment.flatMap((as) => asOctets === 4 ? u32(as) : u16(as > 0xffff ? AS_TRANS : as));
    octets.push(AS_SEQUENCE, segment.length, ...numbers);
  }
  return octets;
}

/** What is wrong with a path; `segment` is RFC 7606 §7.2. */
export type PathFault = { readonly is: "segment" | "as-zero" | "confederation"; readonly got: string };

/** Looks at every segment of a path; null: nothing is wrong with it. Segments of a confederation are told last. */
export function checkAsPath(span: Span, asOctets: 2 | 4): PathFault | null {
  let confederation: PathFault | null = null;
  let zero: PathFault | null = null;
  let at = span.at;
  while (at < span.end) {
    if (span.end - at < 2) return { is: "segment", got: "one octet after the last segment" };
    const type = span.bytes[at] ?? 0;
    const count = span.bytes[at + 1] ?? 0;
    const end = at + 2 + count * asOctets;
    if (type < 1 || type > CONFEDERATION_LAST) return { is: "segment", got: `a segment of type ${type}` };
    if (count === 0) return { is: "segment", got: "an empty segment" };
    if (end > span.end) return { is: "segment", got: `a segment of ${count} AS numbers in ${span.end - at} octets` };
    if (type >= CONFEDERATION_FIRST) confederation ??= { is: "confederation", got: `a segment of type ${type}` };
    if (hasZero(span.bytes, { at: at + 2, end, asOctets })) zero ??= { is: "as-zero", got: "AS 0" };
    at = end;
  }
  return zero ?? confederation;
}

function hasZero(bytes: Uint8Array, numbers: { at: number; end: number; asOctets: 2 | 4 }): boolean {
  const { asOctets, end } = numbers;
  for (let at = numbers.at; at < end; at += asOctets) {
    if ((asOctets === 4 ? readU32(bytes, at) : readU16(bytes, at)) === 0) return true;
  }
  return false;
}
