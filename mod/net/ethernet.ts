/** Ethernet II frames as a packet socket gives and takes them: no preamble, no check sequence, no VLAN tag. */
import { assert } from "../base/assert.ts";
import { expectLength, WireError } from "./errors.ts";
import { type Ip, isMulticast } from "./ip.ts";

/** Destination, source and EtherType (RFC 894). */
export const ETHERNET_HEADER_BYTES = 14;

/** Protocols in the EtherType field (IEEE 802 numbers). */
export const EtherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;

/** Smaller values of the field are a length (IEEE 802.3 §3.2.6). */
const SMALLEST_ETHER_TYPE = 0x0600;

/** Everybody on the link. */
export const BROADCAST: Uint8Array<ArrayBuffer> = new Uint8Array(6).fill(0xff);

/** The two ends of a frame and what it carries. */
export interface EthernetHeader {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly etherType: number;
}

/** A frame taken apart. */
export interface EthernetFrame extends EthernetHeader {
  /** A view into the frame, padding included. */
  readonly payload: Uint8Array;
}

/** Puts a header before `payload`. Short frames are not padded: the driver of the card does that. */
export function encodeFrame(header: EthernetHeader, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  assert(header.destination.length === 6 && header.source.length === 6, "hardware addresses have 6 bytes");
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + payload.length);
  frame.set(header.destination, 0);
  frame.set(header.source, 6);
  new DataView(frame.buffer).setUint16(12, header.etherType);
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}

/** Takes a frame apart; the addresses are copies. Throws {@link WireError}. */
export function decodeFrame(frame: Uint8Array): EthernetFrame {
  expectLength("Ethernet", frame, ETHERNET_HEADER_BYTES);
  const etherType = new DataView(frame.buffer, frame.byteOffset).getUint16(12);
  if (etherType < SMALLEST_ETHER_TYPE) {
    throw new WireError("Ethernet", { where: 12, got: etherType, wanted: `at least ${SMALLEST_ETHER_TYPE}` });
  }
  return {
    destination: frame.slice(0, 6),
    source: frame.slice(6, 12),
    etherType,
    payload: frame.subarray(ETHERNET_HEADER_BYTES),
  };
}

/** The hardware address an IPv6 multicast group has on Ethernet: 33:33 and the last four bytes (RFC 2464 §7). */
export function multicastMac(group: Ip): Uint8Array<ArrayBuffer> {
  assert(group.family === 6 && isMulticast(group), `${group.text} is not an IPv6 group`);
  return Uint8Array.of(0x33, 0x33, ...group.bytes.subarray(12));
}
