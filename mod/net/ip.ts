/**
 * IP addresses and prefixes: strict reading, canonical writing, and the arithmetic of prefixes.
 *
 * Text is read here and not by ip-num, because an address that two programs read differently is a hole:
 * "010.0.0.1" is 8.0.0.1 to some and 10.0.0.1 to others.
 */
import { IPv4, IPv4CidrRange, IPv4Prefix, IPv6, IPv6CidrRange, IPv6Prefix } from "@kube-vip/net";
import { assert } from "../base/assert.ts";

/** An address. Build it with {@link parseIp} or {@link ipFromBytes}, so that the three fields agree. */
export interface Ip {
  readonly family: 4 | 6;
  /** Network order, 4 or 16 bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Canonical text (RFC 5952 for IPv6): equal addresses have equal text. */
  readonly text: string;
}

/** An address together with the length of its prefix; bits after the prefix may be set. */
export interface Cidr {
  readonly ip: Ip;
  /** Bits: 0 to 32 or 0 to 128. */
  readonly prefixLength: number;
}

/** "255.255.255.255" has 15 characters; the longest IPv6 text is 45 (RFC 4291 §2.2 form 3). */
const LONGEST_TEXT = 45;
const IP4 = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/;
const IP6_GROUP = /^[0-9a-fA-F]{1,4}$/;
const PREFIX_LENGTH = /^(0|[1-9][0-9]{0,2})$/;

/**
 * Reads an IPv4 or IPv6 address, or gives null. Nothing around the address is allowed: no spaces, no zone, no port,
 * no brackets, no prefix length.
 */
export function parseIp(text: string): Ip | null {
  return text.includes(":") ? parseIp6(text) : parseIp4(text);
}

/** Reads a dotted quad of decimal numbers without leading zeros (the strict form of RFC 6943 §3.1.1), or gives null. */
export function parseIp4(text: string): Ip | null {
  const bytes = quad(text);
  return bytes === null ? null : ipFromBytes(bytes);
}

/**
 * Reads an IPv6 address in any of the three forms of RFC 4291 §2.2 (the last four bytes may be a dotted quad), or
 * gives null. A zone ("%eth0") is refused: it means something on one machine only.
 */
export function parseIp6(text: string): Ip | null {
  if (text.length > LONGEST_TEXT) return null;
  const plain = text.includes(".") ? withoutQuad(text) : text;
  if (plain === null) return null;
  const halves = plain.split("::");
  const left = groups(halves[0] ?? "");
  const right = groups(halves[1] ?? "");
  const given = left.length + right.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? given !== 8 : halves.length !== 2 || given > 7) return null;
  const all = [...left, ...new Array<string>(8 - given).fill("0"), ...right];
  if (!all.every((group) => IP6_GROUP.test(group))) return null;
  return ipFromBytes(Uint8Array.from(all.flatMap((group) => [parseInt(group, 16) >>> 8, parseInt(group, 16) & 0xff])));
}

function quad(text: string): number[] | null {
  const match = IP4.exec(text);
  if (match === null) return null;
  const bytes = match.slice(1).map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

function groups(half: string): string[] {
  return half === "" ? [] : half.split(":");
}

/** The same IPv6 text with its trailing dotted quad written as two hexadecimal groups. */
function withoutQuad(text: string): string | null {
  const start = text.lastIndexOf(":") + 1;
  const bytes = quad(text.slice(start));
  if (bytes === null) return null;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0"));
  return `${text.slice(0, start)}${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`;
}

/** The address in these 4 or 16 bytes (network order; they are copied). */
export function ipFromBytes(bytes: ArrayLike<number>): Ip {
  const copy = Uint8Array.from(bytes);
  return { family: copy.length === 4 ? 4 : 6, bytes: copy, text: formatIp(copy) };
}

/** Canonical text of 4 or 16 bytes: dotted decimal, or RFC 5952 with IPv4-mapped addresses in mixed notation (§5). */
export function formatIp(bytes: Uint8Array): string {
  assert(bytes.length === 4 || bytes.length === 16, `an address of ${bytes.length} bytes`);
  return bytes.length === 4 ? bytes.join(".") : formatIp6(bytes);
}

function formatIp6(bytes: Uint8Array): string {
  if (mapped(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const run = longestZeroRun(words);
  const hex = words.map((word) => word.toString(16));
  if (run.length < 2) return hex.join(":"); // §4.2.2: a single zero group is written out
  return `${hex.slice(0, run.start).join(":")}::${hex.slice(run.start + run.length).join(":")}`;
}

/** The longest run of zero groups, the first of equals (RFC 5952 §4.2.3). */
function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < words.length; start++) {
    let end = start;
    while (words[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

function mapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

/** ::ffff:0:0/96: an IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2), which never appears on a wire. */
export function isMapped(ip: Ip): boolean {
  return ip.family === 6 && mapped(ip.bytes);
}

/** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(ip: Ip): boolean {
  const [first = 0, second = 0] = ip.bytes;
  return ip.family === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80;
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 §2.7). */
export function isMulticast(ip: Ip): boolean {
  const first = ip.bytes[0] ?? 0;
  return ip.family === 4 ? first >> 4 === 0xe : first === 0xff;
}

/** 0.0.0.0 or ::. */
export function isUnspecified(ip: Ip): boolean {
  return ip.bytes.every((byte) => byte === 0);
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1. A mapped 127.0.0.1 is not one: ask {@link isMapped} where that matters. */
export function isLoopback(ip: Ip): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : ip.text === "::1";
}

/** The same address of the same family; an IPv4 address and its IPv4-mapped form differ. */
export function sameIp(a: Ip, b: Ip): boolean {
  return a.text === b.text;
}

/** Reads "address/prefix length", or gives null. The length is required, has no leading zero and fits the family. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  if (slash < 0) return null;
  const ip = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (ip === null || !PREFIX_LENGTH.test(length)) return null;
  return Number(length) <= ip.bytes.length * 8 ? { ip, prefixLength: Number(length) } : null;
}

/** Canonical "address/prefix length"; bits after the prefix are kept. */
export function formatCidr(cidr: Cidr): string {
  return `${cidr.ip.text}/${cidr.prefixLength}`;
}

/** Whether `ip` lies in the network of `cidr`; never across families. */
export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  if (cidr.ip.family !== ip.family) return false;
  const value = toNumber(ip.bytes);
  const { first, last } = bounds(cidr);
  return first <= value && value <= last;
}

/** The network of `cidr`: its address with every bit after the prefix cleared. */
export function networkOf(cidr: Cidr): Ip {
  return fromNumber(bounds(cidr).first, cidr.ip.family);
}

/** The last address of `cidr`: the directed broadcast address in IPv4 networks shorter than /31. */
export function lastOf(cidr: Cidr): Ip {
  return fromNumber(bounds(cidr).last, cidr.ip.family);
}

function bounds(cidr: Cidr): { first: bigint; last: bigint } {
  const value = toNumber(cidr.ip.bytes);
  const length = BigInt(cidr.prefixLength);
  const range = cidr.ip.family === 4
    ? new IPv4CidrRange(IPv4.fromNumber(value), IPv4Prefix.fromNumber(length))
    : new IPv6CidrRange(IPv6.fromBigInt(value), IPv6Prefix.fromNumber(length));
  return { first: range.getFirst().getValue(), last: range.getLast().getValue() };
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function fromNumber(value: bigint, family: 4 | 6): Ip {
  const size = family === 4 ? 4 : 16;
  return ipFromBytes(Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn)));
}
