/** What is asked of nodes that all announce the addresses. */

import assert from "node:assert/strict";
import type { LabNode } from "../lab/node.ts";
import { tablesOf } from "../lab/network.ts";
import { sharedNow, sleep } from "../lab/time.ts";
import { bounded } from "../routers/figures.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { ROUTES, VIP_4, VIP_6 } from "../routers/world.ts";
import {
  carrierOf,
  departure,
  holds,
  last,
  longestMs,
  pathGone,
  PathLog,
  type Scenario,
  sessionOf,
  startAll,
  waitHops,
  without,
} from "./bgp_kit.ts";

/** What is promised. */
const ROUTED_MS = 1000;
const WITHDRAWN_MS = 4000;
const READY_MS = 30_000;

/** Whose sessions came up once and stayed. */
async function neverFlapped(nodes: readonly LabNode[]): Promise<void> {
  for (const node of nodes) {
    const { state, established } = await sessionOf(node);
    assert.deepEqual([node.name, state, established], [node.name, "established", 1]);
  }
}

/** A node is started beside others. */
export const startedNodeIsRouted: Scenario = async ({ router }, nodes) => {
  const late = last(nodes);
  for (const node of without(nodes, late)) node.start();
  await waitHops(router, without(nodes, late));
  late.start();
  const tookMs = await waitHops(router, nodes);
  bounded("process of a node started → a way over it in the router's kernel", {
    tookMs,
    boundMs: ROUTED_MS + SLACK_MS,
  });
  await neverFlapped(nodes);
};

/** The API server of a node is killed and comes back. */
export const serverDown: Scenario = async (world, nodes) => {
  const { cluster, router } = world;
  await startAll(world, nodes);
  const victim = last(nodes);
  const server = cluster.of(victim.machine);
  const paths = new PathLog(router);
  const fromMs = performance.now();
  await server.kill();
  const { pathGoneMs, bareMs } = await departure(router, victim.machine);
  bounded("API server killed → its node's paths withdrawn", {
    tookMs: pathGoneMs - fromMs,
    boundMs: WITHDRAWN_MS + SLACK_MS,
  });
  bounded("withdrawn → the node's addresses gone", { tookMs: bareMs - pathGoneMs, boundMs: 1000 + SLACK_MS });
  assert.ok(bareMs > pathGoneMs, "the route went first");
  await waitHops(router, without(nodes, victim));
  server.start();
  await server.ready(READY_MS);
  bounded("API server ready → ways over all nodes", {
    tookMs: await waitHops(router, nodes),
    boundMs: 2000 + SLACK_MS,
  });
  await neverFlapped(nodes);
  const { seen } = await paths.stop();
  assert.deepEqual(seen.toSorted(), [peersOf(without(nodes, victim)), peersOf(nodes)].sort());
};

/** These nodes as {@link PathLog} writes them. */
function peersOf(nodes: readonly LabNode[]): string {
  return nodes.map(({ machine }) => machine.station.ip4).sort().join();
}

/** The node that the client's requests arrive at is stopped in order. */
export const orderlyStop: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  await startAll(world, nodes);
  const victim = await carrierOf(nodes);
  pings.clear();
  const fromMs = sharedNow();
  const leaving = departure(router, victim.machine);
  const { code } = await victim.terminate();
  const { pathGoneMs, bareMs } = await leaving;
  assert.equal(code, 0);
  assert.ok(bareMs > pathGoneMs, `the route went first: ${JSON.stringify({ pathGoneMs, bareMs })}`);
  await sleep(500);
  const lost = pings.lost(fromMs);
  bounded("the carrying node stopped in order → outage of the client", {
    tookMs: longestMs(pings, fromMs),
    boundMs: 100,
  });
  assert.ok(lost <= 1, `${lost} lost`);
  const told = [(await router.session(victim.machine.station.ip4)).lastReset, ...router.log].join("\n");
  assert.match(told, /kube-vip is stopping/);
  assert.ok(!holds(victim.machine, VIP_4) && !holds(victim.machine, VIP_6));
  assert.deepEqual(tablesOf(victim.machine), []);
  await startAll(world, nodes);
};

/** Its process is killed and started again: routers keep its paths meanwhile (RFC 4724), and its kernel goes on answering. */
export const restart: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  await startAll(world, nodes);
  const victim = await carrierOf(nodes);
  pings.clear();
  const [paths, fromMs] = [new PathLog(router), sharedNow()];
  await victim.kill();
  victim.start();
  await victim.ready(PATIENCE_MS);
  await router.waitUp(victim.machine.station.ip4, PATIENCE_MS);
  bounded("process killed and started again → session up", { tookMs: sharedNow() - fromMs, boundMs: 3000 + SLACK_MS });
  await sleep(2000);
  const { seen, looks } = await paths.stop();
  assert.ok(looks > 20, `${looks} looks`);
  assert.deepEqual(seen, [peersOf(nodes)], "the router kept every path");
  for (const prefix of Object.values(ROUTES)) {
    assert.deepEqual((await router.paths(prefix)).filter(({ stale }) => stale), [], "renewed");
  }
  bounded("process killed and started again → outage of the client", {
    tookMs: longestMs(pings, fromMs),
    boundMs: 1000,
  });
};

/** The process and the API server beside it are killed, and only the process comes back: routers are not to wait for it (RFC 4724). */
export const backWithoutServer: Scenario = async (world, nodes) => {
  const { cluster, router, pings } = world;
  await startAll(world, nodes);
  const victim = await carrierOf(nodes);
  const server = cluster.of(victim.machine);
  pings.clear();
  const fromMs = sharedNow();
  await Promise.all([server.kill(), victim.kill()]);
  victim.start();
  await pathGone(router, victim.machine);
  bounded("process and API server killed, process started again → its paths withdrawn", {
    tookMs: sharedNow() - fromMs,
    boundMs: WITHDRAWN_MS + SLACK_MS,
  });
  await pings.steady(PATIENCE_MS);
  bounded("process and API server killed, process started again → outage of the client", {
    tookMs: longestMs(pings, fromMs),
    boundMs: WITHDRAWN_MS + SLACK_MS,
  });
  server.start();
  await server.ready(READY_MS);
  await waitHops(router, nodes);
};
