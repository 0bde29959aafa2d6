/** What is asked of nodes of which only the holder of the Lease announces the addresses. */

import assert from "node:assert/strict";
import type { LabNode } from "../lab/node.ts";
import { sharedNow } from "../lab/time.ts";
import { bounded } from "../routers/figures.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { ROUTES } from "../routers/world.ts";
import {
  type BgpWorld,
  departure,
  longestMs,
  pathGone,
  type Scenario,
  TIMES,
  waitBare,
  waitHolder,
  without,
} from "./bgp_kit.ts";

const SOON_MS = 100;
const READY_MS = 30_000;

/** The process of the holder is killed. */
export const holderKilled: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  const holder = await settled(world, nodes);
  assert.deepEqual((await router.paths(ROUTES[4])).map(({ from }) => from), [holder.machine.station.ip4]);
  const fromMs = performance.now();
  await holder.kill();
  const goneMs = await pathGone(router, holder.machine);
  bounded("holder killed → its paths gone", { tookMs: goneMs - fromMs, boundMs: 100 + SLACK_MS });
  await waitHolder(router, without(nodes, holder));
  bounded("holder killed → ways over the next holder", {
    tookMs: performance.now() - fromMs,
    boundMs: 1000 * (TIMES.duration + 1) + SLACK_MS,
  });
  await pings.steady(PATIENCE_MS);
};

/** All run, the client is served, and one of them holds. */
async function settled({ router, pings }: BgpWorld, nodes: readonly LabNode[]): Promise<LabNode> {
  for (const node of nodes) if (!node.running) node.start();
  await Promise.all(nodes.map((node) => node.ready(PATIENCE_MS)));
  const holder = await waitHolder(router, nodes);
  await pings.steady(PATIENCE_MS);
  return holder;
}

/** The API server beside the holder is killed, those of the others are well. */
export const holderWithoutServer: Scenario = async (world, nodes) => {
  const { cluster, router, pings } = world;
  const holder = await settled(world, nodes);
  const server = cluster.of(holder.machine);
  pings.clear();
  const [fromMs, killedMs] = [sharedNow(), performance.now()];
  await server.kill();
  await waitHolder(router, without(nodes, holder));
  bounded("the holder's API server killed → ways over another node", {
    tookMs: performance.now() - killedMs,
    boundMs: 3000 + SLACK_MS,
  });
  await pings.steady(PATIENCE_MS);
  bounded("the holder's API server killed → outage of the client", {
    tookMs: longestMs(pings, fromMs),
    boundMs: 1000 + SLACK_MS,
  });
  server.start();
  await server.ready(READY_MS);
};

/** The holder's process hangs without BFD: its session stays for the hold time, and its address no longer than the Lease. */
export const holderHangs: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  const holder = await settled(world, nodes);
  pings.clear();
  const fromMs = sharedNow();
  holder.pause();
  try {
    await router.waitFor("a path over another node", PATIENCE_MS, async () => {
      const from = (await router.paths(ROUTES[4])).map((path) => path.from);
      return from.some((ip) => ip !== holder.machine.station.ip4) ? true : null;
    });
    await pings.steady(PATIENCE_MS);
    bounded("holder hangs → outage of the client", {
      tookMs: longestMs(pings, fromMs),
      boundMs: 1000 * (TIMES.duration + 1) + SLACK_MS,
    });
  } finally {
    holder.resume();
  }
  const resumedMs = performance.now();
  await waitHolder(router, without(nodes, holder));
  const bareMs = await waitBare(holder.machine);
  bounded("holder goes on → without the addresses", { tookMs: bareMs - resumedMs, boundMs: SLACK_MS });
};

/** The holder is stopped in order. */
export const holderStops: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  const holder = await settled(world, nodes);
  pings.clear();
  const fromMs = sharedNow();
  const leaving = departure(router, holder.machine);
  assert.equal((await holder.terminate()).code, 0);
  const { pathGoneMs, bareMs } = await leaving;
  // The withdrawal is sent first; nobody waits for what the router makes of it, as the next holder is there by then.
  bounded("holder stopped in order: addresses gone → route gone", {
    tookMs: pathGoneMs - bareMs,
    boundMs: SOON_MS + SLACK_MS,
  });
  await waitHolder(router, without(nodes, holder));
  await pings.steady(PATIENCE_MS);
  const tookMs = longestMs(pings, fromMs);
  bounded("holder stopped in order → outage of the client", { tookMs, boundMs: 1000 + SLACK_MS });
};
