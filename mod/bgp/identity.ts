/** Who this speaker is. Pure. */

import { isLinkLocal, parseIp, parseIp4 } from "../net/ip.ts";

/** What has to be known of an address of this machine. */
export interface OwnAddress {
  /** Canonical text. */
  readonly ip: string;
  readonly linkName: string;
}

/** What the BGP identifier is taken from, the first that gives one. */
export interface IdentityWish {
  /** `bgp_routerid`. */
  readonly routerId: string | null;
  /** `bgp_routerinterface`: its first address. */
  readonly routerInterface: string | null;
  /** `bgp_sourceip`. */
  readonly sourceIp: string | null;
  /** `bgp_sourceif`: its first address. */
  readonly sourceInterface: string | null;
  readonly addresses: readonly OwnAddress[];
  /** Addresses that wander: no machine is named by them. */
  readonly managed: ReadonlySet<string>;
  /** For a machine without any IPv4 address; the same at every start, and another on every machine. */
  readonly nodeName: string;
}

export type Identity =
  | { readonly outcome: "known"; readonly routerId: string }
  | { readonly outcome: "unknown"; readonly why: string };

/**
 * The BGP identifier: any number but 0 that is unique among the speakers of the AS (RFC 6286 §2.1). A machine that has IPv6 only gets one
 * from its name, with the first octet of class E (240 to 255), so that it is nobody's address.
 */
export function chooseIdentity(wish: IdentityWish): Identity {
  if (wish.routerId !== null) return { outcome: "known", routerId: wish.routerId };
  if (wish.routerInterface !== null) {
    const [ip] = usable(wish, wish.routerInterface);
    return ip === undefined
      ? {
        outcome: "unknown",
        why: `bgp_routerinterface ${wish.routerInterface} has no IPv4 address; give bgp_routerid`,
      }
      : { outcome: "known", routerId: ip };
  }
  if (wish.sourceIp !== null && parseIp4(wish.sourceIp) !== null) return { outcome: "known", routerId: wish.sourceIp };
  const ofSource = wish.sourceInterface === null ? [] : usable(wish, wish.sourceInterface);
  const [ip = fromName(wish.nodeName)] = [...ofSource, ...usable(wish, null)];
  return { outcome: "known", routerId: ip };
}

/** IPv4 addresses that name this machine: of one link, or of all. */
function usable(wish: IdentityWish, linkName: string | null): string[] {
  return wish.addresses
    .filter((one) => linkName === null || one.linkName === linkName)
    .flatMap(({ ip }) => {
      const parsed = parseIp(ip);
      const isOwn = parsed?.family === 4 && parsed.bytes[0] !== 127 && !isLinkLocal(parsed) && !wish.managed.has(ip);
      return isOwn ? [ip] : [];
    });
}

/** FNV-1a over the name's UTF-8, 28 bits of it. */
function fromName(name: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return [0xf0 | (hash >>> 24 & 0x0f), hash >>> 16 & 0xff, hash >>> 8 & 0xff, hash & 0xff].join(".");
}
