/** What is asked of nodes of which only the holder of the Lease announces the addresses. */

import assert from "node:assert/strict";
import { sharedNow } from "../lab/time.ts";
import { bounded } from "../routers/figures.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { ROUTES } from "../routers/world.ts";
import { departure, longestMs, pathGone, type Scenario, TIMES, waitHolder, without } from "./bgp_kit.ts";

/** What is seen is seen so late at most. */
const POLLED_MS = 50;

/** The process of the holder is killed. */
export const holderKilled: Scenario = async ({ router, pings }, nodes) => {
  for (const node of nodes) if (!node.running) node.start();
  const holder = await waitHolder(router, nodes);
  await Promise.all(nodes.map((node) => node.ready(PATIENCE_MS)));
  await pings.steady(PATIENCE_MS);
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

/** The holder is stopped in order. */
export const holderStops: Scenario = async ({ router, pings }, nodes) => {
  for (const node of nodes) if (!node.running) node.start();
  await Promise.all(nodes.map((node) => node.ready(PATIENCE_MS)));
  await pings.steady(PATIENCE_MS);
  const holder = await waitHolder(router, nodes);
  pings.clear();
  const fromMs = sharedNow();
  const leaving = departure(router, holder.machine);
  assert.equal((await holder.terminate()).code, 0);
  const { pathGoneMs, bareMs } = await leaving;
  assert.ok(bareMs >= pathGoneMs - POLLED_MS, `the route went first: ${JSON.stringify({ pathGoneMs, bareMs })}`);
  await waitHolder(router, without(nodes, holder));
  await pings.steady(PATIENCE_MS);
  const tookMs = longestMs(pings, fromMs);
  bounded("holder stopped in order → outage of the client", { tookMs, boundMs: 1000 + SLACK_MS });
};
