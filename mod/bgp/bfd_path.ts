/** Which path BFD is to watch for a peer. Pure. */

import type { BfdPath } from "../bfd/types.ts";
import { type HostAddress, subnetHas } from "./next_hop.ts";
import type { BgpPeerConfig, Negotiated } from "./types.ts";

/**
 * The path of that session; null: the peer is configured without BFD. Single hop (RFC 5881) unless the peer may be further away, as
 * routers decide it: multihop is configured, or it is internal and in no subnet of ours.
 */
export function bfdPath(
  peer: Pick<BgpPeerConfig, "address" | "bfd" | "multihopTtl" | "sourceInterface">,
  session: Pick<Negotiated, "localIp" | "remoteIp" | "isExternal">,
  { addresses }: { readonly addresses: readonly HostAddress[] },
): BfdPath | null {
  if (peer.bfd === null) return null;
  const isUnnumbered = peer.address.is === "unnumbered";
  const isNear = isUnnumbered ||
    addresses.some((address) => address.ip === session.localIp && subnetHas(address, session.remoteIp));
  const multihop = !isUnnumbered && (peer.multihopTtl !== null || (!session.isExternal && !isNear));
  const link = peer.address.is === "unnumbered" ? peer.address.interface : peer.sourceInterface;
  return {
    ...peer.bfd,
    localIp: session.localIp,
    remoteIp: session.remoteIp,
    multihop,
    interface: multihop ? null : link,
  };
}

/** Whether both are the same path with the same timers. */
export function samePath(a: BfdPath, b: BfdPath): boolean {
  return a.localIp === b.localIp && a.remoteIp === b.remoteIp && a.interface === b.interface &&
    a.multihop === b.multihop && a.desiredTxMs === b.desiredTxMs && a.requiredRxMs === b.requiredRxMs &&
    a.multiplier === b.multiplier;
}
