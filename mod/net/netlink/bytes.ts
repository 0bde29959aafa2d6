/**
 * Numbers in byte arrays. Netlink headers and most attributes are in the order of the host, which is little endian on both
 * machines we run on (x86-64, arm64); nftables attributes are big endian.
 */
import { assert } from "../../base/assert.ts";
import { WireError } from "../errors.ts";

const UINT32 = 0x1_0000_0000;

/** One byte. */
export function u8(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value);
}

/** 16 bits, little endian. */
export function u16(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value, value >>> 8);
}

/** 32 bits, little endian; a negative number gives its two's complement. */
export function u32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

/** 16 bits, big endian. */
export function be16(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >>> 8, value);
}

/** 32 bits, big endian; a negative number gives its two's complement. */
export function be32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** 64 bits, big endian, from a whole number that a double holds exactly. */
export function be64(value: number): Uint8Array<ArrayBuffer> {
  assert(Number.isSafeInteger(value) && value >= 0, `a 64 bit number, not ${value}`);
  return concat([be32(Math.floor(value / UINT32)), be32(value % UINT32)]);
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** Text with a closing zero, as the kernel wants names. */
export function text(value: string): Uint8Array<ArrayBuffer> {
  return utf8.encode(`${value}\0`);
}

/** All parts, one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function require(bytes: Uint8Array, offset: number, size: number): void {
  if (offset + size <= bytes.length) return;
  throw new WireError("netlink", { where: offset, got: `${bytes.length} bytes`, wanted: `${offset + size} bytes` });
}

/** One byte at `offset`. Like all readers here it throws {@link WireError} when the bytes end before. */
export function readU8(bytes: Uint8Array, offset = 0): number {
  require(bytes, offset, 1);
  return bytes[offset] ?? 0;
}

/** 16 bits at `offset`, little endian. */
export function readU16(bytes: Uint8Array, offset = 0): number {
  require(bytes, offset, 2);
  return (bytes[offset] ?? 0) | (bytes[offset + 1] ?? 0) << 8;
}

/** Signed 32 bits at `offset`, little endian. */
export function readI32(bytes: Uint8Array, offset = 0): number {
  require(bytes, offset, 4);
  return (bytes[offset] ?? 0) | (bytes[offset + 1] ?? 0) << 8 | (bytes[offset + 2] ?? 0) << 16 |
    (bytes[offset + 3] ?? 0) << 24;
}

/** Unsigned 32 bits at `offset`, little endian. */
export function readU32(bytes: Uint8Array, offset = 0): number {
  return readI32(bytes, offset) >>> 0;
}

/** 16 bits at `offset`, big endian. */
export function readBe16(bytes: Uint8Array, offset = 0): number {
  require(bytes, offset, 2);
  return (bytes[offset] ?? 0) << 8 | (bytes[offset + 1] ?? 0);
}

/** Signed 32 bits at `offset`, big endian. */
export function readBeI32(bytes: Uint8Array, offset = 0): number {
  require(bytes, offset, 4);
  return (bytes[offset] ?? 0) << 24 | (bytes[offset + 1] ?? 0) << 16 | (bytes[offset + 2] ?? 0) << 8 |
    (bytes[offset + 3] ?? 0);
}

/** Unsigned 32 bits at `offset`, big endian. */
export function readBe32(bytes: Uint8Array, offset = 0): number {
  return readBeI32(bytes, offset) >>> 0;
}

/** Unsigned 64 bits at `offset`, big endian; throws for values a double cannot hold exactly. */
export function readBe64(bytes: Uint8Array, offset = 0): number {
  require(bytes, offset, 8);
  const value = readBe32(bytes, offset) * UINT32 + readBe32(bytes, offset + 4);
  if (Number.isSafeInteger(value)) return value;
  throw new WireError("netlink", { where: offset, got: value, wanted: "a number below 2^53" });
}

/** Text up to the first zero, or to the end. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return fromUtf8.decode(end === -1 ? bytes : bytes.subarray(0, end));
}
