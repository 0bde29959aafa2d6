/** RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR: struct ifaddrmsg and its attributes (include/uapi/linux/if_addr.h). */
import { assert } from "../../base/assert.ts";
import { WireError } from "../errors.ts";
import type { Ip } from "../ip.ts";
import { ipFromBytes } from "../ip.ts";
import { attribute, attributeMap, type Attributes, optional } from "./attribute.ts";
import { concat, readI32, readU32, readU8, u32, u8 } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { AddressFamily, addressFamily, RouteMessage } from "./rtnetlink.ts";

const HEADER = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;
/** INFINITY_LIFE_TIME. */
const FOREVER = 0xffff_ffff;

/** Address flags (IFA_F_*). */
export const AddressFlag = { NODAD: 0x2, DADFAILED: 0x8, DEPRECATED: 0x20, TENTATIVE: 0x40, PERMANENT: 0x80 } as const;

/** An address as the kernel describes it. */
export interface AddressRecord {
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkIndex: number;
  /** IFA_PROTO: who put it there; 0 where the kernel does not know it (before 5.18). */
  readonly protocol: number;
  /** Whole seconds that are left, Infinity when it never expires. */
  readonly validSeconds: number;
  /** Whole seconds in which it may be chosen as a source address. */
  readonly preferredSeconds: number;
  /** {@link AddressFlag} bits. */
  readonly flags: number;
  /** RT_SCOPE_*. */
  readonly scope: number;
}

/** What to put on a link. */
export interface AddressRequest {
  readonly ip: Ip;
  readonly prefixLength: number;
  readonly linkIndex: number;
  /** Whole seconds, at least 1; Infinity allowed. */
  readonly validSeconds: number;
  /** Whole seconds, at most `validSeconds`; 0 keeps it from being chosen as a source address. */
  readonly preferredSeconds: number;
  /** No duplicate address detection: it is usable at once. For IPv6; IPv4 has none. */
  readonly nodad: boolean;
  /** IFA_PROTO, 0 to leave it out. */
  readonly protocol: number;
  /** @default {Scope.UNIVERSE} */
  readonly scope?: number;
}

/** Adds the address, or gives the one that is there new lifetimes; that causes no RTM_DELADDR in between. */
export function putAddress(request: AddressRequest): NetlinkRequest {
  const { ip, validSeconds, preferredSeconds } = request;
  assert(validSeconds >= 1 && preferredSeconds <= validSeconds, `lifetimes ${validSeconds}, ${preferredSeconds}`);
  const flags = request.nodad ? AddressFlag.NODAD : 0;
  return {
    op: "put address",
    subject: describe(ip, request.prefixLength, request.linkIndex),
    type: RouteMessage.NEWADDR,
    flags: MessageFlag.CREATE | MessageFlag.REPLACE,
    payload: concat([
      header({ ip, prefixLength: request.prefixLength, linkIndex: request.linkIndex, scope: request.scope ?? 0 }),
      attribute(IFA_LOCAL, ip.bytes),
      attribute(IFA_ADDRESS, ip.bytes),
      attribute(IFA_CACHEINFO, concat([u32(seconds(preferredSeconds)), u32(seconds(validSeconds)), u32(0), u32(0)])),
      ...(flags === 0 ? [] : [attribute(IFA_FLAGS, u32(flags))]),
      ...(request.protocol === 0 ? [] : [attribute(IFA_PROTO, u8(request.protocol))]),
    ]),
  };
}

/** Takes the address off the link. */
export function deleteAddress(ip: Ip, prefixLength: number, linkIndex: number): NetlinkRequest {
  return {
    op: "remove address",
    subject: describe(ip, prefixLength, linkIndex),
    type: RouteMessage.DELADDR,
    flags: 0,
    payload: concat([
      header({ ip, prefixLength, linkIndex, scope: 0 }),
      attribute(IFA_LOCAL, ip.bytes),
      attribute(IFA_ADDRESS, ip.bytes),
    ]),
  };
}

/** Asks for every address of both families. */
export function dumpAddresses(): NetlinkRequest {
  return {
    op: "list addresses",
    subject: "",
    type: RouteMessage.GETADDR,
    flags: MessageFlag.DUMP,
    payload: new Uint8Array(HEADER),
  };
}

/**
 * Reads an RTM_NEWADDR or RTM_DELADDR message; null for a family that is neither IPv4 nor IPv6.
 * Throws WireError when the bytes are not such a message.
 */
export function decodeAddress(message: NetlinkMessage): AddressRecord | null {
  const { payload } = message;
  const family = readU8(payload);
  const linkIndex = readI32(payload, 4);
  if (family !== AddressFamily.INET && family !== AddressFamily.INET6) return null;
  const attributes = attributeMap(payload.subarray(HEADER));
  // On point-to-point links IFA_ADDRESS is the other end; IPv6 sends IFA_LOCAL only there.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? new Uint8Array();
  const size = family === AddressFamily.INET ? 4 : 16;
  if (bytes.length !== size) {
    throw new WireError("netlink address", { where: "address", got: `${bytes.length} bytes`, wanted: `${size} bytes` });
  }
  return {
    ip: ipFromBytes(bytes).text,
    prefixLength: readU8(payload, 1),
    linkIndex,
    scope: readU8(payload, 3),
    protocol: optional(attributes.get(IFA_PROTO), readU8, 0),
    flags: optional(attributes.get(IFA_FLAGS), readU32, readU8(payload, 2)),
    ...lifetimes(attributes),
  };
}

function lifetimes(attributes: Attributes): { preferredSeconds: number; validSeconds: number } {
  const info = attributes.get(IFA_CACHEINFO);
  return {
    preferredSeconds: optional(info, (bytes) => fromSeconds(readU32(bytes)), Infinity),
    validSeconds: optional(info, (bytes) => fromSeconds(readU32(bytes, 4)), Infinity),
  };
}

function header(fields: { ip: Ip; prefixLength: number; linkIndex: number; scope: number }): Uint8Array {
  const { ip, prefixLength, scope, linkIndex } = fields;
  return concat([Uint8Array.of(addressFamily(ip.family), prefixLength, 0, scope), u32(linkIndex)]);
}

function seconds(value: number): number {
  return value === Infinity ? FOREVER : Math.min(Math.floor(value), FOREVER - 1);
}

function fromSeconds(value: number): number {
  return value === FOREVER ? Infinity : value;
}

function describe(ip: Ip, prefixLength: number, linkIndex: number): string {
  return `${ip.text}/${prefixLength} on link ${linkIndex}`;
}
