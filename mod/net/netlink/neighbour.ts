/** RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: struct ndmsg and its attributes (include/uapi/linux/neighbour.h). */
import { WireError } from "../errors.ts";
import { formatIp, type Ip } from "../ip.ts";
import { attribute, attributeMap } from "./attribute.ts";
import { concat, readI32, readU16, readU8, u16, u32 } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { AddressFamily, addressFamily, RouteMessage } from "./rtnetlink.ts";

const HEADER = 12;
const NDA_DST = 1;
const NDA_LLADDR = 2;
/** ndm_flags: it has said so in its neighbour advertisements, or has sent router advertisements. */
const NTF_ROUTER = 0x80;

/** How sure the kernel is of an entry (NUD_*). */
export const NeighbourState = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;

/** An entry of the ARP or neighbour discovery cache. */
export interface Neighbour {
  /** Canonical text. */
  readonly ip: string;
  readonly linkIndex: number;
  /** Empty while it is not known. */
  readonly mac: Uint8Array;
  /** {@link NeighbourState} bits. */
  readonly state: number;
  /** An IPv6 neighbour that is a router. */
  readonly router: boolean;
}

/** Makes or replaces an entry. */
export function putNeighbour(ip: Ip, linkIndex: number, entry: { mac: Uint8Array; state: number }): NetlinkRequest {
  return {
    op: "put neighbour",
    subject: ip.text,
    type: RouteMessage.NEWNEIGH,
    flags: MessageFlag.CREATE | MessageFlag.REPLACE,
    payload: concat([
      header(ip, linkIndex, entry.state),
      attribute(NDA_DST, ip.bytes),
      attribute(NDA_LLADDR, entry.mac),
    ]),
  };
}

/** Forgets an entry; ENOENT when there is none. */
export function deleteNeighbour(ip: Ip, linkIndex: number): NetlinkRequest {
  return {
    op: "forget neighbour",
    subject: ip.text,
    type: RouteMessage.DELNEIGH,
    flags: 0,
    payload: concat([header(ip, linkIndex, 0), attribute(NDA_DST, ip.bytes)]),
  };
}

/** Asks for every entry of both families. */
export function dumpNeighbours(): NetlinkRequest {
  return {
    op: "list neighbours",
    subject: "",
    type: RouteMessage.GETNEIGH,
    flags: MessageFlag.DUMP,
    payload: new Uint8Array(HEADER),
  };
}

/**
 * Reads an RTM_NEWNEIGH or RTM_DELNEIGH message; null for families that are neither IPv4 nor IPv6 (bridges have their own).
 * Throws WireError when the bytes are not such a message.
 */
export function decodeNeighbour(message: NetlinkMessage): Neighbour | null {
  const { payload } = message;
  const family = readU8(payload);
  const linkIndex = readI32(payload, 4);
  const state = readU16(payload, 8);
  const flags = readU8(payload, 10);
  if (family !== AddressFamily.INET && family !== AddressFamily.INET6) return null;
  const attributes = attributeMap(payload.subarray(Math.min(HEADER, payload.length)));
  const bytes = attributes.get(NDA_DST) ?? new Uint8Array();
  const size = family === AddressFamily.INET ? 4 : 16;
  if (bytes.length !== size) {
    throw new WireError("netlink neighbour", {
      where: "address",
      got: `${bytes.length} bytes`,
      wanted: `${size} bytes`,
    });
  }
  const mac = (attributes.get(NDA_LLADDR) ?? new Uint8Array()).slice();
  return { ip: formatIp(bytes), linkIndex, mac, state, router: (flags & NTF_ROUTER) !== 0 };
}

function header(ip: Ip, linkIndex: number, state: number): Uint8Array {
  return concat([u32(addressFamily(ip.family)), u32(linkIndex), u16(state), u16(0)]);
}
