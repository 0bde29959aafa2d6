/** The Internet checksum (RFC 1071) and the IPv6 pseudo-header (RFC 8200 §8.1). */
import type { Ip } from "./ip.ts";

/** What the checksum of an upper layer covers besides its own bytes. */
export interface PseudoHeader {
  readonly source: Ip;
  readonly destination: Ip;
  /** Protocol number of the upper layer. */
  readonly nextHeader: number;
}

/**
 * The checksum to put into the (zeroed) checksum field of `bytes`; 0 when `bytes` carries its right checksum already
 * (RFC 1071 §1). An odd last byte counts as if a zero followed it.
 */
export function internetChecksum(bytes: Uint8Array): number {
  return complement(sum(bytes));
}

/** {@link internetChecksum} of `message` preceded by the IPv6 pseudo-header (RFC 8200 §8.1). */
export function checksum6(message: Uint8Array, header: PseudoHeader): number {
  const ends = sum(header.source.bytes) + sum(header.destination.bytes);
  return complement(ends + message.length + header.nextHeader + sum(message));
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return total;
}

function complement(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded ^ 0xffff;
}
