/** A cluster's status as text for a terminal. Pure. */

import { printable } from "../config/findings.ts";
import type {
  BackendReport,
  BalancerReport,
  BgpPeerStatus,
  ClusterStatus,
  NodeReport,
  NodeStatus,
} from "../observe/status_types.ts";

const NOTHING = "-";

/** Nodes, addresses and balancers, a table each. */
export function statusTable(status: ClusterStatus): string {
  const nodes = status.nodes.flatMap((report) => report.outcome === "answered" ? [report.node] : []);
  const balancers = nodes.flatMap((node) => node.balancers.map((balancer) => ({ node, balancer })));
  return [
    table(["NODE", "ROLE", "TERM", "LEADER", "LEADS FOR", "HEARD", "UP FOR", "VERSION"], nodeRows(status)),
    table(["VIP", "HOLDER", "FOR", "VALID FOR", "CONFLICT"], vipRows(status, nodes)),
    table(
      ["BGP PEER", "NODE", "AS", "STATE", "FOR", "SENT", "REFUSED", "BFD", "LAST ERROR"],
      nodes.flatMap((node) => node.routing.bgp.map((peer) => bgpRow(peer, node))),
    ),
    table(
      ["ROUTE", "NODE", "STATE", "WHY"],
      nodes.flatMap((node) => node.routing.routes.map((one) => [one.ip, node.id, one.state, one.why || NOTHING])),
    ),
    table(
      ["BALANCER", "TYPE", "ENGINE", "NODE", "LISTENS ON", "CONNECTIONS", "BACKENDS UP"],
      balancers.map(balancerRow),
    ),
    table(
      ["BALANCER", "NODE", "BACKEND", "STATE", "CONNECTIONS", "BYTES", "FAILURES", "WHY"],
      balancers.flatMap(({ node, balancer }) => balancer.backends.map((one) => backendRow(one, balancer, node))),
    ),
  ].filter((part) => part !== "").join("\n");
}

function nodeRows(status: ClusterStatus): string[][] {
  const own = status.nodes.find((report) => report.outcome === "answered" && report.node.id === status.self);
  return status.nodes.map((report) => {
    if (report.outcome === "unreadable") {
      return [report.id, "not understood (another version?)", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING];
    }
    if (report.outcome === "unreachable") {
      const rejected = peerState(own, report.id) === "rejected";
      const state = rejected ? "rejected (another secret?)" : "unreachable";
      return [report.id, state, NOTHING, NOTHING, NOTHING, ago(report.heardMsAgo), NOTHING, NOTHING];
    }
    const { node } = report;
    const self = node.id === status.self;
    return [
      self ? `${node.id} (this)` : node.id,
      node.role,
      String(node.term),
      node.leader ?? NOTHING,
      span(node.leaderSinceMs),
      self ? NOTHING : ago(heard(own, node.id)),
      span(node.uptimeMs),
      `v${node.version}`,
    ];
  });
}

function heard(own: NodeReport | undefined, id: string): number | null {
  if (own?.outcome !== "answered") return null;
  return own.node.peers.find((peer) => peer.id === id)?.heardMsAgo ?? null;
}

function peerState(own: NodeReport | undefined, id: string): string | null {
  if (own?.outcome !== "answered") return null;
  return own.node.peers.find((peer) => peer.id === id)?.state ?? null;
}

/** One row an address: a node that answers for it knows best, else what the node that was asked believes. */
function vipRows(status: ClusterStatus, nodes: readonly NodeStatus[]): string[][] {
  const ips = [...new Set(nodes.flatMap((node) => node.vips.map((vip) => vip.ip)))];
  return ips.map((ip) => {
    const views = nodes.flatMap((node) => node.vips.filter((vip) => vip.ip === ip).map((vip) => ({ node, vip })));
    const held = views.filter(({ vip }) => vip.heldHere);
    const view = held[0] ?? views.find(({ node }) => node.id === status.self) ?? views[0];
    const conflicts = views.flatMap(({ node, vip }) => vip.conflict === null ? [] : [`${node.id}: ${vip.conflict}`]);
    const seen = views.reduce((sum, { vip }) => sum + vip.conflictsSeen, 0);
    if (seen > 0) conflicts.push(`${seen} claims of other machines seen and answered`);
    if (held.length > 1) conflicts.unshift("several members say they hold it");
    return [
      ip,
      held.length > 0 ? held.map(({ node }) => node.id).join(", ") : absent(view?.vip.holder ?? null),
      span(view?.vip.sinceMs ?? null),
      span(view?.vip.validForMs ?? null),
      conflicts.length === 0 ? NOTHING : conflicts.join("; "),
    ];
  });
}

/** Assigned, but the member itself does not say so: it cannot be asked, or has not taken the address yet. */
function absent(holder: string | null): string {
  return holder === null ? "nobody" : `${holder} (not confirmed)`;
}

function balancerRow({ node, balancer }: { node: NodeStatus; balancer: BalancerReport }): string[] {
  const up = balancer.backends.filter((backend) => backend.state === "up").length;
  return [
    balancer.name,
    balancer.type,
    balancer.engineWhy === undefined ? balancer.engine : `${balancer.engine} (${balancer.engineWhy})`,
    node.id,
    balancer.listening.length === 0 ? NOTHING : balancer.listening.join(", "),
    `${balancer.connections} (${balancer.totalConnections} ever)`,
    `${up} of ${balancer.backends.length}`,
  ];
}

function backendRow(backend: BackendReport, balancer: BalancerReport, node: NodeStatus): string[] {
  return [
    balancer.name,
    node.id,
    backend.name,
    backend.state,
    `${backend.connections} (${backend.totalConnections} ever)`,
    backend.bytes === undefined ? NOTHING : String(backend.bytes),
    String(backend.failures),
    backend.detail === "" ? NOTHING : backend.detail,
  ];
}

function bgpRow(peer: BgpPeerStatus, node: NodeStatus): string[] {
  const error = peer.lastError === null ? NOTHING : `${peer.lastError} (${ago(peer.lastErrorMsAgo)})`;
  return [
    peer.name,
    node.id,
    peer.remoteAs === null ? NOTHING : String(peer.remoteAs),
    peer.state,
    span(peer.stateForMs),
    sent(peer),
    String(peer.prefixesRefused),
    peer.bfd ?? NOTHING,
    error,
  ];
}

/** `1 of 2`: the other one cannot be announced to this peer. */
function sent({ prefixesSent, prefixesUnsent }: BgpPeerStatus): string {
  return prefixesUnsent === 0 ? String(prefixesSent) : `${prefixesSent} of ${prefixesSent + prefixesUnsent}`;
}

/** Columns as wide as their widest cell; empty without rows. What peers say is printed without control characters. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const lines = [head, ...rows.map((row) => row.map((cell) => printable(cell)))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines.map((line) => {
    return `${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()}\n`;
  }).join("");
}

function ago(ms: number | null): string {
  return ms === null ? "never" : `${span(ms)} ago`;
}

/** A duration for people, with two units at most: `180ms`, `12.3s`, `2m10s`, `3h05m`, `12d4h`. */
export function span(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${minutes % 60}m` : `${Math.floor(hours / 24)}d${hours % 24}h`;
}
