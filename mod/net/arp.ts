/** ARP for IPv4 over Ethernet (RFC 826), with the announcements and probes of RFC 5227. */
import { assert } from "../base/assert.ts";
import { expectField, expectLength, WireError } from "./errors.ts";
import { BROADCAST, decodeFrame, encodeFrame, EtherType } from "./ethernet.ts";
import { type Ip, ipFromBytes } from "./ip.ts";

/** Bytes of a packet for 6-byte hardware and 4-byte protocol addresses. */
export const ARP_BYTES = 28;

const HARDWARE_ETHERNET = 1;
const OPERATIONS = { request: 1, reply: 2 } as const;
const NOBODY = new Uint8Array(6);
const UNSPECIFIED = ipFromBytes([0, 0, 0, 0]);

/** A packet, in the words of RFC 826. */
export interface ArpPacket {
  readonly operation: "request" | "reply";
  readonly senderMac: Uint8Array;
  readonly senderIp: Ip;
  readonly targetMac: Uint8Array;
  readonly targetIp: Ip;
}

/** A packet with the frame around it. */
export interface ArpFrame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly arp: ArpPacket;
}

/** The bytes of a packet, without a frame. */
export function encodeArp(packet: ArpPacket): Uint8Array<ArrayBuffer> {
  const { senderMac, senderIp, targetMac, targetIp } = packet;
  assert(senderMac.length === 6 && targetMac.length === 6, "hardware addresses have 6 bytes");
  assert(senderIp.family === 4 && targetIp.family === 4, "ARP is for IPv4");
  const bytes = new Uint8Array(ARP_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HARDWARE_ETHERNET);
  view.setUint16(2, EtherType.ipv4);
  view.setUint8(4, 6);
  view.setUint8(5, 4);
  view.setUint16(6, OPERATIONS[packet.operation]);
  bytes.set(senderMac, 8);
  bytes.set(senderIp.bytes, 14);
  bytes.set(targetMac, 18);
  bytes.set(targetIp.bytes, 24);
  return bytes;
}

/**
 * Reads a packet; bytes after it are padding. Other hardware, other protocols and other operations (RARP, InARP) are
 * refused. Throws {@link WireError}.
 */
export function decodeArp(bytes: Uint8Array): ArpPacket {
  expectLength("ARP", bytes, ARP_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  expectField("ARP", { where: "hardware type", got: view.getUint16(0), wanted: HARDWARE_ETHERNET });
  expectField("ARP", { where: "protocol type", got: view.getUint16(2), wanted: EtherType.ipv4 });
  expectField("ARP", { where: "hardware address length", got: view.getUint8(4), wanted: 6 });
  expectField("ARP", { where: "protocol address length", got: view.getUint8(5), wanted: 4 });
  return {
    operation: operation(view.getUint16(6)),
    senderMac: bytes.slice(8, 14),
    senderIp: ipFromBytes(bytes.subarray(14, 18)),
    targetMac: bytes.slice(18, 24),
    targetIp: ipFromBytes(bytes.subarray(24, 28)),
  };
}

function operation(code: number): ArpPacket["operation"] {
  if (code === OPERATIONS.request) return "request";
  if (code === OPERATIONS.reply) return "reply";
  throw new WireError("ARP", { where: "operation", got: code, wanted: "1 or 2" });
}

/** A complete frame. */
export function encodeArpFrame(frame: ArpFrame): Uint8Array<ArrayBuffer> {
  const { destination, source } = frame;
  return encodeFrame({ destination, source, etherType: EtherType.arp }, encodeArp(frame.arp));
}

/** Reads a complete frame. Throws {@link WireError}. */
export function decodeArpFrame(bytes: Uint8Array): ArpFrame {
  const { destination, source, etherType, payload } = decodeFrame(bytes);
  expectField("ARP", { where: "EtherType", got: etherType, wanted: EtherType.arp });
  return { destination, source, arp: decodeArp(payload) };
}

/**
 * Tells everybody on the link that `ip` is at `mac`: the ARP Announcement of RFC 5227 §2.3, a broadcast request with
 * both addresses set to `ip` and, as in a probe (§2.1.1), no target hardware address.
 */
export function gratuitousRequest(mac: Uint8Array, ip: Ip): Uint8Array<ArrayBuffer> {
  return broadcast({ operation: "request", senderMac: mac, senderIp: ip, targetMac: NOBODY, targetIp: ip });
}

/**
 * The same as a broadcast reply, for receivers that refresh their cache on replies only. Target and sender are equal,
 * as the original project sends it.
 */
export function gratuitousReply(mac: Uint8Array, ip: Ip): Uint8Array<ArrayBuffer> {
  return broadcast({ operation: "reply", senderMac: mac, senderIp: ip, targetMac: mac, targetIp: ip });
}

/**
 * Asks whether anybody has `ip` without changing a single cache: the ARP Probe of RFC 5227 §2.1.1, sender 0.0.0.0 and
 * no target hardware address.
 */
export function probe(mac: Uint8Array, ip: Ip): Uint8Array<ArrayBuffer> {
  return broadcast({ operation: "request", senderMac: mac, senderIp: UNSPECIFIED, targetMac: NOBODY, targetIp: ip });
}

function broadcast(arp: ArpPacket): Uint8Array<ArrayBuffer> {
  return encodeArpFrame({ destination: BROADCAST, source: arp.senderMac, arp });
}
