import assert from "node:assert/strict";
import { clusterReports, nodeStatus, type Parts } from "../../mod/agent/status_report.ts";
import { NO_ROUTING } from "../../mod/observe/status_types.ts";

const IP = "10.0.0.9";
const FREE = { ip: IP, heldHere: false, heldForMs: null, validForMs: null, conflict: null, conflictsSeen: 0 };
const HELD = { ...FREE, heldHere: true, heldForMs: 700, validForMs: 150 };
const RAFT: NonNullable<Parts["raft"]> = {
  self: "a",
  role: "follower",
  term: 3,
  leader: "b",
  leaderForMs: 900,
  assignment: { [IP]: "b" },
  grants: [],
  peers: [{ id: "b", silentMs: 20 }, { id: "c", silentMs: 9000 }, { id: "d", silentMs: null }],
  storage: "working",
  commitIndex: 1,
  lastIndex: 1,
  counters: { leaderChanges: 1, malformedMessages: 0, failedWrites: 0 },
};
const PARTS: Parts = {
  id: "a",
  version: "1",
  uptimeMs: 1000,
  raft: RAFT,
  elector: null,
  holds: [FREE],
  balancers: [],
  routing: NO_ROUTING,
  rejected: [],
  silenceMs: 350,
};

Deno.test("a follower names the holder the log records, and since when", () => {
  const [vip] = nodeStatus(PARTS).vips;
  assert.deepEqual(vip, {
    ip: IP,
    holder: "b",
    heldHere: false,
    sinceMs: 900,
    validForMs: null,
    conflict: null,
    conflictsSeen: 0,
  });
});

Deno.test("without a leader nobody is named, and no time", () => {
  const status = nodeStatus({ ...PARTS, raft: { ...RAFT, leader: null } });
  assert.equal(status.vips[0]?.holder, null);
  assert.equal(status.leaderSinceMs, null);
});

Deno.test("the holder names itself and how long its permission still runs", () => {
  const status = nodeStatus({ ...PARTS, holds: [HELD], raft: { ...RAFT, role: "leader", leader: "a" } });
  assert.deepEqual(status.vips[0], {
    ip: IP,
    holder: "a",
    heldHere: true,
    sinceMs: 700,
    validForMs: 150,
    conflict: null,
    conflictsSeen: 0,
  });
  assert.equal(status.role, "leader");
});

Deno.test("an address that is assigned here and not held has no holder", () => {
  const raft = { ...RAFT, leader: "a", assignment: { [IP]: "a" } };
  const conflict = "02:00:00:00:00:99 answers for it and is no member of this cluster";
  const [vip] = nodeStatus({ ...PARTS, raft, holds: [{ ...FREE, conflict }] }).vips;
  assert.equal(vip?.holder, null);
  assert.equal(vip?.conflict, conflict);
});

Deno.test("a single node holds by itself", () => {
  const status = nodeStatus({ ...PARTS, raft: null, holds: [HELD] });
  assert.deepEqual([status.role, status.leader, status.vips[0]?.holder, status.peers], ["single", "a", "a", []]);
});

Deno.test("peers are reachable, unreachable or rejected", () => {
  const states = nodeStatus({ ...PARTS, rejected: ["d"] }).peers.map((peer) => [peer.id, peer.state]);
  assert.deepEqual(states, [["b", "reachable"], ["c", "unreachable"], ["d", "rejected"]]);
});

Deno.test("roles of the election become the roles a person reads", () => {
  const rows = [["candidate", "candidate"], ["preCandidate", "candidate"], ["joining", "follower"], [
    "solo",
    "single",
  ]] as const;
  for (const [role, read] of rows) assert.equal(nodeStatus({ ...PARTS, raft: { ...RAFT, role } }).role, read);
});

Deno.test("each peer is reported, answered or not; garbage is no answer", () => {
  const own = nodeStatus(PARTS);
  const answers = new Map<string, unknown>([["b", { ...own, id: "b" }], ["c", "nonsense"], ["d", null]]);
  const reports = clusterReports(own, answers).map((report) =>
    report.outcome === "answered" ? report.node.id : `no ${report.id}`
  );
  assert.deepEqual(reports, ["a", "b", "no c", "no d"]);
});

Deno.test("with a Lease the holder is whoever it names, and its transitions count as the term", () => {
  const elector = { leader: "b", leading: false, transitions: 7, goodMs: 1, triedMs: 1, trouble: null };
  const other = nodeStatus({ ...PARTS, raft: null, elector });
  assert.deepEqual([other.role, other.term, other.leader, other.vips[0]?.holder], ["follower", 7, "b", "b"]);
  const own = nodeStatus({ ...PARTS, raft: null, elector: { ...elector, leader: "a", leading: true }, holds: [HELD] });
  assert.deepEqual([own.role, own.leader, own.vips[0]?.holder, own.vips[0]?.validForMs], ["leader", "a", "a", 150]);
  const none = nodeStatus({ ...PARTS, raft: null, elector: { ...elector, leader: null } });
  assert.deepEqual([none.role, none.vips[0]?.holder], ["candidate", null]);
  // It has the Lease and does not answer: the kernel refuses, or a stranger has the address.
  const refused = nodeStatus({ ...PARTS, raft: null, elector: { ...elector, leader: "a", leading: true } });
  assert.equal(refused.vips[0]?.holder, null);
});
