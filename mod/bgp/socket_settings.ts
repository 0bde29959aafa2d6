/** What a peer's configuration means for its sockets. Pure. */

import type { SocketSettings } from "./transport.ts";
import type { BgpPeerConfig } from "./types.ts";

const MAX_TTL = 255;
/** Linux's own default: a peer of the same AS may be anywhere in it. */
const INTERNAL_TTL = 64;
/** An external peer is on the link: its packets must not be forwarded (as every router does it). */
const ON_LINK_TTL = 1;

/** TTLs and password. `localAs` tells whether the peer is external; one whose AS is not known is on the link. */
export function socketSettings(peer: BgpPeerConfig, localAs: number): SocketSettings {
  const { password } = peer;
  if (peer.ttlSecurityHops !== null) {
    // RFC 5082 §3: 255 is sent, and each hop may take one.
    return { password, ttl: MAX_TTL, minTtl: MAX_TTL - peer.ttlSecurityHops + 1 };
  }
  if (peer.as === localAs) return { password, ttl: INTERNAL_TTL, minTtl: null };
  return { password, ttl: peer.multihopTtl ?? ON_LINK_TTL, minTtl: null };
}
