/**
 * Neighbour discovery (RFC 4861): solicitations and advertisements as complete Ethernet frames, as a node sends them
 * that announces an address or asks for one, and as it must check them when others do (§7.1).
 */
import { assert } from "../base/assert.ts";
import { checksum6 } from "./checksum.ts";
import { expectField, expectLength, WireError } from "./errors.ts";
import { decodeFrame, encodeFrame, EtherType, multicastMac } from "./ethernet.ts";
import { type Ip, ipFromBytes, isMulticast, isUnspecified } from "./ip.ts";
import { decodeIpv6, encodeIpv6, ICMPV6, type Ipv6Packet } from "./ipv6.ts";

/** Type and target are followed by the options (§4.3, §4.4). */
const FIXED_BYTES = 24;
/** A frame that crossed a router has a smaller hop limit, so this proves that the sender is on the link (§7.1). */
const HOP_LIMIT = 255;
const TYPES = { solicitation: 135, advertisement: 136 } as const;
const FLAGS = { router: 0x80, solicited: 0x40, override: 0x20 } as const;
/** Link-layer address options (§4.6.1); on Ethernet one unit of 8 bytes (RFC 2464 §6). */
export const NdpOption = { sourceMac: 1, targetMac: 2 } as const;
const OPTION_UNIT_BYTES = 8;

const UNSPECIFIED = ipFromBytes(new Uint8Array(16));
/** ff02::1 (RFC 4291 §2.7.1). */
const ALL_NODES = ipFromBytes([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
/** ff02::2 (RFC 4291 §2.7.1). */
const ALL_ROUTERS = ipFromBytes([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

/** "Who has `target`?" (§4.3) */
export interface Solicitation {
  readonly type: "solicitation";
  readonly target: Ip;
  /** The sender's hardware address (option 1), null when it is not told. */
  readonly sourceMac: Uint8Array | null;
}

/** "`target` is here." (§4.4) */
export interface Advertisement {
  readonly type: "advertisement";
  readonly target: Ip;
  readonly router: boolean;
  /** Sent because somebody asked. */
  readonly solicited: boolean;
  /** Replace what is in the caches. */
  readonly override: boolean;
  /** The hardware address of `target` (option 2), null when it is not told. */
  readonly targetMac: Uint8Array | null;
}

/** A message with the ends of its frame and of its packet. */
export interface NeighbourFrame {
  readonly destinationMac: Uint8Array;
  readonly sourceMac: Uint8Array;
  readonly source: Ip;
  readonly destination: Ip;
  readonly message: Solicitation | Advertisement;
}

/** A complete frame, checksum included. */
export function encodeNeighbour(frame: NeighbourFrame): Uint8Array<ArrayBuffer> {
  const { source, destination } = frame;
  const icmp = encodeMessage(frame.message);
  new DataView(icmp.buffer).setUint16(2, checksum6(icmp, { source, destination, nextHeader: ICMPV6 }));
  const packet = encodeIpv6({ source, destination, nextHeader: ICMPV6, hopLimit: HOP_LIMIT }, icmp);
  return encodeFrame({ destination: frame.destinationMac, source: frame.sourceMac, etherType: EtherType.ipv6 }, packet);
}

function encodeMessage(message: Solicitation | Advertisement): Uint8Array<ArrayBuffer> {
  assert(message.target.family === 6 && !isMulticast(message.target), "the target is an IPv6 unicast address");
  const mac = message.type === "solicitation" ? message.sourceMac : message.targetMac;
  assert(mac === null || mac.length === 6, "hardware addresses have 6 bytes");
  const bytes = new Uint8Array(FIXED_BYTES + (mac === null ? 0 : OPTION_UNIT_BYTES));
  bytes[0] = TYPES[message.type];
  if (message.type === "advertisement") bytes[4] = flags(message);
  bytes.set(message.target.bytes, 8);
  if (mac !== null) {
    bytes[FIXED_BYTES] = message.type === "solicitation" ? NdpOption.sourceMac : NdpOption.targetMac;
    bytes[FIXED_BYTES + 1] = 1;
    bytes.set(mac, FIXED_BYTES + 2);
  }
  return bytes;
}

function flags(message: Advertisement): number {
  return (message.router ? FLAGS.router : 0) | (message.solicited ? FLAGS.solicited : 0) |
    (message.override ? FLAGS.override : 0);
}

/**
 * Reads a complete frame and applies every check of §7.1.1 and §7.1.2. Options that are not understood are passed over;
 * of several equal options the first counts, as in Linux. Extension headers are refused. Throws {@link WireError}.
 */
export function decodeNeighbour(bytes: Uint8Array): NeighbourFrame {
  const frame = decodeFrame(bytes);
  expectField("NDP", { where: "EtherType", got: frame.etherType, wanted: EtherType.ipv6 });
  const packet = decodeIpv6(frame.payload);
  const { source, destination, payload: icmp } = packet;
  expectField("NDP", { where: "next header", got: packet.nextHeader, wanted: ICMPV6 });
  expectField("NDP", { where: "hop limit", got: packet.hopLimit, wanted: HOP_LIMIT });
  expectLength("NDP", icmp, FIXED_BYTES);
  const remainder = checksum6(icmp, { source, destination, nextHeader: ICMPV6 });
  expectField("NDP", { where: "checksum remainder", got: remainder, wanted: 0 });
  return { destinationMac: frame.destination, sourceMac: frame.source, source, destination, message: message(packet) };
}

function message(packet: Ipv6Packet): Solicitation | Advertisement {
  const icmp = packet.payload;
  const [type = 0, code = 0] = icmp;
  expectField("NDP", { where: "code", got: code, wanted: 0 });
  const target = ipFromBytes(icmp.subarray(8, FIXED_BYTES));
  if (isMulticast(target)) throw new WireError("NDP", { where: "target", got: target.text, wanted: "unicast" });
  if (type === TYPES.solicitation) return solicitation(packet, target);
  if (type === TYPES.advertisement) return advertisement(packet, target);
  throw new WireError("NDP", { where: "type", got: type, wanted: `${TYPES.solicitation} or ${TYPES.advertisement}` });
}

function solicitation(packet: Ipv6Packet, target: Ip): Solicitation {
  const sourceMac = linkLayerAddress(packet.payload, NdpOption.sourceMac, { from: FIXED_BYTES });
  if (isUnspecified(packet.source)) {
    if (!isSolicitedNode(packet.destination)) {
      const got = packet.destination.text;
      throw new WireError("NDP", { where: "destination", got, wanted: "a solicited-node group, as the source is ::" });
    }
    if (sourceMac !== null) {
      throw new WireError("NDP", { where: "source address option", got: "present", wanted: "none from ::" });
    }
  }
  return { type: "solicitation", target, sourceMac };
}

function advertisement(packet: Ipv6Packet, target: Ip): Advertisement {
  const bits = packet.payload[4] ?? 0;
  const solicited = (bits & FLAGS.solicited) !== 0;
  if (solicited && isMulticast(packet.destination)) {
    throw new WireError("NDP", { where: "solicited flag", got: 1, wanted: "0 to a group" });
  }
  return {
    type: "advertisement",
    target,
    router: (bits & FLAGS.router) !== 0,
    solicited,
    override: (bits & FLAGS.override) !== 0,
    targetMac: linkLayerAddress(packet.payload, NdpOption.targetMac, { from: FIXED_BYTES }),
  };
}

/**
 * Walks all options of an ICMPv6 message, the first of them at `from`, so that a bad length anywhere is found (§4.6); gives the first
 * address of this type. Throws {@link WireError}.
 */
export function linkLayerAddress(
  icmp: Uint8Array,
  wanted: number,
  { from }: { from: number },
): Uint8Array<ArrayBuffer> | null {
  let found: Uint8Array<ArrayBuffer> | null = null;
  let at = from;
  while (at < icmp.length) {
    const rest = icmp.subarray(at);
    expectLength("NDP option", rest, 2);
    const [type = 0, units = 0] = rest;
    if (units === 0) throw new WireError("NDP option", { where: at + 1, got: 0, wanted: "at least 1" });
    expectLength("NDP option", rest, units * OPTION_UNIT_BYTES);
    if (type === wanted) {
      expectField("NDP option", { where: at + 1, got: units, wanted: 1 });
      found ??= rest.slice(2, OPTION_UNIT_BYTES);
    }
    at += units * OPTION_UNIT_BYTES;
  }
  return found;
}

/** The group that an owner of `target` listens to: ff02::1:ff and its last three bytes (RFC 4291 §2.7.1). */
export function solicitedNode(target: Ip): Ip {
  assert(target.family === 6, "solicited-node groups are for IPv6");
  return ipFromBytes([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...target.bytes.subarray(13)]);
}

function isSolicitedNode(group: Ip): boolean {
  return solicitedNode(group).text === group.text;
}

/** Who announces what: `source` is an address of the sending interface, usually its link-local one or `target` itself. */
export interface Announcement {
  readonly source: Ip;
  readonly target: Ip;
}

/** Tells every node that `target` is now at `mac`, to replace what they have cached (§7.2.6): O=1, S=0, to ff02::1. */
export function unsolicitedAdvert(mac: Uint8Array, announcement: Announcement): Uint8Array<ArrayBuffer> {
  return announce(mac, { ...announcement, destination: ALL_NODES, override: true });
}

/**
 * Lets routers learn `target` before its first packet comes back (RFC 9131): S=0 and O=0, to ff02::2. It creates an
 * entry where there is none; replacing an old one is the work of {@link unsolicitedAdvert}.
 */
export function routersAdvert(mac: Uint8Array, announcement: Announcement): Uint8Array<ArrayBuffer> {
  return announce(mac, { ...announcement, destination: ALL_ROUTERS, override: false });
}

function announce(
  mac: Uint8Array,
  { source, target, destination, override }: Announcement & { destination: Ip; override: boolean },
): Uint8Array<ArrayBuffer> {
  return encodeNeighbour({
    destinationMac: multicastMac(destination),
    sourceMac: mac,
    source,
    destination,
    message: { type: "advertisement", target, router: false, solicited: false, override, targetMac: mac },
  });
}

/**
 * Asks whether anybody has `target` without changing a single cache: the solicitation of duplicate address detection
 * (RFC 4862 §5.4.2), from :: to the solicited-node group, without a source option. An owner answers to ff02::1.
 */
export function duplicateProbe(mac: Uint8Array, target: Ip): Uint8Array<ArrayBuffer> {
  const destination = solicitedNode(target);
  return encodeNeighbour({
    destinationMac: multicastMac(destination),
    sourceMac: mac,
    source: UNSPECIFIED,
    destination,
    message: { type: "solicitation", target, sourceMac: null },
  });
}
