/**
 * Netlink attributes (include/uapi/linux/netlink.h, struct nlattr):
 *
 *     0  u16  length, header included, padding not
 *     2  u16  type; bit 15 = nested, bit 14 = network byte order
 *     4  …    value, padded with zeros to a multiple of four
 */
import { assert } from "../../base/assert.ts";
import { WireError } from "../errors.ts";
import { concat, readU16 } from "./bytes.ts";

const HEADER = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
/** The length field has 16 bits. */
const MAX_LENGTH = 0xffff;

/** A decoded attribute; `value` is a view on the bytes it was read from. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

/** `size` rounded up to the four-byte grid of netlink. */
export function align4(size: number): number {
  return (size + 3) & ~3;
}

/** One attribute, padded. A value of more than 65,531 bytes is a programmer's error. */
export function attribute(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return encode(type, value);
}

/** An attribute that holds other attributes. */
export function nested(type: number, attributes: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return encode(type | NLA_F_NESTED, concat(attributes));
}

function encode(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = HEADER + value.length;
  assert(length <= MAX_LENGTH, `an attribute of ${length} bytes`);
  const bytes = new Uint8Array(align4(length));
  bytes.set([length, length >>> 8, type, type >>> 8]);
  bytes.set(value, HEADER);
  return bytes;
}

/**
 * All attributes in order. Up to three bytes after the last one are padding; anything else that does not fit
 * throws {@link WireError}.
 */
export function decodeAttributes(bytes: Uint8Array): Attribute[] {
  const found: Attribute[] = [];
  let offset = 0;
  while (bytes.length - offset >= HEADER) {
    const length = readU16(bytes, offset);
    if (length < HEADER || offset + length > bytes.length) {
      throw new WireError("netlink attribute", {
        where: offset,
        got: `length ${length}`,
        wanted: `${HEADER} to ${bytes.length - offset}`,
      });
    }
    const type = readU16(bytes, offset + 2) & NLA_TYPE_MASK;
    found.push({ type, value: bytes.subarray(offset + HEADER, offset + length) });
    offset += align4(length);
  }
  return found;
}

/** Attributes by type; of several with one type the last stands, as in the kernel. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** The same by type, throws as {@link decodeAttributes}. An absent nest (`undefined`) reads as an empty one. */
export function attributeMap(bytes: Uint8Array | undefined): Attributes {
  return new Map(decodeAttributes(bytes ?? new Uint8Array()).map(({ type, value }) => [type, value]));
}

/** Reads the attribute with `read`, or gives `otherwise` where it is absent. */
export function optional<T>(value: Uint8Array | undefined, read: (bytes: Uint8Array) => T, otherwise: T): T {
  return value === undefined ? otherwise : read(value);
}
