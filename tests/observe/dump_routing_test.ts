import assert from "node:assert/strict";
import { bgpLines, ribLines, routeLines } from "../../mod/observe/dump_routing.ts";
import type { DumpFacts } from "../../mod/observe/dump_types.ts";
import { NO_ROUTING } from "../../mod/observe/status_types.ts";
import { BGP_PEER } from "../cli/status_fixture.ts";

const NOTHING: DumpFacts = {
  timestamp: "2030-01-02T03:04:05Z",
  processId: 1,
  version: "v1",
  uptimeMs: 0,
  apiServer: "",
  unfit: null,
  lag: { lastMs: 0, largestMs: 0, stalls: 0 },
  holds: [],
  election: { leader: null, leading: false, transitions: 0, goodAgoMs: null, trouble: null },
  bgp: null,
  routing: NO_ROUTING,
  links: [],
  addresses: [],
  nftables: { outcome: "read", chains: [] },
};

const FACTS: DumpFacts = {
  ...NOTHING,
  bgp: {
    as: 65000,
    routerId: "192.168.0.2",
    sourceIp: "192.168.0.2",
    sourceInterface: null,
    holdTimeMs: 30_000,
    keepaliveMs: 10_000,
    peers: [
      { name: BGP_PEER.name, as: 65001, multihop: true },
      { name: "eth1", as: null, multihop: false },
    ],
    announced: ["10.0.0.9", "fd00::9"],
  },
  routing: {
    bgp: [{ ...BGP_PEER, lastError: "hold timer expired" }],
    routes: [{ ip: "10.0.0.9", state: "refused", why: "down" }],
  },
};

Deno.test("the speaker and its peers are shown in upstream's lines, with the state of each session", () => {
  assert.deepEqual(bgpLines(FACTS).map((line) => line.join(": ")), [
    "AS: 65000",
    "Router ID: 192.168.0.2",
    "Source IP: 192.168.0.2",
    "Source Interface: ",
    "Hold Time: 30 seconds",
    "Keepalive Interval: 10 seconds",
    "BGP Peers: 2",
    "  Peer 1: 192.168.0.1:179 (AS: 65001, MultiHop: true), established for 61.0 s, BFD up, last error: hold timer expired",
    "  Peer 2: eth1 (AS: any, MultiHop: false)",
  ]);
  assert.deepEqual(bgpLines(NOTHING), []);
});

Deno.test("what is announced is listed as host routes", () => {
  assert.deepEqual(ribLines(FACTS).map((line) => line.join(": ")), [
    "Paths: 2",
    "Path: 10.0.0.9/32, next hop self",
    "Path: fd00::9/128, next hop self",
    "Peers With Paths: 1",
  ]);
  assert.deepEqual(ribLines(NOTHING), [["Paths", 0]]);
});

Deno.test("a route that the kernel refuses says why", () => {
  assert.deepEqual(routeLines(FACTS), [["Route 10.0.0.9", "refused: down"]]);
});
