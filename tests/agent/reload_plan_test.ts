import assert from "node:assert/strict";
import { describePlan, planReload, type ReloadPlan } from "../../mod/agent/reload_plan.ts";
import { formatProblem } from "../../mod/config/findings.ts";
import type { PeersConfig } from "../../mod/config/types.ts";
import { base, mustLoad, TEST_SECRET } from "../config/helpers.ts";

const FILES = { "/s": `${TEST_SECRET}x` };
const TCP = { name: "a", type: "tcp", port: 80, backends: ["10.0.0.5:1"] };
const UDP = { name: "u", type: "udp", port: 80, backends: ["10.0.0.5:1"] };
const HTTP = { name: "h", type: "http", port: 81, backends: ["http://10.0.0.5:1"] };
const ID = { clusterId: "here" };

function config(changes: Record<string, unknown> = {}): PeersConfig {
  return mustLoad(base({ ...ID, loadBalancers: [TCP, HTTP], ...changes }), { files: FILES });
}

function possible(running: PeersConfig, next: PeersConfig): ReloadPlan {
  const result = planReload(running, next);
  assert.ok(result.outcome === "possible", JSON.stringify(result));
  return result.plan;
}

function refusal(running: PeersConfig, next: PeersConfig): string[] {
  const result = planReload(running, next);
  return result.outcome === "possible" ? [] : result.problems.map((one) => formatProblem(one, "f"));
}

const AUTO = { ...TCP, engine: "auto" };

Deno.test("what becomes of the balancers, for each way of changing them", () => {
  const rows: [string, unknown[], unknown[], string][] = [
    ["nothing", [TCP, HTTP], [TCP, HTTP], "nothing"],
    ["their order", [TCP, HTTP], [HTTP, TCP], "nothing"],
    ["backends", [TCP], [{ ...TCP, backends: ["10.0.0.6:1"] }], "updated a"],
    ["a weight", [HTTP], [{ ...HTTP, backends: [{ url: "http://10.0.0.5:1", weight: 2 }] }], "updated h"],
    ["checks", [TCP], [{ ...TCP, healthCheck: { type: "http", path: "/z" } }], "updated a"],
    ["limits", [{ ...TCP, maxConnections: 7 }], [{ ...TCP, maxConnections: 8, drain: "1s" }], "updated a"],
    ["a first limit", [TCP], [{ ...TCP, maxConnections: 7 }], "updated a"],
    ["what only some engines can do", [AUTO], [{ ...AUTO, maxConnections: 7 }], "replaced a"],
    ["one more", [TCP], [TCP, HTTP], "added h"],
    ["one less", [TCP, HTTP], [TCP], "removed h"],
    ["another port", [TCP], [{ ...TCP, port: 82 }], "replaced a"],
    ["another type", [TCP], [{ ...HTTP, name: "a", port: 80 }], "replaced a"],
    ["another engine", [TCP], [{ ...TCP, engine: "listen" }], "replaced a"],
    ["another address to listen on", [TCP], [{ ...TCP, bindToVip: true }], "replaced a"],
    ["another name", [TCP], [{ ...TCP, name: "b" }], "replaced a by b"],
    ["the same port of another protocol", [TCP], [UDP], "added u; removed a"],
    ["all at once", [TCP, HTTP], [{ ...TCP, drain: "1s" }, UDP], "added u; updated a; removed h"],
  ];
  for (const [what, before, after, expected] of rows) {
    const plan = possible(config({ loadBalancers: before }), config({ loadBalancers: after }));
    assert.equal(describePlan(plan), expected, what);
    const { kept, updated, added, swapped, order } = plan.balancers;
    const result = [...kept, ...[...updated, ...added, ...swapped.map(({ to }) => to)].map(({ name }) => name)];
    assert.deepEqual(result.sort(), [...order].sort(), what);
  }
});

Deno.test("two that change ports with each other take each other's place", () => {
  const [one, other] = [{ ...TCP, name: "one", port: 80 }, { ...TCP, name: "other", port: 81 }];
  const next = [{ ...one, port: 81 }, { ...other, port: 80 }];
  const { balancers } = possible(config({ loadBalancers: [one, other] }), config({ loadBalancers: next }));
  assert.deepEqual(balancers.swapped.map(({ from, to }) => `${from} ${to.name} ${to.port}`), [
    "other one 81",
    "one other 80",
  ]);
  assert.deepEqual([balancers.added, balancers.removed], [[], []]);
});

Deno.test("peers may be somewhere else, in another order, and logging may change", () => {
  const peers = [{ id: "c", address: "10.0.0.33", port: 10000 }, { id: "b", address: "10.0.0.2", port: 10002 }];
  const next = config({
    remotePeers: peers,
    logLevel: "debug",
    logFormat: "json",
    watchConfig: true,
    startAsLeader: true,
  });
  const plan = possible(config(), next);
  assert.deepEqual(plan.readdressed.map(({ id }) => id), ["c", "b"]);
  assert.equal(describePlan(plan), "other addresses of c, b; logging; watchConfig");
  const turned = config({ remotePeers: [...(base().remotePeers as unknown[])].reverse() });
  assert.equal(describePlan(possible(config(), turned)), "nothing");
});

Deno.test("what a running agent cannot change refuses the whole, by the names of the settings", () => {
  const bgp = { as: 65000, routerID: "10.0.0.1", peers: ["10.0.0.254:65001"] };
  const rows: Record<string, Record<string, unknown>> = {
    vip: { vip: "10.0.0.8" },
    interface: { interface: "eth1" },
    gratuitousARP: { gratuitousARP: false },
    announceInterval: { announceInterval: "9s" },
    bgp: { bgp },
    localPeer: { localPeer: { id: "a", address: "10.0.0.1", port: 10009 } },
    peerSecret: { peerSecret: "", peerSecretFile: "/s" },
    singleNode: { singleNode: true },
    timing: { timing: "fast" },
    placement: { placement: "spread" },
    stateDir: { stateDir: "/elsewhere" },
    prometheusHTTPServer: { prometheusHTTPServer: ":2112" },
    clusterId: { clusterId: "there" },
  };
  for (const [key, change] of Object.entries(rows)) {
    const next = config({ ...change, loadBalancers: [] });
    const said = refusal(config(), next);
    assert.ok(said.includes(`${key}: has changed, which needs a restart`), `${key}: ${said.join()}`);
    if (key !== "singleNode") assert.equal(said.length, 1, said.join());
    assert.ok(!said.join().includes(TEST_SECRET));
  }
  const both = refusal(config(), config({ vip: "10.0.0.8", timing: "fast" }));
  assert.equal(both.length, 2, "all of them at once");
});

Deno.test("other members need a restart", () => {
  const b = { id: "b", address: "10.0.0.2", port: 10000 };
  for (const remotePeers of [[b], [b, { ...b, id: "d", address: "10.0.0.3" }]]) {
    const said = refusal(config(), config({ remotePeers }));
    assert.deepEqual(said, ["remotePeers: has other members than before, which needs a restart"]);
  }
});

Deno.test("a cluster's name that was derived from addresses is to be set before they change", () => {
  const c = { id: "c", address: "10.0.0.33", port: 10000 };
  const remotePeers = [{ id: "b", address: "10.0.0.2", port: 10000 }, c];
  const running = config({ clusterId: "" });
  const said = refusal(running, config({ clusterId: "", remotePeers }));
  assert.equal(said.length, 1);
  assert.match(said.join(), new RegExp(`clusterId: is derived .* set clusterId: ${running.clusterId}`));
  const plan = possible(running, config({ clusterId: running.clusterId, remotePeers }));
  assert.equal(describePlan(plan), "other addresses of c");
});
