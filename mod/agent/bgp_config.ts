/** From what the settings say of BGP to what the speaker needs: what only this machine knows is filled in. Pure. */
import { chooseIdentity, type OwnAddress } from "../bgp/identity.ts";
import type { BgpConfig } from "../bgp/types.ts";
import type { BgpSettings } from "../config/bgp/types.ts";

/** What has to be known of this machine. */
export interface BgpHost {
  readonly addresses: readonly OwnAddress[];
  /** Addresses that wander. */
  readonly managed: ReadonlySet<string>;
  readonly nodeName: string;
}

export type ResolvedBgp =
  | { readonly outcome: "resolved"; readonly config: BgpConfig }
  | { readonly outcome: "unfit"; readonly why: string };

/** The configuration of the speaker on this machine. */
export function resolveBgp(settings: BgpSettings, host: BgpHost): ResolvedBgp {
  const { as, listenPort, gracefulRestartMs, peers } = settings;
  const ours = peers.find(({ address }) => address.is === "ip" && host.managed.has(address.ip));
  if (ours !== undefined) {
    return { outcome: "unfit", why: `BGP peer ${ours.name} is a virtual address; it must be the address of a router` };
  }
  const identity = chooseIdentity({ ...settings, ...host });
  if (identity.outcome === "unknown") return { outcome: "unfit", why: identity.why };
  return {
    outcome: "resolved",
    config: { as, routerId: identity.routerId, listenPort, gracefulRestartMs, peers },
  };
}
