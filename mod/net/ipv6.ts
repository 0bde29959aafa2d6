/** The IPv6 header (RFC 8200 §3), as far as neighbour discovery needs it: no extension headers. */
import { assert } from "../base/assert.ts";
import { expectField, expectLength, WireError } from "./errors.ts";
import { type Ip, ipFromBytes, isMulticast } from "./ip.ts";

/** Bytes of the fixed header. */
export const IPV6_HEADER_BYTES = 40;

/** Protocol number of ICMPv6 (RFC 4443 §1). */
export const ICMPV6 = 58;

/** The header's fields; traffic class and flow label are sent as 0 and not looked at. */
export interface Ipv6Header {
  readonly source: Ip;
  readonly destination: Ip;
  readonly nextHeader: number;
  readonly hopLimit: number;
}

/** A packet taken apart. */
export interface Ipv6Packet extends Ipv6Header {
  /** A view into the packet, cut to the payload length. */
  readonly payload: Uint8Array;
}

/** Puts a header before `payload`. */
export function encodeIpv6(header: Ipv6Header, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  assert(header.source.family === 6 && header.destination.family === 6, "both ends are IPv6 addresses");
  assert(payload.length <= 0xffff, `a payload of ${payload.length} bytes`);
  const packet = new Uint8Array(IPV6_HEADER_BYTES + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 6 << 4);
  view.setUint16(4, payload.length);
  view.setUint8(6, header.nextHeader);
  view.setUint8(7, header.hopLimit);
  packet.set(header.source.bytes, 8);
  packet.set(header.destination.bytes, 24);
  packet.set(payload, IPV6_HEADER_BYTES);
  return packet;
}

/**
 * Reads a packet; bytes after its payload are padding of the link. A multicast source is refused (RFC 4291 §2.7).
 * Throws {@link WireError}.
 */
export function decodeIpv6(packet: Uint8Array): Ipv6Packet {
  expectLength("IPv6", packet, IPV6_HEADER_BYTES);
  const view = new DataView(packet.buffer, packet.byteOffset);
  expectField("IPv6", { where: "version", got: view.getUint8(0) >> 4, wanted: 6 });
  const end = IPV6_HEADER_BYTES + view.getUint16(4);
  expectLength("IPv6", packet, end);
  const source = ipFromBytes(packet.subarray(8, 24));
  if (isMulticast(source)) throw new WireError("IPv6", { where: "source", got: source.text, wanted: "unicast" });
  return {
    source,
    destination: ipFromBytes(packet.subarray(24, 40)),
    nextHeader: view.getUint8(6),
    hopLimit: view.getUint8(7),
    payload: packet.subarray(IPV6_HEADER_BYTES, end),
  };
}
