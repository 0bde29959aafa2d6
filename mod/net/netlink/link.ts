/** RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK: struct ifinfomsg and its attributes (include/uapi/linux/if_link.h). */
import { attribute, attributeMap, nested, optional } from "./attribute.ts";
import { concat, readI32, readText, readU32, readU8, text, u32, u8 } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { RouteMessage } from "./rtnetlink.ts";

const HEADER = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_BR_FORWARD_DELAY = 1;
const IFLA_BR_STP_STATE = 5;
const IFLA_BR_MCAST_SNOOPING = 23;
/** RTEXT_FILTER_SKIP_STATS: leaves the IPv6 counters out, which nobody here reads. */
const SKIP_STATS = 8;
/** IF_OPER_UNKNOWN and IF_OPER_UP (RFC 2863): drivers that do not report a state stay at "unknown". */
const OPER_UNKNOWN = 0;
const OPER_UP = 6;

/** Interface flags (IFF_*). */
export const LinkFlag = { UP: 0x1, BROADCAST: 0x2, LOOPBACK: 0x8, NOARP: 0x80, LOWER_UP: 0x10000 } as const;

/** A network interface as the kernel describes it. */
export interface LinkRecord {
  readonly index: number;
  readonly name: string;
  /** Hardware address; empty for links that have none. */
  readonly mac: Uint8Array;
  /** Switched on by the administrator. */
  readonly up: boolean;
  /** Switched on, carrier present and operational state up or unknown. */
  readonly running: boolean;
  /** RFC 2863: `unknown` where the driver reports none, as for `lo` and tunnels; `other` is any state in which it carries nothing. */
  readonly operState: "up" | "unknown" | "other";
  readonly loopback: boolean;
  /** ARPHRD_*: 1 is Ethernet. */
  readonly hardwareType: number;
  /** Bytes. */
  readonly mtu: number;
  /** Index of the bridge or bond this is a port of; 0 for none. */
  readonly master: number;
  /** "veth", "bridge", …; empty for hardware. */
  readonly kind: string;
}

/** Asks for one link by name; the answer is an RTM_NEWLINK, or ENODEV. */
export function getLink(name: string): NetlinkRequest {
  const payload = concat([header({}), attribute(IFLA_IFNAME, text(name)), attribute(IFLA_EXT_MASK, u32(SKIP_STATS))]);
  return { op: "find link", subject: name, type: RouteMessage.GETLINK, flags: 0, payload };
}

/** Asks for every link. */
export function dumpLinks(): NetlinkRequest {
  const payload = concat([header({}), attribute(IFLA_EXT_MASK, u32(SKIP_STATS))]);
  return { op: "list links", subject: "", type: RouteMessage.GETLINK, flags: MessageFlag.DUMP, payload };
}

/** A link to make. */
export type NewLink =
  | { readonly kind: "dummy"; readonly name: string }
  /** Learns at once: no spanning tree, no forward delay, no multicast snooping (which loses neighbour solicitations). */
  | { readonly kind: "bridge"; readonly name: string }
  /** A pair; the peer is born in the namespace of that descriptor if one is given. */
  | { readonly kind: "veth"; readonly name: string; readonly peerName: string; readonly peerNamespaceFd?: number };

/** Makes a link, down; EEXIST if the name is taken. */
export function createLink(link: NewLink): NetlinkRequest {
  return {
    op: `add ${link.kind}`,
    subject: link.name,
    type: RouteMessage.NEWLINK,
    flags: MessageFlag.CREATE | MessageFlag.EXCLUSIVE,
    payload: concat([
      header({}),
      attribute(IFLA_IFNAME, text(link.name)),
      nested(IFLA_LINKINFO, [attribute(IFLA_INFO_KIND, text(link.kind)), ...linkData(link)]),
    ]),
  };
}

function linkData(link: NewLink): Uint8Array[] {
  switch (link.kind) {
    case "dummy":
      return [];
    case "bridge":
      return [nested(IFLA_INFO_DATA, [
        attribute(IFLA_BR_FORWARD_DELAY, u32(0)),
        attribute(IFLA_BR_STP_STATE, u32(0)),
        attribute(IFLA_BR_MCAST_SNOOPING, u8(0)),
      ])];
    case "veth": {
      const namespace = link.peerNamespaceFd === undefined
        ? []
        : [attribute(IFLA_NET_NS_FD, u32(link.peerNamespaceFd))];
      const peer = concat([header({}), attribute(IFLA_IFNAME, text(link.peerName)), ...namespace]);
      return [nested(IFLA_INFO_DATA, [attribute(VETH_INFO_PEER, peer)])];
    }
  }
}

/** What to change on a link; what is not named stays. */
export interface LinkChange {
  readonly up?: boolean;
  /** Index of the bridge to join; 0 leaves it. */
  readonly master?: number;
  readonly mac?: Uint8Array;
  /** Bytes. */
  readonly mtu?: number;
  readonly name?: string;
  /** Moves the link into the namespace of this descriptor. */
  readonly namespaceFd?: number;
}

/** Changes a link. */
export function changeLink(index: number, change: LinkChange): NetlinkRequest {
  const flags = change.up === undefined ? {} : { flags: change.up ? LinkFlag.UP : 0, change: LinkFlag.UP };
  return {
    op: "change link",
    subject: `${index}`,
    type: RouteMessage.NEWLINK,
    flags: 0,
    payload: concat([
      header({ index, ...flags }),
      ...present(change.master, (value) => attribute(IFLA_MASTER, u32(value))),
      ...present(change.mac, (value) => attribute(IFLA_ADDRESS, value)),
      ...present(change.mtu, (value) => attribute(IFLA_MTU, u32(value))),
      ...present(change.name, (value) => attribute(IFLA_IFNAME, text(value))),
      ...present(change.namespaceFd, (value) => attribute(IFLA_NET_NS_FD, u32(value))),
    ]),
  };
}

function present<T>(value: T | undefined, write: (value: T) => Uint8Array): Uint8Array[] {
  return value === undefined ? [] : [write(value)];
}

/** Removes a link; the other end of a veth pair goes with it. */
export function deleteLink(index: number): NetlinkRequest {
  return { op: "delete link", subject: `${index}`, type: RouteMessage.DELLINK, flags: 0, payload: header({ index }) };
}

/** Reads an RTM_NEWLINK or RTM_DELLINK message; throws WireError when the bytes are not one. */
export function decodeLink(message: NetlinkMessage): LinkRecord {
  const { payload } = message;
  const flags = readU32(payload, 8);
  const hardwareType = readU8(payload, 2) | readU8(payload, 3) << 8;
  const index = readI32(payload, 4);
  const attributes = attributeMap(payload.subarray(Math.min(HEADER, payload.length)));
  const operState = optional(attributes.get(IFLA_OPERSTATE), readU8, OPER_UNKNOWN);
  const info = attributeMap(attributes.get(IFLA_LINKINFO));
  return {
    index,
    name: optional(attributes.get(IFLA_IFNAME), readText, ""),
    mac: (attributes.get(IFLA_ADDRESS) ?? new Uint8Array()).slice(),
    up: (flags & LinkFlag.UP) !== 0,
    running: (flags & LinkFlag.LOWER_UP) !== 0 && (operState === OPER_UP || operState === OPER_UNKNOWN),
    operState: operState === OPER_UP ? "up" : operState === OPER_UNKNOWN ? "unknown" : "other",
    loopback: (flags & LinkFlag.LOOPBACK) !== 0,
    hardwareType,
    mtu: optional(attributes.get(IFLA_MTU), readU32, 0),
    master: optional(attributes.get(IFLA_MASTER), readU32, 0),
    kind: optional(info.get(IFLA_INFO_KIND), readText, ""),
  };
}

function header(fields: { index?: number; flags?: number; change?: number }): Uint8Array {
  const { index = 0, flags = 0, change = 0 } = fields;
  return concat([u32(0), u32(index), u32(flags), u32(change)]);
}
