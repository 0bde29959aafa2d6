/**
 * What an agent says about itself and its peers: the answer to `GET /status` on the control socket, which `kube-vip status` prints.
 * All times are durations in milliseconds ("so long ago", "for so long yet"), as the clocks of two machines differ.
 */

/** `single`: a node without election. */
export type NodeRole = "leader" | "follower" | "candidate" | "single";

/** One virtual address as a node sees it. */
export interface VipStatus {
  /** Canonical text. */
  readonly ip: string;
  /** The member it is assigned to, as far as this node knows. */
  readonly holder: string | null;
  /** This node answers for it now. */
  readonly heldHere: boolean;
  /** It has been with this holder for so long; null without a holder. */
  readonly sinceMs: number | null;
  /** This node may hold it for so long without a renewal; null where it is not held here. */
  readonly validForMs: number | null;
  /** Who else claims it and how that was seen, in words; null: nobody. */
  readonly conflict: string | null;
  /** How many claims of other machines this node saw while it held the address. */
  readonly conflictsSeen: number;
}

/** A peer as a node sees it. `rejected`: its messages arrive but do not authenticate. */
export interface PeerStatus {
  readonly id: string;
  /** Last message that authenticated; null: none since the start. */
  readonly heardMsAgo: number | null;
  readonly state: "reachable" | "unreachable" | "rejected";
}

/** One backend of a balancer. `ejected`: resting after failed connects. */
export interface BackendReport {
  readonly name: string;
  readonly state: "up" | "down" | "ejected";
  readonly connections: number;
  readonly totalConnections: number;
  readonly failures: number;
  /** Both ways; absent where the engine does not count them. */
  readonly bytes?: number | undefined;
  /** Why it is not up, in words; empty when it is. */
  readonly detail: string;
}

/** One load balancer. */
export interface BalancerReport {
  readonly name: string;
  readonly type: "tcp" | "udp" | "http";
  /** How bytes are moved: `kernel`, `user` or `listen`. */
  readonly engine: string;
  /** Why it is this engine, where that was left to the program. */
  readonly engineWhy?: string | undefined;
  /** `address:port` of every open listener. */
  readonly listening: readonly string[];
  readonly connections: number;
  readonly totalConnections: number;
  readonly backends: readonly BackendReport[];
}

/** One BGP peer as a node sees it. */
export interface BgpPeerStatus {
  /** `address:port`, or the interface of an unnumbered peer. */
  readonly name: string;
  readonly state: "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";
  readonly stateForMs: number;
  /** null: not known yet. */
  readonly remoteAs: number | null;
  /** Why the last session or attempt ended, in words; null: none ever did. */
  readonly lastError: string | null;
  readonly lastErrorMsAgo: number | null;
  /** Times the session came up. */
  readonly established: number;
  /** Routes of ours that it has now. */
  readonly prefixesSent: number;
  /** Addresses that should be announced to it and cannot be: it takes no routes of their family, or there is no next hop. */
  readonly prefixesUnsent: number;
  /** Routes of its that were refused: all of them. */
  readonly prefixesRefused: number;
  readonly malformedUpdates: number;
  /** null: not watched by BFD. */
  readonly bfd: "admin-down" | "down" | "init" | "up" | null;
}

/** One address in a routing table of the kernel. */
export interface RouteStatus {
  readonly ip: string;
  readonly state: "routed" | "refused";
  /** Why the kernel refuses; empty when it does not. */
  readonly why: string;
}

/** How routers are told of the addresses; empty in a mode that has none of it. */
export interface RoutingStatus {
  readonly bgp: readonly BgpPeerStatus[];
  readonly routes: readonly RouteStatus[];
}

/** No routers are told. */
export const NO_ROUTING: RoutingStatus = { bgp: [], routes: [] };

/** One node's account of itself. */
export interface NodeStatus {
  readonly id: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly role: NodeRole;
  readonly term: number;
  /** The leader it follows or is; null: none known. */
  readonly leader: string | null;
  readonly leaderSinceMs: number | null;
  readonly vips: readonly VipStatus[];
  readonly peers: readonly PeerStatus[];
  readonly balancers: readonly BalancerReport[];
  readonly routing: RoutingStatus;
}

/** A node that answered, one that did not in the time it had, or one whose answer the reader does not understand. */
export type NodeReport =
  | { readonly outcome: "answered"; readonly node: NodeStatus }
  | { readonly outcome: "unreachable"; readonly id: string; readonly heardMsAgo: number | null }
  | { readonly outcome: "unreadable"; readonly id: string };

/** The whole answer. */
export interface ClusterStatus {
  /** The id of the node that was asked; its report comes first. */
  readonly self: string;
  readonly nodes: readonly NodeReport[];
}
