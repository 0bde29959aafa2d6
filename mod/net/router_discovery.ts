/**
 * Router discovery (RFC 4861 §4.1, §4.2): the ICMPv6 messages by which the two ends of a link find each other's link-local address.
 * Messages only, without IP header: the kernel fills in and checks checksums on raw sockets (RFC 3542 §3.1).
 */
import { assert } from "../base/assert.ts";
import { expectField, expectLength, WireError } from "./errors.ts";
import { type Ip, isLinkLocal, isUnspecified } from "./ip.ts";
import { linkLayerAddress, NdpOption } from "./ndp.ts";

/** ICMPv6 types (RFC 4861 §4). */
export const RouterMessageType = { solicitation: 133, advertisement: 134 } as const;

/** Octets before the options. */
const FIXED_BYTES = { solicitation: 8, advertisement: 16 } as const;
const OPTION_UNIT_BYTES = 8;
/** In an advertisement. */
const LIFETIME_AT = 6;

/** "Is there a router?" */
export interface RouterSolicitation {
  readonly type: "solicitation";
  /** The sender's hardware address, null when it is not told. */
  readonly sourceMac: Uint8Array | null;
}

/** "Here is one." Prefixes and timers are neither told nor looked at. */
export interface RouterAdvertisement {
  readonly type: "advertisement";
  /** Seconds for which the sender is a default router; 0: it is none. */
  readonly lifetimeSeconds: number;
  readonly sourceMac: Uint8Array | null;
}

export type RouterMessage = RouterSolicitation | RouterAdvertisement;

/** The message with a checksum of 0. */
export function encodeRouterMessage(message: RouterMessage): Uint8Array<ArrayBuffer> {
  const { type, sourceMac } = message;
  assert(sourceMac === null || sourceMac.length === 6, "hardware addresses have 6 bytes");
  const fixed = FIXED_BYTES[type];
  const bytes = new Uint8Array(fixed + (sourceMac === null ? 0 : OPTION_UNIT_BYTES));
  bytes[0] = RouterMessageType[type];
  if (message.type === "advertisement") {
    new DataView(bytes.buffer).setUint16(LIFETIME_AT, message.lifetimeSeconds);
  }
  if (sourceMac !== null) {
    bytes.set([NdpOption.sourceMac, 1], fixed);
    bytes.set(sourceMac, fixed + 2);
  }
  return bytes;
}

/**
 * Reads a message and applies the checks of RFC 4861 §6.1.1 and §6.1.2 but those of the hop limit and the checksum, which belong to the
 * socket. Throws {@link WireError}.
 */
export function decodeRouterMessage(bytes: Uint8Array, source: Ip): RouterMessage {
  expectLength("Router discovery", bytes, FIXED_BYTES.solicitation);
  const [number = 0, code = 0] = bytes;
  expectField("Router discovery", { where: "code", got: code, wanted: 0 });
  if (number === RouterMessageType.solicitation) return solicitation(bytes, source);
  if (number === RouterMessageType.advertisement) return advertisement(bytes, source);
  const wanted = `${RouterMessageType.solicitation} or ${RouterMessageType.advertisement}`;
  throw new WireError("Router discovery", { where: "type", got: number, wanted });
}

function solicitation(bytes: Uint8Array, source: Ip): RouterSolicitation {
  const sourceMac = linkLayerAddress(bytes, NdpOption.sourceMac, { from: FIXED_BYTES.solicitation });
  if (sourceMac !== null && isUnspecified(source)) {
    throw new WireError("Router discovery", { where: "source address option", got: "present", wanted: "none from ::" });
  }
  return { type: "solicitation", sourceMac };
}

function advertisement(bytes: Uint8Array, source: Ip): RouterAdvertisement {
  expectLength("Router discovery", bytes, FIXED_BYTES.advertisement);
  if (source.family !== 6 || !isLinkLocal(source)) {
    throw new WireError("Router discovery", { where: "source", got: source.text, wanted: "a link-local address" });
  }
  return {
    type: "advertisement",
    lifetimeSeconds: new DataView(bytes.buffer, bytes.byteOffset).getUint16(LIFETIME_AT),
    sourceMac: linkLayerAddress(bytes, NdpOption.sourceMac, { from: FIXED_BYTES.advertisement }),
  };
}
