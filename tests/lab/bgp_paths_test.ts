import assert from "node:assert/strict";
import { BFD, bfdUp, oldEnough } from "../routers/bfd_scenarios.ts";
import { bounded } from "../routers/figures.ts";
import { withRouters } from "../routers/needs.ts";
import { BACK_MS, PATIENCE_MS, settled, SLACK_MS, withPeer } from "../routers/scenarios.ts";
import {
  answered,
  hold,
  NODE_6,
  ROUTER_6,
  ROUTER_AS,
  ROUTES,
  VIP_4,
  VIP_6,
  withWorld,
  type World,
  type WorldOptions,
} from "../routers/world.ts";
import { sleep } from "./time.ts";

/** Announces both addresses, and the client is served by way of the router's kernel. */
async function served(world: World): Promise<void> {
  const { router, speaker, peer } = world;
  await speaker.waitUp(peer, PATIENCE_MS);
  await speaker.announce(VIP_4, VIP_6);
  await settled(world);
  for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 1, PATIENCE_MS);
  assert.ok(await answered(world, VIP_4), "IPv4");
  assert.ok(await answered(world, VIP_6), "IPv6");
}

/** TCP connections of BGP that are up on the node. */
async function connections({ lab, speaker }: World): Promise<number> {
  const { said } = await lab.execute(speaker.machine, ["ss", "-Htn", "state", "established"]);
  return said.split("\n").filter((line) => /:179\s/.test(`${line} `)).length;
}

withRouters(
  "FRR without addresses on the link has our routes by its link-local address, with BFD",
  ["frr"],
  async () => {
    const options: WorldOptions = {
      neighbor: { peer: "eth0", unnumbered: true, as: null, bfd: BFD.router },
      peer: { name: "eth0", address: { is: "unnumbered", interface: "eth0" }, as: null, bfd: BFD.ours },
      speaker: { listenPort: 179 },
    };
    await withWorld("frr", options, async (world) => {
      const { router, lab, speaker, peer } = world;
      const fromMs = performance.now();
      await served(world);
      bounded("frr: unnumbered → served", { tookMs: performance.now() - fromMs, boundMs: PATIENCE_MS });
      const [four, six] = await Promise.all([router.paths(ROUTES[4]), router.paths(ROUTES[6])]);
      for (const { nextHops } of [...four, ...six]) assert.match(nextHops.join(), /^fe80:/);
      await bfdUp(world);
      await router.clearSession("eth0");
      await sleep(200);
      await settled(world);
      await oldEnough(world);
      lab.network.cut(speaker.machine);
      await speaker.waitReport(peer, PATIENCE_MS, ({ state }) => state !== "established");
      lab.network.mend(speaker.machine);
      await settled(world);
    });
  },
);

for (const kind of ["frr", "bird"] as const) {
  withRouters(`${kind} has routes of both families by a session over IPv6`, [kind], async () => {
    const options: WorldOptions = {
      neighbor: { peer: NODE_6 },
      peer: { name: ROUTER_6, address: { is: "ip", ip: ROUTER_6 } },
    };
    await withWorld(kind, options, served);
  });
}

withRouters(
  "BIRD connects to us where we only wait, and one connection stays where both connect",
  ["bird"],
  async (t) => {
    await withWorld("bird", { peer: { passive: true }, speaker: { listenPort: 179 } }, async (world) => {
      await t.step("we wait", async () => {
        await served(world);
        await world.router.restart();
        await settled(world);
      });
      await t.step("both connect", async () => {
        await withPeer(world, { passive: false });
        for (let round = 0; round < 4; round++) {
          await settled(world);
          await sleep(300);
          assert.equal(await connections(world), 1);
          await world.router.clearSession(world.node);
          await sleep(50);
        }
        await settled(world);
      });
    });
  },
);

withRouters("a link that is whole again has the routes back soon, without BFD", ["frr"], async () => {
  const peer = { holdTimeMs: 3000, keepaliveMs: 1000 };
  await withWorld("frr", { peer }, async (world) => {
    const { lab, router, speaker, node, peer: name } = world;
    await served(world);
    lab.network.cut(speaker.machine);
    await router.waitDown(node, PATIENCE_MS);
    await speaker.waitReport(name, PATIENCE_MS, ({ state }) => state !== "established");
    await sleep(4000);
    lab.network.mend(speaker.machine);
    bounded("frr: link whole again → routes back, without BFD", {
      tookMs: await settled(world),
      boundMs: BACK_MS + SLACK_MS,
    });
  });
});

withRouters("TTL security lets neighbours in and nobody else", ["frr"], async () => {
  await withWorld("frr", { neighbor: { ttlSecurityHops: 1 } }, async (world) => {
    const { speaker, peer } = world;
    await sleep(2500);
    assert.notEqual((await speaker.report(peer)).state, "established", "our TTL is too low");
    await withPeer(world, { ttlSecurityHops: 1 });
    await served(world);
  });
});

withRouters("the session comes from the address and over the link that the settings name", ["bird"], async () => {
  const source = "10.98.0.222";
  await withWorld("bird", { neighbor: { peer: source } }, async (world) => {
    const { speaker } = world;
    speaker.machine.addAddress(source, 24);
    await withPeer(world, { sourceIp: source, sourceInterface: "eth0" });
    await served(world);
    const [route] = await world.router.paths(ROUTES[4]);
    assert.deepEqual(route?.nextHops, [source]);
  });
});

/** An address of the router that is on no link. */
const FAR = "10.97.0.1";

withRouters("FRR more than a hop away has our routes, and is watched by multihop BFD", ["frr"], async () => {
  const options: WorldOptions = {
    neighbor: { multihop: 3, passive: true, bfd: BFD.router },
    peer: { name: FAR, address: { is: "ip", ip: FAR }, multihopTtl: 3, bfd: BFD.ours },
  };
  await withWorld("frr", options, async (world) => {
    const { lab, router, speaker } = world;
    hold(router.machine, FAR);
    const way = await lab.execute(speaker.machine, ["ip", "route", "add", FAR, "via", router.machine.station.ip4]);
    assert.ok(way.success, way.said);
    await speaker.waitUp(FAR, PATIENCE_MS);
    await speaker.announce(VIP_4);
    await router.waitKernel(ROUTES[4], 1, PATIENCE_MS);
    await bfdUp(world);
    await oldEnough(world);
    const fromMs = performance.now();
    lab.network.cut(speaker.machine);
    await router.waitKernel(ROUTES[4], 0, PATIENCE_MS);
    bounded("frr: cut → route gone, multihop BFD", { tookMs: performance.now() - fromMs, boundMs: 200 + SLACK_MS });
  });
});

withRouters("a router of the same AS has the local preference that the settings name", ["frr"], async () => {
  await withWorld("frr", { neighbor: { as: ROUTER_AS }, speaker: { as: ROUTER_AS } }, async (world) => {
    const policy = { communities: [], largeCommunities: [], localPref: 200, med: null, prepend: 0 };
    await withPeer(world, { policy });
    await served(world);
    const [route] = await world.router.paths(ROUTES[4]);
    assert.deepEqual({ localPref: route?.localPref, asPath: route?.asPath }, { localPref: 200, asPath: [] });
  });
});
