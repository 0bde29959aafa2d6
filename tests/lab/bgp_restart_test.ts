import assert from "node:assert/strict";
import { BFD, bfdUp, oldEnough } from "../routers/bfd_scenarios.ts";
import { bounded } from "../routers/figures.ts";
import { withRouters } from "../routers/needs.ts";
import { Pinging } from "../routers/pinging.ts";
import { PATIENCE_MS, routesArrive, settled, SLACK_MS } from "../routers/scenarios.ts";
import type { RouterKind } from "../routers/types.ts";
import { ROUTES, VIP_4, VIP_6, withWorld, type World } from "../routers/world.ts";
import { sharedNow, sleep } from "./time.ts";

/** Routers keep the routes for so long. */
const RESTART_MS = 4000;

/** What the kernel of the router did with the addresses' routes: lines of `ip monitor`. */
function watchKernel({ lab, router }: World): readonly string[] {
  const removed: string[] = [];
  lab.run(router.machine, "ip monitor", ["ip", "monitor", "route"], (line) => {
    if (line.startsWith("Deleted") && (line.includes(VIP_4) || line.includes(VIP_6))) removed.push(line);
  });
  return removed;
}

async function killedAndBack(world: World): Promise<void> {
  const { lab, router, speaker, client, node } = world;
  await router.waitKernel(ROUTES[4], 1, PATIENCE_MS);
  await router.waitKernel(ROUTES[6], 1, PATIENCE_MS);
  const pings = new Pinging(lab, client, router.machine);
  await pings.steady(PATIENCE_MS);
  const removed = watchKernel(world);
  await sleep(200);
  const fromMs = sharedNow();
  await speaker.kill();
  await router.waitDown(node, PATIENCE_MS);
  await sleep(500);
  await speaker.again();
  await speaker.announce(VIP_4, VIP_6);
  await speaker.ready();
  await settled(world);
  await router.waitFor("fresh routes", PATIENCE_MS, async () => {
    const all = [...await router.paths(ROUTES[4]), ...await router.paths(ROUTES[6])];
    return all.length === 2 && all.every(({ stale }) => !stale) ? true : null;
  });
  await sleep(RESTART_MS + 500);
  assert.deepEqual(removed, []);
  for (const family of [4, 6] as const) {
    assert.ok(pings.outageMs(family, fromMs) < 100, `IPv${family} was away for ${pings.outageMs(family, fromMs)} ms`);
  }
}

async function killedForGood({ router, speaker }: World): Promise<void> {
  const fromMs = performance.now();
  await speaker.kill();
  for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 0, PATIENCE_MS);
  const tookMs = performance.now() - fromMs;
  bounded(`${router.kind}: killed for good → stale routes gone`, { tookMs, boundMs: RESTART_MS + SLACK_MS });
  assert.ok(tookMs > RESTART_MS - 1500, `after ${tookMs} ms already`);
}

for (const kind of ["frr", "bird"] satisfies RouterKind[]) {
  withRouters(`${kind} keeps our routes while our process is killed and started again`, [kind], async (t) => {
    const ours = { speaker: { gracefulRestartMs: RESTART_MS } };
    await withWorld(kind, { router: { gracefulRestart: true }, ...ours }, async (world) => {
      await t.step("the routes stay in its kernel throughout", async () => {
        await world.speaker.ready();
        await routesArrive(world);
        await killedAndBack(world);
      });
      await t.step("they go when the restart time is over", () => killedForGood(world));
    });
  });
}

for (const kind of ["frr", "bird"] satisfies RouterKind[]) {
  withRouters(`${kind} keeps no routes of a node that BFD has lost, graceful restart or not`, [kind], async () => {
    const watched = { neighbor: { bfd: BFD.router }, peer: { bfd: BFD.ours } };
    const options = { router: { gracefulRestart: true }, speaker: { gracefulRestartMs: RESTART_MS }, ...watched };
    await withWorld(kind, options, async (world) => {
      const { lab, router, speaker } = world;
      await speaker.ready();
      await routesArrive(world);
      await router.waitKernel(ROUTES[4], 1, PATIENCE_MS);
      await bfdUp(world);
      await oldEnough(world);
      const fromMs = performance.now();
      lab.network.cut(speaker.machine);
      for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 0, PATIENCE_MS);
      const tookMs = performance.now() - fromMs;
      bounded(`${kind}: cut, with graceful restart → route gone`, { tookMs, boundMs: 200 + SLACK_MS });
    });
  });
}
