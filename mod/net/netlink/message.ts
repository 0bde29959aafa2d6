/**
 * Netlink messages (include/uapi/linux/netlink.h, RFC 3549 §2.2), struct nlmsghdr:
 *
 *     0  u32  length, header included          8  u32  sequence
 *     4  u16  type                            12  u32  port of the sender, 0 = the kernel decides
 *     6  u16  flags                           16  …    payload, the next message starts on a multiple of four
 */
import { WireError } from "../errors.ts";
import { align4, attributeMap, optional } from "./attribute.ts";
import { concat, readI32, readText, readU16, readU32, u16, u32 } from "./bytes.ts";

const HEADER = 16;

/** Message types that every netlink family has. */
export const MessageType = { NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 } as const;

/** Header flags; the second half has a meaning of its own in requests that create. */
export const MessageFlag = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP_INTERRUPTED: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCLUSIVE: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
} as const;

/** A message as it stands on the wire. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  readonly payload: Uint8Array;
}

/** What is asked of the kernel; the socket adds sequence and port. */
export interface NetlinkRequest {
  /** In words, for the error that names it: "add address". */
  readonly op: string;
  /** What it concerns: "10.0.0.1/32". */
  readonly subject: string;
  readonly type: number;
  /** Besides REQUEST and ACK, which the socket adds. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** One message, padded so that another may follow. */
export function encodeMessage(message: NetlinkMessage): Uint8Array<ArrayBuffer> {
  const length = HEADER + message.payload.length;
  return concat([
    u32(length),
    u16(message.type),
    u16(message.flags),
    u32(message.sequence),
    u32(message.portId),
    message.payload,
    new Uint8Array(align4(length) - length),
  ]);
}

/** All messages of one datagram; payloads are views on it. Throws {@link WireError} for lengths that cannot be. */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const length = readU32(bytes, offset);
    if (length < HEADER || offset + length > bytes.length) {
      throw new WireError("netlink message", {
        where: offset,
        got: `length ${length}`,
        wanted: `${HEADER} to ${bytes.length - offset}`,
      });
    }
    messages.push({
      type: readU16(bytes, offset + 4),
      flags: readU16(bytes, offset + 6),
      sequence: readU32(bytes, offset + 8),
      portId: readU32(bytes, offset + 12),
      payload: bytes.subarray(offset + HEADER, offset + length),
    });
    offset += align4(length);
  }
  return messages;
}

/** What the kernel says about a request: an acknowledgement when `errno` is 0. */
export interface Acknowledgement {
  /** Positive error number, 0 for success. */
  readonly errno: number;
  /** Type and sequence of the request this is about. */
  readonly type: number;
  readonly sequence: number;
  /** The kernel's own words (NLMSGERR_ATTR_MSG); empty when it gave none. */
  readonly reason: string;
  /** Byte offset in the request of the attribute at fault (NLMSGERR_ATTR_OFFS); 0 when not given. */
  readonly offset: number;
}

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

/** Reads the payload of an ERROR message (struct nlmsgerr, then attributes if the flags say so). */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement {
  const { payload, flags } = message;
  const errno = -readI32(payload);
  const requestLength = readU32(payload, 4);
  const echoed = errno === 0 || (flags & MessageFlag.CAPPED) !== 0 ? HEADER : align4(requestLength);
  const attributes = (flags & MessageFlag.ACK_TLVS) === 0
    ? attributeMap(undefined)
    : attributeMap(payload.subarray(Math.min(payload.length, 4 + echoed)));
  return {
    errno: checkErrno(errno),
    type: readU16(payload, 8),
    sequence: readU32(payload, 12),
    reason: optional(attributes.get(NLMSGERR_ATTR_MSG), readText, ""),
    offset: optional(attributes.get(NLMSGERR_ATTR_OFFS), readU32, 0),
  };
}

/** How a dump ended: DONE carries 0, or a negative errno when the dump failed on its way, and then perhaps the kernel's words. */
export function decodeDone(message: NetlinkMessage): { errno: number; reason: string } {
  const { payload, flags } = message;
  const errno = payload.length < 4 ? 0 : checkErrno(-Math.min(0, readI32(payload)));
  const told = (flags & MessageFlag.ACK_TLVS) !== 0 && payload.length > 4;
  const attributes = attributeMap(told ? payload.subarray(4) : undefined);
  return { errno, reason: optional(attributes.get(NLMSGERR_ATTR_MSG), readText, "") };
}

function checkErrno(errno: number): number {
  // MAX_ERRNO of the kernel (include/linux/err.h).
  if (errno >= 0 && errno <= 4095) return errno + 0;
  throw new WireError("netlink acknowledgement", { where: "error", got: -errno, wanted: "-4095 to 0" });
}
