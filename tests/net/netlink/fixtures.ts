import assert from "node:assert/strict";
import { type Ip, parseIp } from "../../../mod/net/ip.ts";
import type { NetlinkMessage, NetlinkRequest } from "../../../mod/net/netlink/message.ts";

/** Bytes from hexadecimal digits; spaces and line ends are for the reader. */
export function bytes(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(digits.replaceAll(/\s/g, ""));
}

/** A message as the kernel would send it. */
export function message(type: number, payload: Uint8Array): NetlinkMessage {
  return { type, flags: 0, sequence: 0, portId: 0, payload };
}

/** A request read as a message: what we write, our own decoders must read. */
export function echo(request: NetlinkRequest): NetlinkMessage {
  return message(request.type, request.payload);
}

/** A literal address. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  return parsed;
}
