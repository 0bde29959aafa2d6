/** What is asked of nodes whose Node says by annotations who the router is. */

import assert from "node:assert/strict";
import type { LabNode } from "../lab/node.ts";
import { bounded } from "../routers/figures.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { NODE_AS, ROUTER_AS } from "../routers/world.ts";
import {
  type BgpWorld,
  type Env,
  last,
  pathGone,
  routedEnv,
  type Scenario,
  sessionOf,
  startAll,
  statusOf,
  waitHops,
  without,
} from "./bgp_kit.ts";
import { PASSWORD, shownBy } from "./bgp_watched.ts";

const PREFIX = "example.com";
/** Nobody's, on the link. */
const NOBODY = "10.98.0.99";
/** From the moment the annotations are written. */
const FOLLOWED_MS = 1000;

/** The variables of a node that is told nothing else. */
export function annotatedEnv(): Env {
  return {
    ...routedEnv(),
    "bgp_enable": "true",
    "annotation": PREFIX,
    "vip_loglevel": "-4",
    "mpbgp_nexthop": "auto_sourceip",
  };
}

/** The annotations of a node with this router. */
export function annotations(ip: string, routerIp: string): Readonly<Record<string, string>> {
  const values = {
    "node-asn": String(NODE_AS),
    "src-ip": ip,
    "peer-asn": String(ROUTER_AS),
    "peer-ip": routerIp,
    "bgp-pass": btoa(PASSWORD),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${PREFIX}/${name}`, value]));
}

async function pointTo({ cluster }: BgpWorld, { machine }: LabNode, routerIp: string): Promise<void> {
  const body = { metadata: { annotations: annotations(machine.station.ip4, routerIp) } };
  const contentType = "application/merge-patch+json";
  await cluster.admin.demand("PATCH", `/api/v1/nodes/${machine.name}`, { body, contentType });
}

/** Nodes wait for their Node to be annotated. */
export const nodesAreAnnotated: Scenario = async (world, nodes) => {
  const { cluster, router } = world;
  for (const node of nodes) node.start();
  await Promise.all(nodes.map((node) => node.ready(PATIENCE_MS)));
  for (const node of nodes) assert.deepEqual((await statusOf(node)).routing.bgp, []);
  for (const { name } of nodes) await cluster.admin.demand("POST", "/api/v1/nodes", { body: { metadata: { name } } });
  const fromMs = performance.now();
  for (const node of nodes) await pointTo(world, node, router.machine.station.ip4);
  await startAll(world, nodes);
  bounded("Nodes annotated → ways over all of them", {
    tookMs: performance.now() - fromMs,
    boundMs: FOLLOWED_MS + SLACK_MS,
  });
};

/** The annotations of one Node name another router, and then the first one again. */
export const annotationsChange: Scenario = async (world, nodes) => {
  const { router } = world;
  await startAll(world, nodes);
  const node = last(nodes);
  let fromMs = performance.now();
  await pointTo(world, node, NOBODY);
  const goneMs = await pathGone(router, node.machine);
  bounded("peer removed from the annotations → paths gone", {
    tookMs: goneMs - fromMs,
    boundMs: FOLLOWED_MS + SLACK_MS,
  });
  assert.deepEqual((await statusOf(node)).routing.bgp.map(({ name }) => name), [`${NOBODY}:179`]);
  const { lastReset } = await router.session(node.machine.station.ip4);
  assert.match(lastReset, /Cease\/Peer (Unconfigured|De-configured)/);
  fromMs = performance.now();
  await pointTo(world, node, router.machine.station.ip4);
  await waitHops(router, nodes);
  bounded("peer named again → a way over the node", {
    tookMs: performance.now() - fromMs,
    boundMs: FOLLOWED_MS + SLACK_MS,
  });
  assert.match(
    (await shownBy(world, node)).dump,
    new RegExp(`Peer 1: ${router.machine.station.ip4}:179 .*established`),
  );
  for (const other of without(nodes, node)) assert.equal((await sessionOf(other)).established, 1, other.name);
};
