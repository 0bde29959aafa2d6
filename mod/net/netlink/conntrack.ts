/**
 * Connection tracking over netlink (include/uapi/linux/netfilter/nfnetlink_conntrack.h): questions about connections, their deletion, and
 * what the kernel lists. Numbers are big endian but the flags of a filter. The header is struct nfgenmsg: u8 family, u8 version, be16
 * resource.
 */
import { WireError } from "../errors.ts";
import type { Ip } from "../ip.ts";
import { attribute, attributeMap, type Attributes, nested, optional } from "./attribute.ts";
import { be16, be32, concat, readBe16, readBe32, readBe64, readU8, u32, u8 } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";

/** Message types with the subsystem number (IPCTNL_MSG_CT_*). */
export const ConntrackMessage = { NEW: 0x100, GET: 0x101, DELETE: 0x102, GET_STATS: 0x105 } as const;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_MARK = 8;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
/** Source and destination by family. */
const CTA_IP = { 4: [1, 2], 6: [3, 4] } as const;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_COUNTERS_PACKETS = 1;
const CTA_COUNTERS_BYTES = 2;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
const CTA_STATS_GLOBAL_ENTRIES = 1;
/** CTA_FILTER_F_* of net/netfilter/nf_internals.h. */
const FilterBit = { IP_SRC: 1, IP_DST: 2, PROTO_NUM: 8, SRC_PORT: 16, DST_PORT: 32 } as const;
const HEADER = 4;
const FAMILY_NUMBER = { 4: 2, 6: 10 } as const;

/** One direction of a connection. Ports are 0 for protocols without any. */
export interface ConntrackTuple {
  /** 4 or 16 bytes in network order. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What passed in one direction; zeros unless net.netfilter.nf_conntrack_acct was on when the connection began. */
export interface ConntrackCount {
  readonly packets: number;
  readonly bytes: number;
}

/** A connection as the kernel tracks it. */
export interface ConntrackEntry {
  /** Tells it from a later connection with the same addresses. */
  readonly id: number;
  readonly family: 4 | 6;
  readonly zone: number;
  /** As the client sees it: to the VIP. */
  readonly original: ConntrackTuple;
  /** What comes back: from the backend, to what it takes for the client. */
  readonly reply: ConntrackTuple;
  /** CtStatus bits. */
  readonly status: number;
  readonly mark: number;
  /** {@link TcpState}; absent for other protocols. */
  readonly tcpState?: number;
  readonly sent: ConntrackCount;
  readonly received: ConntrackCount;
}

/** States of TCP (enum tcp_conntrack). */
export const TcpState = {
  NONE: 0,
  SYN_SENT: 1,
  SYN_RECV: 2,
  ESTABLISHED: 3,
  FIN_WAIT: 4,
  CLOSE_WAIT: 5,
  LAST_ACK: 6,
  TIME_WAIT: 7,
  CLOSE: 8,
} as const;

/** One end of a connection. */
export interface ConntrackEnd {
  readonly ip: Ip;
  readonly port: number;
}

/** Which connections; what is not named does not matter. */
export interface ConntrackFilter {
  readonly family: 4 | 6;
  readonly protocol?: number;
  /** Where the client sent to: the VIP. */
  readonly destination?: ConntrackEnd;
  /** Where the answers come from: the backend. */
  readonly backend?: ConntrackEnd;
}

/**
 * Asks for the connections of a filter. The kernel may give more than that (before Linux 5.8 the whole family), so the reader must ask
 * {@link matches} as well.
 */
export function dumpConntrack(filter: ConntrackFilter): NetlinkRequest {
  const { protocol, destination, backend } = filter;
  const original = filterTuple(CTA_TUPLE_ORIG, { protocol, end: destination, at: 1 });
  const reply = filterTuple(CTA_TUPLE_REPLY, { protocol, end: backend, at: 0 });
  const wanted = original.bits !== 0 || reply.bits !== 0;
  return request("list connections", ConntrackMessage.GET, {
    family: filter.family,
    subject: describe(filter),
    flags: MessageFlag.DUMP,
    attributes: !wanted ? [] : [
      ...original.attributes,
      ...reply.attributes,
      nested(CTA_FILTER, [
        attribute(CTA_FILTER_ORIG_FLAGS, u32(original.bits)),
        attribute(CTA_FILTER_REPLY_FLAGS, u32(reply.bits)),
      ]),
    ],
  });
}

/**
 * A tuple of which the kernel compares what the bits name: source (0) or destination (1), and the protocol. It looks at ports only
 * together with a protocol. Addresses of IPv6 are not named to it: ctnetlink_filter_match_tuple() leaves out those that are equal (seen
 * in Linux 6.18).
 */
function filterTuple(
  type: number,
  { protocol, end, at }: { protocol: number | undefined; end: ConntrackEnd | undefined; at: 0 | 1 },
): { bits: number; attributes: Uint8Array[] } {
  const ports = protocol === undefined || end === undefined ? 0 : at === 0 ? FilterBit.SRC_PORT : FilterBit.DST_PORT;
  const address = end === undefined || end.ip.family === 6 ? 0 : at === 0 ? FilterBit.IP_SRC : FilterBit.IP_DST;
  const bits = address | ports | (protocol === undefined ? 0 : FilterBit.PROTO_NUM);
  if (bits === 0) return { bits, attributes: [] };
  const port = at === 0 ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT;
  return {
    bits,
    attributes: [nested(type, [
      nested(
        CTA_TUPLE_IP,
        address === 0 || end === undefined ? [] : [attribute(CTA_IP[end.ip.family][at], end.ip.bytes)],
      ),
      nested(CTA_TUPLE_PROTO, [
        ...(protocol === undefined ? [] : [attribute(CTA_PROTO_NUM, u8(protocol))]),
        ...(ports === 0 || end === undefined ? [] : [attribute(port, be16(end.port))]),
      ]),
    ])],
  };
}

/** Deletes this very connection: ENOENT if it is gone, also when another has taken its addresses. */
export function deleteConntrack(entry: Pick<ConntrackEntry, "id" | "family" | "zone" | "original">): NetlinkRequest {
  const { original, family } = entry;
  const [source, destination] = CTA_IP[family];
  return request("delete connection", ConntrackMessage.DELETE, {
    family,
    subject: "",
    flags: 0,
    attributes: [
      nested(CTA_TUPLE_ORIG, [
        nested(CTA_TUPLE_IP, [attribute(source, original.source), attribute(destination, original.destination)]),
        nested(CTA_TUPLE_PROTO, [
          attribute(CTA_PROTO_NUM, u8(original.protocol)),
          attribute(CTA_PROTO_SRC_PORT, be16(original.sourcePort)),
          attribute(CTA_PROTO_DST_PORT, be16(original.destinationPort)),
        ]),
      ]),
      ...(entry.zone === 0 ? [] : [attribute(CTA_ZONE, be16(entry.zone))]),
      attribute(CTA_ID, be32(entry.id)),
    ],
  });
}

/** Asks how many connections of both families the namespace tracks. */
export function getConntrackCount(): NetlinkRequest {
  const about = { family: 0, subject: "", flags: 0, attributes: [] } as const;
  return request("count connections", ConntrackMessage.GET_STATS, about);
}

/** Reads the answer to {@link getConntrackCount}. */
export function decodeConntrackCount(message: NetlinkMessage): number {
  return optional(attributeMap(message.payload.subarray(HEADER)).get(CTA_STATS_GLOBAL_ENTRIES), readBe32, 0);
}

/** Whether the connection is one of those the filter names. */
export function matches(entry: ConntrackEntry, filter: ConntrackFilter): boolean {
  const { original, reply } = entry;
  return entry.family === filter.family &&
    (filter.protocol === undefined || original.protocol === filter.protocol) &&
    isEnd(filter.destination, original.destination, { port: original.destinationPort }) &&
    isEnd(filter.backend, reply.source, { port: reply.sourcePort });
}

function isEnd(wanted: ConntrackEnd | undefined, ip: Uint8Array, { port }: { port: number }): boolean {
  if (wanted === undefined) return true;
  return wanted.port === port && wanted.ip.bytes.length === ip.length &&
    wanted.ip.bytes.every((byte, index) => byte === ip[index]);
}

/** Reads a connection; null for a family that is neither IPv4 nor IPv6. Addresses are views on the message. */
export function decodeConntrack(message: NetlinkMessage): ConntrackEntry | null {
  const number = message.payload[0];
  const family = number === FAMILY_NUMBER[4] ? 4 : number === FAMILY_NUMBER[6] ? 6 : null;
  if (family === null) return null;
  const found = attributeMap(message.payload.subarray(HEADER));
  const protocolInfo = found.get(CTA_PROTOINFO);
  const tcp = protocolInfo === undefined ? undefined : attributeMap(protocolInfo).get(CTA_PROTOINFO_TCP);
  const tcpState = tcp === undefined ? undefined : attributeMap(tcp).get(CTA_PROTOINFO_TCP_STATE);
  return {
    id: optional(found.get(CTA_ID), readBe32, 0),
    family,
    zone: optional(found.get(CTA_ZONE), readBe16, 0),
    original: readTuple(found.get(CTA_TUPLE_ORIG), family),
    reply: readTuple(found.get(CTA_TUPLE_REPLY), family),
    status: optional(found.get(CTA_STATUS), readBe32, 0),
    mark: optional(found.get(CTA_MARK), readBe32, 0),
    ...(tcpState === undefined ? {} : { tcpState: readU8(tcpState) }),
    sent: readCount(found.get(CTA_COUNTERS_ORIG)),
    received: readCount(found.get(CTA_COUNTERS_REPLY)),
  };
}

function readTuple(bytes: Uint8Array | undefined, family: 4 | 6): ConntrackTuple {
  const tuple = attributeMap(bytes);
  const ip = attributeMap(tuple.get(CTA_TUPLE_IP));
  const protocol = attributeMap(tuple.get(CTA_TUPLE_PROTO));
  const [source, destination] = CTA_IP[family];
  return {
    source: requireAddress(ip, source, { family }),
    destination: requireAddress(ip, destination, { family }),
    protocol: optional(protocol.get(CTA_PROTO_NUM), readU8, 0),
    sourcePort: optional(protocol.get(CTA_PROTO_SRC_PORT), readBe16, 0),
    destinationPort: optional(protocol.get(CTA_PROTO_DST_PORT), readBe16, 0),
  };
}

function requireAddress(ip: Attributes, type: number, { family }: { family: 4 | 6 }): Uint8Array {
  const bytes = ip.get(type);
  const length = family === 4 ? 4 : 16;
  if (bytes?.length === length) return bytes;
  throw new WireError("connection", { where: `address ${type}`, got: `${bytes?.length ?? 0} bytes`, wanted: length });
}

function readCount(bytes: Uint8Array | undefined): ConntrackCount {
  if (bytes === undefined) return NOTHING;
  const found = attributeMap(bytes);
  return {
    packets: optional(found.get(CTA_COUNTERS_PACKETS), readBe64, 0),
    bytes: optional(found.get(CTA_COUNTERS_BYTES), readBe64, 0),
  };
}

const NOTHING: ConntrackCount = { packets: 0, bytes: 0 };

function request(
  op: string,
  type: number,
  about: { family: 0 | 4 | 6; subject: string; flags: number; attributes: readonly Uint8Array[] },
): NetlinkRequest {
  const family = about.family === 0 ? 0 : FAMILY_NUMBER[about.family];
  const payload = concat([Uint8Array.of(family, 0, 0, 0), ...about.attributes]);
  return { op, subject: about.subject, type, flags: about.flags, payload };
}

function describe({ family, destination, backend }: ConntrackFilter): string {
  const to = destination === undefined ? "" : ` to ${destination.ip.text} port ${destination.port}`;
  const from = backend === undefined ? "" : ` with ${backend.ip.text} port ${backend.port}`;
  return `of IPv${family}${to}${from}`;
}
