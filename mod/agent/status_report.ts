/** What one node says about itself, put together from its parts. Pure. */
import type { BalancerStatus } from "../balance/balancer.ts";
import type { ElectorStatus } from "../election/elector.ts";
import type { NodeStatus as RaftStatus } from "../election/raft/node.ts";
import type {
  NodeReport,
  NodeRole,
  NodeStatus,
  PeerStatus,
  RoutingStatus,
  VipStatus,
} from "../observe/status_types.ts";
import type { HoldStatus } from "../vip/types.ts";

/** The parts of a report. */
export interface Parts {
  readonly id: string;
  readonly version: string;
  readonly uptimeMs: number;
  /** null: no raft. */
  readonly raft: RaftStatus | null;
  /** Of an election by Lease or etcd; null: by raft, or none at all. */
  readonly elector: ElectorStatus | null;
  readonly holds: readonly HoldStatus[];
  readonly balancers: readonly BalancerStatus[];
  readonly routing: RoutingStatus;
  /** Peers whose datagrams do not authenticate. */
  readonly rejected: readonly string[];
  /** A peer that was not heard for so long is unreachable. */
  readonly silenceMs: number;
}

/** Puts the parts together. */
export function nodeStatus(parts: Parts): NodeStatus {
  const { raft, elector } = parts;
  if (elector !== null) return electedStatus(parts, elector);
  return {
    id: parts.id,
    version: parts.version,
    uptimeMs: parts.uptimeMs,
    role: roleOf(raft),
    term: raft?.term ?? 0,
    leader: raft === null ? parts.id : raft.leader,
    leaderSinceMs: raft === null ? parts.uptimeMs : raft.leader === null ? null : raft.leaderForMs,
    vips: parts.holds.map((hold) => vipStatus(parts, hold)),
    peers: (raft?.peers ?? []).map((peer) => peerStatus(parts, peer)),
    balancers: parts.balancers,
    routing: parts.routing,
  };
}

/** Of a node that knows the others by the name in a Lease only. */
function electedStatus(parts: Parts, elector: ElectorStatus): NodeStatus {
  return {
    id: parts.id,
    version: parts.version,
    uptimeMs: parts.uptimeMs,
    role: elector.leading ? "leader" : elector.leader === null ? "candidate" : "follower",
    term: elector.transitions,
    leader: elector.leader,
    leaderSinceMs: null,
    vips: parts.holds.map((hold) => ({
      ip: hold.ip,
      holder: hold.heldHere ? parts.id : elector.leader === parts.id ? null : elector.leader,
      heldHere: hold.heldHere,
      sinceMs: hold.heldForMs,
      validForMs: hold.validForMs,
      conflict: hold.conflict,
      conflictsSeen: hold.conflictsSeen,
    })),
    peers: [],
    balancers: parts.balancers,
    routing: parts.routing,
  };
}

/**
 * The own report first, then one per peer. What a peer sent is checked by its reader, the command; here it is passed on if it looks like
 * a report at all.
 */
export function clusterReports(own: NodeStatus, answers: ReadonlyMap<string, unknown>): NodeReport[] {
  const peers = own.peers.map((peer): NodeReport => {
    const node = answers.get(peer.id);
    if (isNodeStatus(node)) return { outcome: "answered", node };
    return { outcome: "unreachable", id: peer.id, heardMsAgo: peer.heardMsAgo };
  });
  return [{ outcome: "answered", node: own }, ...peers];
}

function isNodeStatus(value: unknown): value is NodeStatus {
  return typeof value === "object" && value !== null && "id" in value && "vips" in value && "peers" in value;
}

function roleOf(raft: RaftStatus | null): NodeRole {
  switch (raft?.role) {
    case undefined:
    case "solo":
      return "single";
    case "leader":
      return "leader";
    case "candidate":
    case "preCandidate":
      return "candidate";
    default:
      return "follower";
  }
}

function vipStatus(parts: Parts, hold: HoldStatus): VipStatus {
  const assigned = parts.raft === null ? parts.id : parts.raft.assignment[hold.ip] ?? null;
  const holder = hold.heldHere ? parts.id : assigned === parts.id ? null : assigned;
  const sinceMs = hold.heldForMs ?? (holder === null ? null : parts.raft?.leaderForMs ?? null);
  return {
    ip: hold.ip,
    holder: parts.raft?.leader === null && !hold.heldHere ? null : holder,
    heldHere: hold.heldHere,
    sinceMs,
    validForMs: hold.validForMs,
    conflict: hold.conflict,
    conflictsSeen: hold.conflictsSeen,
  };
}

function peerStatus(parts: Parts, peer: { readonly id: string; readonly silentMs: number | null }): PeerStatus {
  const reachable = peer.silentMs !== null && peer.silentMs <= parts.silenceMs;
  const state = parts.rejected.includes(peer.id) ? "rejected" : reachable ? "reachable" : "unreachable";
  return { id: peer.id, heardMsAgo: peer.silentMs, state };
}
