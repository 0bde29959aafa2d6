/** Whose connection it is that has come in. Pure. */

import type { Incoming, ListenKey } from "./transport.ts";
import type { BgpPeerConfig } from "./types.ts";

/** A peer, and whether its session is up. */
export interface Candidate {
  readonly peer: Pick<BgpPeerConfig, "name" | "address" | "password" | "sourceIp" | "passive">;
  readonly isEstablished: boolean;
}

/** Whose a connection may be. */
export interface IncomingPeers {
  /** To be asked in this order whether they take it. */
  readonly names: readonly string[];
  /** Nobody has that address; peers given by name may find that it is theirs all the same. */
  readonly isStranger: boolean;
}

/**
 * The peers that a connection may be of: by their address, or by the link if they are unnumbered. Of several with one address, on several
 * ports, those without a session come first, and of them those that we wait for.
 *
 * A peer with a password is asked only if the connection `isSigned`: the kernel takes what is not signed from every address that it has no
 * key for, which is that of a host known by its name, and of anybody else on the link of an unnumbered peer.
 */
export function incomingPeers(
  candidates: readonly Candidate[],
  incoming: Pick<Incoming, "remoteIp" | "localIp" | "interface">,
  { isSigned }: { readonly isSigned: boolean },
): IncomingPeers {
  const trusting = candidates.filter(({ peer }) => peer.password === null || isSigned);
  const known = trusting.filter((candidate) => matches(candidate.peer, incoming));
  const named = trusting.filter(({ peer }) => peer.address.is === "name");
  const byWelcome = [...known, ...named].sort((a, b) => welcome(b) - welcome(a));
  return { names: byWelcome.map(({ peer }) => peer.name), isStranger: known.length === 0 };
}

function matches(peer: Candidate["peer"], incoming: Pick<Incoming, "remoteIp" | "localIp" | "interface">): boolean {
  if (peer.address.is === "unnumbered") return peer.address.interface === incoming.interface;
  if (peer.sourceIp !== null && peer.sourceIp !== incoming.localIp) return false;
  return peer.address.is === "ip" && peer.address.ip === incoming.remoteIp;
}

function welcome({ peer, isEstablished }: Candidate): number {
  if (isEstablished) return 0;
  return peer.passive ? 2 : 1;
}

/**
 * Passwords for the listening socket, of the peers whose address is certain: given, or that of the router on a link (`routerOn`), once it is
 * known. The kernel knows a key by the address alone: routers of one link-local address on several links need one password.
 */
export function listenKeys(
  peers: readonly Pick<BgpPeerConfig, "address" | "password">[],
  routerOn: (interfaceName: string) => string | null,
): ListenKey[] {
  const keys = new Map<string, ListenKey>();
  for (const { address, password } of peers) {
    if (password === null) continue;
    const ip = addressOf(address, routerOn);
    if (ip !== null) keys.set(ip, { ip, password });
  }
  return [...keys.values()];
}

function addressOf(
  address: BgpPeerConfig["address"],
  routerOn: (interfaceName: string) => string | null,
): string | null {
  switch (address.is) {
    case "ip":
      return address.ip;
    case "name":
      return null;
    case "unnumbered":
      return routerOn(address.interface);
  }
}
