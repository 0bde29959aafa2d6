import {
  type BalancerReport,
  type BgpPeerStatus,
  type ClusterStatus,
  NO_ROUTING,
  type NodeStatus,
} from "../../mod/observe/status_types.ts";

/** One web balancer with a backend in each state. */
export const BALANCER: BalancerReport = {
  name: "web",
  type: "tcp",
  engine: "listen",
  listening: ["10.0.0.9:80"],
  connections: 2,
  totalConnections: 40,
  backends: [
    { name: "10.0.0.5:80", state: "up", connections: 2, totalConnections: 30, failures: 0, detail: "" },
    {
      name: "10.0.0.6:80",
      state: "down",
      connections: 0,
      totalConnections: 10,
      failures: 7,
      detail: "connection refused",
    },
  ],
};

/** A session that is up. */
export const BGP_PEER: BgpPeerStatus = {
  name: "192.168.0.1:179",
  state: "established",
  stateForMs: 61_000,
  remoteAs: 65001,
  lastError: null,
  lastErrorMsAgo: null,
  established: 1,
  prefixesSent: 2,
  prefixesUnsent: 0,
  prefixesRefused: 100_000,
  malformedUpdates: 0,
  bfd: "up",
};

/** What node `id` says while "a" leads and holds the address. */
export function node(id: string, changes: Partial<NodeStatus> = {}): NodeStatus {
  const holds = id === "a";
  return {
    id,
    version: "1.2.3",
    uptimeMs: 130_000,
    role: holds ? "leader" : "follower",
    term: 4,
    leader: "a",
    leaderSinceMs: 65_000,
    vips: [{
      ip: "10.0.0.9",
      holder: "a",
      heldHere: holds,
      sinceMs: 64_000,
      validForMs: holds ? 180 : null,
      conflict: null,
      conflictsSeen: 0,
    }],
    peers: ["a", "b", "c"].filter((peer) => peer !== id).map((peer) => {
      return { id: peer, heardMsAgo: peer === "c" ? 7200 : 12, state: peer === "c" ? "unreachable" : "reachable" };
    }),
    balancers: holds ? [BALANCER] : [],
    routing: NO_ROUTING,
    ...changes,
  };
}

/** Asked on "a": "b" answers, "c" does not. */
export const CLUSTER: ClusterStatus = {
  self: "a",
  nodes: [
    { outcome: "answered", node: node("a") },
    { outcome: "answered", node: node("b") },
    { outcome: "unreachable", id: "c", heardMsAgo: 7200 },
  ],
};
