/** Routing-table mode: BIRD on a node redistributes what is in the table to the router, with a real API server beside the node. */

import assert from "node:assert/strict";
import { tablesOf } from "../lab/network.ts";
import type { LabNode } from "../lab/node.ts";
import { bounded } from "../routers/figures.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { NODE_AS, ROUTER_AS, ROUTES } from "../routers/world.ts";
import {
  type BgpWorld,
  departure,
  each,
  FAMILIES,
  last,
  statusOf,
  tableEnv,
  withBgpWorld,
  withNodes,
} from "./bgp_kit.ts";

const TABLE = 198;
const PROTOCOL = 248;
const ROUTED_MS = 1000;
const WITHDRAWN_MS = 4000;
const READY_MS = 30_000;

/** BIRD that learns the routes of others from the table and tells the router. */
function learner({ lab, router }: BgpWorld, { machine }: LabNode): void {
  const { ip4 } = machine.station;
  const tables = FAMILIES.map((family) =>
    `ipv${family} table vips${family};
protocol kernel learn${family} { kernel table ${TABLE}; learn; ipv${family} { table vips${family}; import all; export none; }; }\n`
  );
  const channels = FAMILIES.map((family) =>
    `ipv${family} { table vips${family}; import none; export where source = RTS_INHERIT; };`
  );
  const path = `${lab.directory}/learner.conf`;
  Deno.writeTextFileSync(
    path,
    `log stderr all;
router id ${ip4};
protocol device { scan time 1; }
${tables.join("")}protocol bgp far {
  local as ${NODE_AS}; neighbor ${router.machine.station.ip4} as ${ROUTER_AS};
  connect delay time 1; connect retry time 1; graceful restart off;
  ${channels.join(" ")}
}
`,
  );
  lab.run(machine, "learner", ["bird", "-f", "-c", path, "-s", `${lab.directory}/learner.ctl`]);
}

/** Waits until the router leads to both addresses; BIRD names its link-local address as the next hop for IPv6. */
async function waitRouted({ router }: BgpWorld, { machine }: LabNode): Promise<number> {
  const fromMs = performance.now();
  const { value } = await router.waitKernel(ROUTES[4], 1, PATIENCE_MS);
  assert.deepEqual(value, [machine.station.ip4]);
  await router.waitKernel(ROUTES[6], 1, PATIENCE_MS);
  return performance.now() - fromMs;
}

async function nodeIsRouted(world: BgpWorld, node: LabNode): Promise<void> {
  const { router, pings } = world;
  await router.waitUp(node.machine.station.ip4, PATIENCE_MS);
  node.start();
  const tookMs = await waitRouted(world, node);
  bounded("process of a node started → redistributed to the router's kernel", {
    tookMs,
    boundMs: ROUTED_MS + SLACK_MS,
  });
  await pings.steady(PATIENCE_MS);
  await node.ready(PATIENCE_MS);
  assert.deepEqual((await statusOf(node)).routing.routes.map(({ state }) => state), ["routed", "routed"]);
  const ours = node.machine.routes.routes({ table: TABLE });
  assert.deepEqual(ours.map(({ protocol }) => protocol), [PROTOCOL, PROTOCOL]);
}

async function serverDown(world: BgpWorld, node: LabNode): Promise<void> {
  const { cluster, router, pings } = world;
  const server = cluster.of(node.machine);
  const fromMs = performance.now();
  await server.kill();
  const { pathGoneMs, bareMs } = await departure(router, node.machine);
  bounded("API server killed → redistributed route gone", {
    tookMs: pathGoneMs - fromMs,
    boundMs: WITHDRAWN_MS + SLACK_MS,
  });
  assert.ok(bareMs > pathGoneMs, "the route went first");
  server.start();
  await server.ready(READY_MS);
  await waitRouted(world, node);
  await pings.steady(PATIENCE_MS);
}

async function orderlyStop({ router }: BgpWorld, node: LabNode): Promise<void> {
  const leaving = departure(router, node.machine);
  const { code } = await node.terminate();
  const { pathGoneMs, bareMs } = await leaving;
  assert.equal(code, 0);
  assert.ok(bareMs > pathGoneMs, "the route went first");
  bounded("stopped: route gone → address gone", { tookMs: bareMs - pathGoneMs, boundMs: 1000 + SLACK_MS });
  assert.deepEqual(node.machine.routes.routes({ table: TABLE }), []);
  assert.deepEqual(tablesOf(node.machine), []);
}

withBgpWorld(
  "a routing daemon redistributes the control plane's routes while the node is well",
  ["frr", "bird"],
  async (world, t) => {
    await withNodes(world, tableEnv, async (nodes) => {
      const node = last(nodes);
      learner(world, node);
      await each(t, {
        "the routes of a node that starts are told to the router": () => nodeIsRouted(world, node),
        "the routes of a node whose API server is gone are taken back, and are there again with it": () =>
          serverDown(world, node),
        "a node that leaves in order takes its routes back before its addresses": () => orderlyStop(world, node),
      });
    });
  },
);
