/** BGP messages put together by hand, apart from the encoders under test. Every length is derived from what it counts. */
import { MessageReader, type RawMessage } from "../../../mod/net/bgp/message.ts";
import type { UpdateTraits } from "../../../mod/net/bgp/types.ts";

export const OPTIONAL = 0x80;
export const TRANSITIVE = 0x40;
export const PARTIAL = 0x20;
export const EXTENDED = 0x10;

export function be16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

export function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value & 0xffff)];
}

/** An attribute; the flag of the extended length decides how its length is written. */
export function attribute(flags: number, type: number, value: readonly number[]): number[] {
  const length = (flags & EXTENDED) !== 0 ? be16(value.length) : [value.length];
  return [flags, type, ...length, ...value];
}

export function message(type: number, body: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...new Array<number>(16).fill(0xff), ...be16(19 + body.length), type, ...body]);
}

export interface UpdateFields {
  readonly withdrawn?: readonly number[];
  readonly attributes?: readonly number[];
  readonly nlri?: readonly number[];
}

export function update({ withdrawn = [], attributes = [], nlri = [] }: UpdateFields): Uint8Array<ArrayBuffer> {
  return message(2, [...be16(withdrawn.length), ...withdrawn, ...be16(attributes.length), ...attributes, ...nlri]);
}

/** The only message in these bytes. */
export function whole(bytes: Uint8Array): RawMessage {
  const reader = new MessageReader();
  reader.push(bytes);
  const raw = reader.next();
  if (raw === null) throw new Error(`no message in ${bytes.toHex()}`);
  return raw;
}

/** 192.0.2.0/24 and 198.51.100.1/32. */
export const NLRI = [24, 192, 0, 2, 32, 198, 51, 100, 1];
/** 2001:db8::/32. */
export const NLRI6 = [32, 0x20, 0x01, 0x0d, 0xb8];
export const NEXT_HOP = [192, 0, 2, 1];
/** 2001:db8::1. */
export const NEXT_HOP6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/** fe80::1. */
export const LINK_LOCAL = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/** AFI, SAFI, next hop with its length, reserved octet, destinations. */
export function mpReach(afi: number, nextHop: readonly number[], nlri: readonly number[]): number[] {
  return [...be16(afi), 1, nextHop.length, ...nextHop, 0, ...nlri];
}

export function mpUnreach(afi: number, nlri: readonly number[]): number[] {
  return [...be16(afi), 1, ...nlri];
}

export const EXTERNAL: UpdateTraits = {
  isExternal: true,
  fourOctetAs: true,
  families: new Set([4, 6]),
  extendedNextHop: false,
};
export const INTERNAL: UpdateTraits = { ...EXTERNAL, isExternal: false };
