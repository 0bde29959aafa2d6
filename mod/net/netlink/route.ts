/** RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE: struct rtmsg and its attributes (include/uapi/linux/rtnetlink.h). */
import { WireError } from "../errors.ts";
import { formatIp, type Ip } from "../ip.ts";
import { attribute, attributeMap, optional } from "./attribute.ts";
import { concat, readU32, readU8, u32 } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { AddressFamily, addressFamily, RouteMessage, Scope } from "./rtnetlink.ts";

const HEADER = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_FLOW = 11;
const RTA_TABLE = 15;
/** RTM_F_CLONED: an entry of the route cache, no route of its own. */
const CLONED = 0x200;
/** RT_TABLE_COMPAT: the table does not fit in the header's byte, see RTA_TABLE. */
const TABLE_COMPAT = 252;

/** Well-known tables. */
export const RouteTable = { DEFAULT: 253, MAIN: 254, LOCAL: 255 } as const;
/** Who made a route (RTPROT_*). */
export const RouteProtocol = { KERNEL: 2, BOOT: 3, STATIC: 4 } as const;
/** What a route does (RTN_*). */
export const RouteType = {
  UNICAST: 1,
  LOCAL: 2,
  BROADCAST: 3,
  ANYCAST: 4,
  MULTICAST: 5,
  BLACKHOLE: 6,
  UNREACHABLE: 7,
  PROHIBIT: 8,
  THROW: 9,
} as const;

/** A route, to make, to remove, or as the kernel describes it. */
export interface Route {
  readonly family: 4 | 6;
  /** Canonical text of the destination; null for the default route. */
  readonly destination: string | null;
  /** Bits of the destination, 0 for the default route. */
  readonly prefixLength: number;
  /** Canonical text; null for a destination on the link itself. */
  readonly gateway: string | null;
  /** Index of the outgoing link, the first one of several; 0 for none. */
  readonly linkIndex: number;
  readonly table: number;
  readonly protocol: number;
  readonly type: number;
  readonly scope: number;
  /** RTA_PRIORITY; the lower wins, 0 = the kernel's default. */
  readonly metric: number;
  /** Preferred source, canonical text; null for none. */
  readonly source: string | null;
  /** RTA_FLOW: the routing realm, 0 = none. Only IPv4 has them. */
  readonly realm: number;
}

/** What to route where. */
export interface RouteRequest {
  /** null for the default route of the family. */
  readonly destination: Ip | null;
  /** @default {0} */
  readonly prefixLength?: number;
  /** Needed only if there is neither destination nor gateway. */
  readonly family?: 4 | 6;
  readonly gateway?: Ip;
  readonly linkIndex?: number;
  readonly source?: Ip;
  readonly metric?: number;
  /** @default {RouteTable.MAIN} */
  readonly table?: number;
  /** @default {RouteProtocol.STATIC} */
  readonly protocol?: number;
  /** @default {RouteType.UNICAST} */
  readonly type?: number;
  /** Of a route to make; a removal does not look at it. IPv6 knows only the universe. @default {what suits type and gateway} */
  readonly scope?: number;
  /** Of an IPv4 route to make. @default {none} */
  readonly realm?: number;
}

/** Which routes to list; what is not named does not matter. */
export interface RouteFilter {
  readonly table?: number;
}

/** Adds the route, or replaces the one to the same destination, table and metric, whoever made it. */
export function putRoute(route: RouteRequest): NetlinkRequest {
  return newRoute("put route", route, MessageFlag.CREATE | MessageFlag.REPLACE);
}

/** Adds the route; EEXIST when there is one to the same destination, table and metric already. */
export function createRoute(route: RouteRequest): NetlinkRequest {
  return newRoute("create route", route, MessageFlag.CREATE | MessageFlag.EXCLUSIVE);
}

function newRoute(op: string, route: RouteRequest, flags: number): NetlinkRequest {
  return {
    op,
    subject: describe(route),
    type: RouteMessage.NEWROUTE,
    flags,
    payload: encode(route, {
      protocol: route.protocol ?? RouteProtocol.STATIC,
      type: route.type ?? RouteType.UNICAST,
      scope: route.scope ?? scopeOf(route),
    }),
  };
}

/** Removes the route; ESRCH when there is none like it. Only what is named has to match. */
export function deleteRoute(route: RouteRequest): NetlinkRequest {
  return {
    op: "remove route",
    subject: describe(route),
    type: RouteMessage.DELROUTE,
    flags: 0,
    payload: encode(route, { protocol: route.protocol ?? 0, type: route.type ?? 0, scope: Scope.NOWHERE }),
  };
}

/**
 * Asks for the routes of every table, or of one. A kernel that does not filter (before 4.20) answers with all of them; a table that
 * does not exist is an empty one.
 */
export function dumpRoutes(filter: RouteFilter = {}): NetlinkRequest {
  const { table } = filter;
  const header = new Uint8Array(HEADER);
  return {
    op: "list routes",
    subject: table === undefined ? "" : `of table ${table}`,
    type: RouteMessage.GETROUTE,
    flags: MessageFlag.DUMP,
    payload: table === undefined ? header : concat([header, attribute(RTA_TABLE, u32(table))]),
  };
}

function encode(route: RouteRequest, fixed: { protocol: number; type: number; scope: number }): Uint8Array {
  const family = addressFamily(route.destination?.family ?? route.gateway?.family ?? route.family ?? 4);
  const table = route.table ?? RouteTable.MAIN;
  const length = route.destination === null ? 0 : route.prefixLength ?? route.destination.bytes.length * 8;
  const shortTable = table > 255 ? TABLE_COMPAT : table;
  const { protocol, scope, type } = fixed;
  return concat([
    Uint8Array.of(family, length, 0, 0, shortTable, protocol, scope, type),
    u32(0),
    ...(route.destination === null ? [] : [attribute(RTA_DST, route.destination.bytes)]),
    ...(route.gateway === undefined ? [] : [attribute(RTA_GATEWAY, route.gateway.bytes)]),
    ...(route.linkIndex === undefined ? [] : [attribute(RTA_OIF, u32(route.linkIndex))]),
    ...(route.source === undefined ? [] : [attribute(RTA_PREFSRC, route.source.bytes)]),
    ...(route.metric === undefined ? [] : [attribute(RTA_PRIORITY, u32(route.metric))]),
    ...(route.realm === undefined ? [] : [attribute(RTA_FLOW, u32(route.realm))]),
    attribute(RTA_TABLE, u32(table)),
  ]);
}

/** IPv4 insists that a destination without gateway is on the link, and a local one on the host. */
function scopeOf(route: RouteRequest): number {
  const type = route.type ?? RouteType.UNICAST;
  if (type === RouteType.LOCAL) return Scope.HOST;
  return type === RouteType.UNICAST && route.gateway === undefined ? Scope.LINK : Scope.UNIVERSE;
}

/**
 * Reads an RTM_NEWROUTE or RTM_DELROUTE message; null for cache entries and families that are neither IPv4 nor IPv6.
 * Throws WireError when the bytes are not such a message.
 */
export function decodeRoute(message: NetlinkMessage): Route | null {
  const { payload } = message;
  const family = readU8(payload);
  const cloned = (readU32(payload, 8) & CLONED) !== 0;
  if (cloned || (family !== AddressFamily.INET && family !== AddressFamily.INET6)) return null;
  const attributes = attributeMap(payload.subarray(HEADER));
  const ip = (type: number): string | null => optional(attributes.get(type), (bytes) => address(bytes, family), null);
  return {
    family: family === AddressFamily.INET ? 4 : 6,
    destination: ip(RTA_DST),
    prefixLength: readU8(payload, 1),
    gateway: ip(RTA_GATEWAY),
    linkIndex: optional(attributes.get(RTA_OIF), readU32, optional(attributes.get(RTA_MULTIPATH), firstHop, 0)),
    table: optional(attributes.get(RTA_TABLE), readU32, readU8(payload, 4)),
    protocol: readU8(payload, 5),
    scope: readU8(payload, 6),
    type: readU8(payload, 7),
    metric: optional(attributes.get(RTA_PRIORITY), readU32, 0),
    source: ip(RTA_PREFSRC),
    realm: optional(attributes.get(RTA_FLOW), readU32, 0),
  };
}

/** The link of the first struct rtnexthop: u16 length, u8 flags, u8 weight, then the index. */
function firstHop(bytes: Uint8Array): number {
  return readU32(bytes, 4);
}

function address(bytes: Uint8Array, family: number): string {
  const size = family === AddressFamily.INET ? 4 : 16;
  if (bytes.length === size) return formatIp(bytes);
  throw new WireError("netlink route", { where: "address", got: `${bytes.length} bytes`, wanted: `${size} bytes` });
}

function describe(route: RouteRequest): string {
  const to = route.destination === null ? "default" : `${route.destination.text}/${route.prefixLength ?? "host"}`;
  return route.gateway === undefined ? to : `${to} via ${route.gateway.text}`;
}
