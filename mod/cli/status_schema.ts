/** Checks what an agent answers: part of it comes from peers, which may run another version. Unknown fields are ignored. */

import * as v from "@kube-vip/schema";
import { type ClusterStatus, NO_ROUTING, type NodeReport, type NodeStatus } from "../observe/status_types.ts";

const duration = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer());

const backend = v.object({
  name: v.string(),
  state: v.picklist(["up", "down", "ejected"]),
  connections: count,
  totalConnections: count,
  failures: count,
  bytes: v.optional(count),
  detail: v.string(),
});

const balancer = v.object({
  name: v.string(),
  type: v.picklist(["tcp", "udp", "http"]),
  engine: v.string(),
  engineWhy: v.optional(v.string()),
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
  conflictsSeen: v.number(),
});

const peer = v.object({
  id: v.string(),
  heardMsAgo: v.nullable(duration),
  state: v.picklist(["reachable", "unreachable", "rejected"]),
});

const bgpPeer = v.object({
  name: v.string(),
  state: v.picklist(["idle", "connect", "active", "open-sent", "open-confirm", "established"]),
  stateForMs: duration,
  remoteAs: v.nullable(count),
  lastError: v.nullable(v.string()),
  lastErrorMsAgo: v.nullable(duration),
  established: count,
  prefixesSent: count,
  // A peer that runs an older version does not have it.
  prefixesUnsent: v.optional(count, 0),
  prefixesRefused: count,
  malformedUpdates: count,
  bfd: v.nullable(v.picklist(["admin-down", "down", "init", "up"])),
});

const route = v.object({ ip: v.string(), state: v.picklist(["routed", "refused"]), why: v.string() });

/** A peer that runs an older version does not have it. */
const routing = v.optional(v.object({ bgp: v.array(bgpPeer), routes: v.array(route) }), NO_ROUTING);

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
  routing,
});

const report: v.GenericSchema<unknown, NodeReport> = v.variant("outcome", [
  v.object({ outcome: v.literal("answered"), node }),
  v.object({ outcome: v.literal("unreachable"), id: v.string(), heardMsAgo: v.nullable(duration) }),
  v.object({ outcome: v.literal("unreadable"), id: v.string() }),
]);

const cluster = v.object({ self: v.string(), nodes: v.array(v.unknown()) });

/** A report whose form is not known, as long as it says whom it is about. */
const stranger = v.object({ node: v.object({ id: v.string() }) });

export type ParsedStatus =
  | { readonly outcome: "valid"; readonly status: ClusterStatus }
  | { readonly outcome: "invalid"; readonly why: string };

/**
 * The answer as a {@link ClusterStatus}, or what is wrong with it. The report of a peer that is not understood does not take
 * the others with it.
 */
export function parseClusterStatus(value: unknown): ParsedStatus {
  const whole = v.safeParse(cluster, value, { abortEarly: true });
  if (!whole.success) return invalid(whole.issues[0]);
  const nodes: NodeReport[] = [];
  for (const given of whole.output.nodes) {
    const known = v.safeParse(report, given, { abortEarly: true });
    const foreign = v.safeParse(stranger, given);
    if (known.success) nodes.push(known.output);
    else if (foreign.success) nodes.push({ outcome: "unreadable", id: foreign.output.node.id });
    else return invalid(known.issues[0]);
  }
  return { outcome: "valid", status: { self: whole.output.self, nodes } };
}

function invalid(issue: v.BaseIssue<unknown>): ParsedStatus {
  return { outcome: "invalid", why: `${v.getDotPath(issue) ?? "answer"}: ${issue.message}` };
}
