/** Reads other stations' claims out of frames. Pure. */
import { decodeArpFrame } from "../net/arp.ts";
import { WireError } from "../net/errors.ts";
import { EtherType } from "../net/ethernet.ts";
import { formatMac } from "../net/mac.ts";
import { decodeNeighbour } from "../net/ndp.ts";
import type { Sighting } from "./conflict.ts";

/**
 * The claim in an Ethernet frame, or null.
 *
 * Any ARP packet claims its sender address; one whose sender is 0.0.0.0 is a probe and claims nothing (RFC 5227 §1.1). A neighbour
 * advertisement claims its target. A solicitation from `::` (RFC 4862 §5.4) only asks, as ours do when they start.
 */
export function sightingIn(frame: Uint8Array): Sighting | null {
  try {
    const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
    if (etherType === EtherType.arp) return claimOfArp(frame);
    return etherType === EtherType.ipv6 ? claimOfNeighbour(frame) : null;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function claimOfArp(frame: Uint8Array): Sighting | null {
  const { arp } = decodeArpFrame(frame);
  if (arp.senderIp.bytes.every((byte) => byte === 0)) return null;
  return { ip: arp.senderIp.text, mac: formatMac(arp.senderMac) };
}

function claimOfNeighbour(frame: Uint8Array): Sighting | null {
  const { message, sourceMac } = decodeNeighbour(frame);
  if (message.type !== "advertisement") return null;
  return { ip: message.target.text, mac: formatMac(message.targetMac ?? sourceMac) };
}
