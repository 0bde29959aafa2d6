/** What BFD is for: a path that is gone is noticed in a few intervals, and used again soon after it is whole. */

import assert from "node:assert/strict";
import { bounded } from "./figures.ts";
import { BACK_MS, PATIENCE_MS, settled, SLACK_MS } from "./scenarios.ts";
import { sharedNow, sleep } from "../lab/time.ts";
import { ROUTES, type World } from "./world.ts";

/** 50 ms × 3. */
export const BFD = {
  router: { txMs: 50, rxMs: 50, multiplier: 3 },
  ours: { desiredTxMs: 50, requiredRxMs: 50, multiplier: 3 },
} as const;
/** Promised: a cut path is noticed. */
const NOTICED_MS = 200;
/** So long after its start a router that begins without BFD would have had its flap. */
const CALM_MS = 3000;
const YOUNG_MS = 1200;
/** Packets come every 50 ms, and three of them have to be missing: what is shorter than that ends no session. */
const STALLED_MS = 50;
const REPEATED = 4;

/** Both sides say that BFD is up. */
export async function bfdUp(
  { router, speaker, peer, node }: Pick<World, "router" | "speaker" | "peer" | "node">,
): Promise<void> {
  await router.waitFor("BFD up", PATIENCE_MS, async () => (await router.session(node)).bfd === "up" ? true : null);
  await speaker.waitReport(peer, PATIENCE_MS, ({ bfd }) => bfd === "up");
}

/** Waits until the session is not young any more: what goes down in its first second may be FRR's new beginning, and is given time. */
export async function oldEnough({ speaker, peer }: World): Promise<void> {
  await speaker.waitReport(peer, PATIENCE_MS, ({ stateForMs }) => stateForMs > YOUNG_MS);
}

/** The session that came up with the router's start is the one that stays. */
export async function startsWithoutFlap(world: World): Promise<void> {
  let isFirst = true;
  await isTheOneThatStays(world, -Infinity, async () => {
    if (!isFirst) return await killAndStart(world);
    isFirst = false;
    await settled(world);
    return 1;
  });
}

/** The router is killed and started: the session that comes up then is the one that stays. */
export async function restartsWithoutFlap(world: World): Promise<void> {
  await isTheOneThatStays(world, sharedNow(), () => killAndStart(world));
}

/**
 * `begin` brings a session up and gives its number; that one stays. BFD is right to end a session when the machine that everything runs on
 * stands still for longer than its time: then it is done again, a few times at most.
 */
async function isTheOneThatStays(world: World, fromMs: number, begin: () => Promise<number>): Promise<void> {
  const { speaker, peer, stalls } = world;
  for (let [left, sinceMs] = [REPEATED, fromMs];; left--) {
    const number = await begin();
    await bfdUp(world);
    await sleep(CALM_MS);
    const { established, state } = await speaker.report(peer);
    if (established === number && state === "established") return;
    const stalledMs = await stalls?.longestMs(sinceMs) ?? 0;
    const shown = JSON.stringify({ established, state, number, stalledMs });
    assert.ok(left > 0 && stalledMs > STALLED_MS, shown);
    await settled(world);
    sinceMs = sharedNow();
  }
}

/** Gives the number of the session that comes up. */
async function killAndStart(world: World): Promise<number> {
  const { router, speaker, peer } = world;
  await oldEnough(world);
  const before = (await speaker.report(peer)).established;
  await router.kill();
  await speaker.waitReport(peer, PATIENCE_MS, ({ state }) => state !== "established");
  await router.start();
  const tookMs = await settled(world);
  bounded(`${router.kind}: killed and started → routes back, with BFD`, { tookMs, boundMs: BACK_MS + SLACK_MS });
  return before + 1;
}

/** The node's cable is pulled and put back; no kernel tells the router. */
export async function cutIsNoticed(world: World): Promise<void> {
  const { lab, router, speaker } = world;
  await settled(world);
  await bfdUp(world);
  await oldEnough(world);
  const fromMs = performance.now();
  lab.network.cut(speaker.machine);
  try {
    await Promise.all([noticedByRouter(world, fromMs), noticedByUs(world, fromMs)]);
  } finally {
    lab.network.mend(speaker.machine);
  }
  const mendedMs = performance.now();
  await bfdUp(world);
  bounded(`${router.kind}: mended → BFD up`, { tookMs: performance.now() - mendedMs, boundMs: BACK_MS + SLACK_MS });
  await settled(world);
  bounded(`${router.kind}: mended → routes back, with BFD`, {
    tookMs: performance.now() - mendedMs,
    boundMs: BACK_MS + SLACK_MS,
  });
}

async function noticedByRouter({ router, node }: World, fromMs: number): Promise<void> {
  await router.waitDown(node, PATIENCE_MS);
  bounded(`${router.kind}: cut → noticed by the router, 50 ms × 3`, {
    tookMs: performance.now() - fromMs,
    boundMs: NOTICED_MS + SLACK_MS,
  });
  await router.waitKernel(ROUTES[4], 0, PATIENCE_MS);
  bounded(`${router.kind}: cut → route gone from its kernel`, {
    tookMs: performance.now() - fromMs,
    boundMs: NOTICED_MS + SLACK_MS,
  });
  await router.waitKernel(ROUTES[6], 0, PATIENCE_MS);
}

async function noticedByUs({ router, speaker, peer }: World, fromMs: number): Promise<void> {
  const { value } = await speaker.waitReport(peer, PATIENCE_MS, ({ state }) => state !== "established");
  bounded(`${router.kind}: cut → noticed by us, 50 ms × 3`, {
    tookMs: performance.now() - fromMs,
    boundMs: NOTICED_MS + SLACK_MS,
  });
  assert.match(value.lastError ?? "", /BFD/);
}
