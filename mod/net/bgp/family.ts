/** Address families on the wire: AFI and SAFI (RFC 4760 §3), and the octets that numbers are written as. */
import type { Family } from "./types.ts";

/** Unicast (RFC 4760 §6). */
export const SAFI_UNICAST = 1;

/** AFI of a family: 1 or 2. */
export function afiOf(family: Family): number {
  return family === 4 ? 1 : 2;
}

/** The family of AFI and SAFI; null: none that is known here. */
export function familyOf(afi: number, safi: number): Family | null {
  if (safi !== SAFI_UNICAST) return null;
  return familyOfAfi(afi);
}

/** The family of an AFI; null: none that is known here. */
export function familyOfAfi(afi: number): Family | null {
  if (afi === 1) return 4;
  return afi === 2 ? 6 : null;
}

/** Two octets in network order. */
export function u16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

/** Four octets in network order. */
export function u32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Reads two octets; those past the end count as 0, so lengths are for the caller to check. */
export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Reads four octets, unsigned; those past the end count as 0, so lengths are for the caller to check. */
export function readU32(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * 0x10000 + readU16(bytes, at + 2);
}
