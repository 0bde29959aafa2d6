/** Echo request and reply: ICMP (RFC 792, page 14) and ICMPv6 (RFC 4443 §4). The message only, without an IP header. */
import { checksum6, internetChecksum } from "./checksum.ts";
import { expectField, expectLength, WireError } from "./errors.ts";
import type { Ip } from "./ip.ts";
import { ICMPV6 } from "./ipv6.ts";

/** A ping or its answer. */
export interface Echo {
  readonly kind: "request" | "reply";
  /** 16 bits, copied into the reply. */
  readonly identifier: number;
  /** 16 bits, copied into the reply. */
  readonly sequence: number;
  /** Copied into the reply. */
  readonly data: Uint8Array;
}

/** The addresses that the checksum of ICMPv6 covers. */
export interface EchoEnds {
  readonly source: Ip;
  readonly destination: Ip;
}

const HEADER_BYTES = 8;
const TYPES4 = { request: 8, reply: 0 } as const;
const TYPES6 = { request: 128, reply: 129 } as const;

/** An ICMP echo message with its checksum. */
export function encodeEcho4(echo: Echo): Uint8Array<ArrayBuffer> {
  const message = encode(echo, TYPES4[echo.kind]);
  new DataView(message.buffer).setUint16(2, internetChecksum(message));
  return message;
}

/** Reads an ICMP echo message. Throws {@link WireError} for anything else, a wrong checksum included. */
export function decodeEcho4(message: Uint8Array): Echo {
  expectLength("ICMP echo", message, HEADER_BYTES);
  expectField("ICMP echo", { where: "checksum remainder", got: internetChecksum(message), wanted: 0 });
  return decode(message, TYPES4);
}

/** An ICMPv6 echo message. Without `ends` the checksum is left 0, for a raw socket whose kernel fills it (RFC 3542 §3.1). */
export function encodeEcho6(echo: Echo, ends?: EchoEnds): Uint8Array<ArrayBuffer> {
  const message = encode(echo, TYPES6[echo.kind]);
  if (ends !== undefined) {
    new DataView(message.buffer).setUint16(2, checksum6(message, { ...ends, nextHeader: ICMPV6 }));
  }
  return message;
}

/**
 * Reads an ICMPv6 echo message. Without `ends` the checksum is not looked at, for a raw socket whose kernel has done so
 * (RFC 3542 §3.1). Throws {@link WireError} for anything else.
 */
export function decodeEcho6(message: Uint8Array, ends?: EchoEnds): Echo {
  expectLength("ICMP echo", message, HEADER_BYTES);
  if (ends !== undefined) {
    const got = checksum6(message, { ...ends, nextHeader: ICMPV6 });
    expectField("ICMP echo", { where: "checksum remainder", got, wanted: 0 });
  }
  return decode(message, TYPES6);
}

function encode(echo: Echo, type: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER_BYTES + echo.data.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, type);
  view.setUint16(4, echo.identifier);
  view.setUint16(6, echo.sequence);
  message.set(echo.data, HEADER_BYTES);
  return message;
}

function decode(message: Uint8Array, types: Readonly<Record<Echo["kind"], number>>): Echo {
  const view = new DataView(message.buffer, message.byteOffset);
  const type = view.getUint8(0);
  if (type !== types.request && type !== types.reply) {
    throw new WireError("ICMP echo", { where: "type", got: type, wanted: `${types.request} or ${types.reply}` });
  }
  expectField("ICMP echo", { where: "code", got: view.getUint8(1), wanted: 0 });
  return {
    kind: type === types.request ? "request" : "reply",
    identifier: view.getUint16(4),
    sequence: view.getUint16(6),
    data: message.slice(HEADER_BYTES),
  };
}
