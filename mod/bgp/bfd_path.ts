/** Which path BFD is to watch for a peer. Pure. */

import type { BfdPath } from "../bfd/types.ts";
import { type HostAddress, subnetHas } from "./next_hop.ts";
import type { BgpPeerConfig } from "./types.ts";

/** Both ends of a session, as far as they are known. */
export interface SessionEnds {
  /** Canonical text. */
  readonly localIp: string;
  readonly remoteIp: string;
  /** null: not known yet. */
  readonly isExternal: boolean | null;
}

/** What is configured of a peer before any session: null when an end is not known. */
export function configuredEnds(
  peer: Pick<BgpPeerConfig, "address" | "sourceIp" | "as">,
  localAs: number,
): SessionEnds | null {
  if (peer.address.is !== "ip" || peer.sourceIp === null) return null;
  return {
    localIp: peer.sourceIp,
    remoteIp: peer.address.ip,
    isExternal: peer.as === null ? null : peer.as !== localAs,
  };
}

/**
 * The path between those ends; null: the peer is configured without BFD. Single hop (RFC 5881) unless the peer may be further away, as
 * routers decide it: multihop is configured, or it is internal and in no subnet of ours.
 */
export function bfdPath(
  peer: Pick<BgpPeerConfig, "address" | "bfd" | "multihopTtl" | "sourceInterface">,
  ends: SessionEnds,
  { addresses }: { readonly addresses: readonly HostAddress[] },
): BfdPath | null {
  if (peer.bfd === null) return null;
  const isUnnumbered = peer.address.is === "unnumbered";
  const isNear = isUnnumbered ||
    addresses.some((address) => address.ip === ends.localIp && subnetHas(address, ends.remoteIp));
  const multihop = !isUnnumbered && (peer.multihopTtl !== null || (ends.isExternal === false && !isNear));
  const link = peer.address.is === "unnumbered" ? peer.address.interface : peer.sourceInterface;
  return { ...peer.bfd, localIp: ends.localIp, remoteIp: ends.remoteIp, multihop, interface: multihop ? null : link };
}

/** Whether both are the same path with the same timers. */
export function samePath(a: BfdPath, b: BfdPath): boolean {
  return a.localIp === b.localIp && a.remoteIp === b.remoteIp && a.interface === b.interface &&
    a.multihop === b.multihop && a.desiredTxMs === b.desiredTxMs && a.requiredRxMs === b.requiredRxMs &&
    a.multiplier === b.multiplier;
}
