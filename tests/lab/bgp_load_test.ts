import assert from "node:assert/strict";
import { bounded, boundedGrowth } from "../routers/figures.ts";
import { withRouters } from "../routers/needs.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS } from "../routers/scenarios.ts";
import type { SpeakerChild } from "../routers/speaker_child.ts";
import { speakerConfig, speakerPeer } from "../routers/speaker_protocol.ts";
import { neighbor, type RouterConfig } from "../routers/types.ts";
import { NODE_AS, ROUTER_AS, ROUTES, VIP_4, VIP_6 } from "../routers/world.ts";
import { sleep } from "./time.ts";

const FEEDER_AS = 65002;
const MANY = 100_000;
/** Before the memory is looked at, the code that reads routes has been compiled, and buffers are as large as they get. */
const WARM = 20_000;
/** Promised. */
const MORE_BYTES = 5e6;
const FEED_MS = 30_000;

function prefixes(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/32`,
  );
}

/** Lets the feeder announce so many routes; the largest memory of the speaker until it has had all of them. */
async function feed(
  { feeder, speaker, plain }: { feeder: Router; speaker: SpeakerChild; plain: RouterConfig },
  count: number,
): Promise<number> {
  const { machine } = feeder;
  await feeder.reconfigure({ ...plain, originate: prefixes(count) });
  const untilMs = performance.now() + FEED_MS;
  for (let most = 0;; await sleep(10)) {
    most = Math.max(most, speaker.residentBytes());
    const { prefixesRefused, state, established } = await speaker.report(machine.station.ip4);
    assert.deepEqual({ state, established }, { state: "established", established: 1 });
    if (prefixesRefused === count) return most;
    assert.ok(performance.now() < untilMs, `${prefixesRefused} of ${count} routes`);
  }
}

withRouters("a peer with a hundred thousand routes costs no memory, and none of them reaches another peer", [
  "frr",
  "bird",
], async () => {
  await RouterLab.with(async (lab) => {
    const [border, source, node] = [lab.machine("frr"), lab.machine("feeder"), lab.machine("node")];
    const neighbors = [neighbor(node.station.ip4, NODE_AS)];
    const same = { neighbors, gracefulRestart: false, originate: [] };
    const router = await lab.router("frr", { ...same, as: ROUTER_AS, routerId: border.station.ip4 }, border);
    const plain = { ...same, as: FEEDER_AS, routerId: source.station.ip4 };
    const feeder = await lab.router("bird", plain, source);
    const peers = [speakerPeer(border.station.ip4, ROUTER_AS), speakerPeer(source.station.ip4, FEEDER_AS)];
    const speaker = await lab.speaker(speakerConfig(NODE_AS, node.station.ip4, { peers }), node);
    await speaker.announce(VIP_4, VIP_6);
    for (const { name } of peers) await speaker.waitUp(name, PATIENCE_MS);
    const fed = { feeder, speaker, plain };
    for (let round = 0; round < 2; round++) {
      await feed(fed, WARM);
      await feed(fed, 0);
      await speaker.memory();
    }
    const before = await speaker.memory();
    const fromMs = performance.now();
    const most = await feed(fed, MANY);
    bounded(`${MANY} routes received`, { tookMs: performance.now() - fromMs, boundMs: FEED_MS });
    await sleep(500);
    const after = await speaker.memory();
    await feed(fed, 0);
    await feed(fed, MANY);
    const again = await speaker.memory();
    const sizes = { during: most, after: after.rssBytes, "after the second time": again.rssBytes };
    for (const [when, bytes] of Object.entries(sizes)) {
      boundedGrowth(`${MANY} routes, ${when}`, { grownBytes: bytes - before.rssBytes, boundBytes: MORE_BYTES });
    }
    boundedGrowth(`${MANY} routes, heap`, {
      grownBytes: again.heapBytes - before.heapBytes,
      boundBytes: MORE_BYTES / 5,
    });
    assert.equal(after.descriptors, before.descriptors);
    for (const family of [4, 6] as const) {
      assert.deepEqual((await router.routes(family)).map(({ prefix }) => prefix), [ROUTES[family]]);
    }
  });
});
