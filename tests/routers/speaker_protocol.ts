/** What the test and the speaker's process say to each other: one JSON value a line. */

import type { BgpConfig, BgpPeerConfig, PeerReport } from "../../mod/bgp/types.ts";

/** A peer's settings with the families as a list. */
export type SpokenPeer = Omit<BgpPeerConfig, "families"> & { readonly families: readonly (4 | 6)[] };

/** The speaker's settings: the first line. */
export type SpokenConfig = Omit<BgpConfig, "peers"> & { readonly peers: readonly SpokenPeer[] };

/** What the speaker is to do. */
export type Order =
  | { readonly do: "announce"; readonly ips: readonly string[]; readonly term: number | null }
  | { readonly do: "withdraw" | "drain"; readonly ips: readonly string[] }
  | { readonly do: "ready" | "report" | "memory" | "close" }
  | { readonly do: "reconfigure"; readonly config: SpokenConfig };

/** Memory of the speaker's process after its garbage was collected. */
export interface SpokenMemory {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
}

/** The answer to the order of the same number. */
export interface Answer {
  readonly answer: number;
  /** Monotonic, of the speaker's process: when the order was carried out. */
  readonly atMs: number;
  readonly reports?: readonly PeerReport[];
  readonly memory?: SpokenMemory;
}

/** The settings as the speaker takes them. */
export function spoken(config: SpokenConfig): BgpConfig {
  return { ...config, peers: config.peers.map((peer) => ({ ...peer, families: new Set(peer.families) })) };
}

/** A peer on the link: hold time 9 s, both families, connections made by us, unless said otherwise. */
export function speakerPeer(ip: string, as: number | null, other: Partial<SpokenPeer> = {}): SpokenPeer {
  return {
    name: ip,
    address: { is: "ip", ip },
    port: 179,
    as,
    password: null,
    multihopTtl: null,
    ttlSecurityHops: null,
    sourceIp: null,
    sourceInterface: null,
    families: [4, 6],
    nextHop: { is: "self" },
    holdTimeMs: 9000,
    keepaliveMs: 3000,
    passive: false,
    bfd: null,
    policy: { communities: [], largeCommunities: [], localPref: null, med: null, prepend: 0 },
    ...other,
  };
}

/** A speaker of one AS with peers, without listening, without graceful restart. */
export function speakerConfig(as: number, routerId: string, other: Partial<SpokenConfig> = {}): SpokenConfig {
  return { as, routerId, listenPort: null, gracefulRestartMs: null, peers: [], ...other };
}
