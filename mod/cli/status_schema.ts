/** Checks what an agent answers: part of it comes from peers, which may run another version. Unknown fields are ignored. */

import * as v from "@kube-vip/schema";
import type { ClusterStatus, NodeStatus } from "../observe/status_types.ts";

const duration = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer());

const backend = v.object({
  name: v.string(),
  state: v.picklist(["up", "down", "ejected"]),
  connections: count,
  totalConnections: count,
  failures: count,
  detail: v.string(),
});

const balancer = v.object({
  name: v.string(),
  type: v.picklist(["tcp", "http"]),
  engine: v.literal("listen"),
  listening: v.array(v.string()),
  connections: count,
  totalConnections: count,
  backends: v.array(backend),
});

const vip = v.object({
  ip: v.string(),
  holder: v.nullable(v.string()),
  heldHere: v.boolean(),
  sinceMs: v.nullable(duration),
  validForMs: v.nullable(duration),
  conflict: v.nullable(v.string()),
});

const peer = v.object({
  id: v.string(),
  heardMsAgo: v.nullable(duration),
  state: v.picklist(["reachable", "unreachable", "rejected"]),
});

const node: v.GenericSchema<unknown, NodeStatus> = v.object({
  id: v.string(),
  version: v.string(),
  uptimeMs: duration,
  role: v.picklist(["leader", "follower", "candidate", "single"]),
  term: count,
  leader: v.nullable(v.string()),
  leaderSinceMs: v.nullable(duration),
  vips: v.array(vip),
  peers: v.array(peer),
  balancers: v.array(balancer),
});

const cluster: v.GenericSchema<unknown, ClusterStatus> = v.object({
  self: v.string(),
  nodes: v.array(v.variant("outcome", [
    v.object({ outcome: v.literal("answered"), node }),
    v.object({ outcome: v.literal("unreachable"), id: v.string(), heardMsAgo: v.nullable(duration) }),
  ])),
});

/** The answer as a {@link ClusterStatus}, or what is wrong with it. */
export function parseClusterStatus(
  value: unknown,
): { readonly outcome: "valid"; readonly status: ClusterStatus } | {
  readonly outcome: "invalid";
  readonly why: string;
} {
  const result = v.safeParse(cluster, value, { abortEarly: true });
  if (result.success) return { outcome: "valid", status: result.output };
  const issue = result.issues[0];
  return { outcome: "invalid", why: `${v.getDotPath(issue) ?? "answer"}: ${issue.message}` };
}

/** One node's account, or null if it is none: for the agent, which passes its peers' accounts on. */
export function parseNodeStatus(value: unknown): NodeStatus | null {
  const result = v.safeParse(node, value, { abortEarly: true });
  return result.success ? result.output : null;
}
