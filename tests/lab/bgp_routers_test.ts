import assert from "node:assert/strict";
import { withRouters } from "../routers/needs.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { neighbor, type RouterConfig, type RouterKind } from "../routers/types.ts";

const UP_MS = 30_000;

function config(as: number, number: number, others: Partial<RouterConfig>): RouterConfig {
  return { as, routerId: `10.98.0.${number}`, neighbors: [], gracefulRestart: false, originate: [], ...others };
}

const BFD = { txMs: 50, rxMs: 50, multiplier: 3 };

withRouters(
  "FRR and BIRD exchange routes, watch each other by BFD, and tell why they part",
  ["frr", "bird"],
  async () => {
    await RouterLab.with(async (lab) => {
      const [left, right] = [lab.machine("frr"), lab.machine("bird")];
      const toRight = neighbor(right.station.ip4, 65002, { bfd: BFD, password: "pass" });
      const toLeft = neighbor(left.station.ip4, 65001, { bfd: BFD, password: "pass" });
      const frr = await lab.router(
        "frr",
        config(65001, 1, { neighbors: [toRight], originate: ["10.77.0.1/32", "fd77::1/128"] }),
        left,
      );
      const bird = await lab.router(
        "bird",
        config(65002, 2, { neighbors: [toLeft], originate: ["10.88.0.1/32", "fd88::1/128"] }),
        right,
      );
      await frr.waitUp(toRight.peer, UP_MS);
      await bird.waitUp(toLeft.peer, UP_MS);
      const [path] = (await frr.waitPaths("10.88.0.1/32", 1, 5000)).value;
      assert.deepEqual([path?.nextHops, path?.asPath, path?.from], [[right.station.ip4], [65002], right.station.ip4]);
      const [back] = (await bird.waitPaths("10.77.0.1/32", 1, 5000)).value;
      assert.deepEqual([back?.nextHops, back?.asPath, back?.from], [[left.station.ip4], [65001], left.station.ip4]);
      await frr.waitPaths("fd88::1/128", 1, 5000);
      assert.deepEqual((await frr.waitKernel("10.88.0.1/32", 1, 5000)).value, [right.station.ip4]);
      await bird.waitPaths("fd77::1/128", 1, 5000);
      assert.deepEqual((await bird.waitKernel("10.77.0.1/32", 1, 5000)).value, [left.station.ip4]);
      for (const [router, peer] of [[frr, toRight.peer], [bird, toLeft.peer]] as const) {
        await router.waitFor("BFD up", 10_000, async () => (await router.session(peer)).bfd === "up" ? true : null);
      }
      await frr.shutdownNeighbor(toRight.peer, "maintenance of tonight");
      await bird.waitDown(toLeft.peer, 5000);
      assert.match((await bird.session(toLeft.peer)).lastReset, /Administrative shutdown; maintenance of tonight/);
      await frr.enableNeighbor(toRight.peer);
      await frr.waitUp(toRight.peer, UP_MS);
      await bird.clearSession(toLeft.peer);
      await frr.waitUp(toRight.peer, UP_MS);
      await bird.shutdownNeighbor(toLeft.peer, "good night");
      await frr.waitDown(toRight.peer, 5000);
      assert.match((await frr.session(toRight.peer)).lastReset, /good night/);
    });
  },
);

const KINDS: readonly RouterKind[] = ["bird", "gobgp", "openbgpd"];

withRouters("FRR exchanges routes with all others", ["frr", ...KINDS], async () => {
  await RouterLab.with(async (lab) => {
    const middle = lab.machine("frr");
    const others = KINDS.map((kind, index) => ({ kind, machine: lab.machine(kind), as: 65002 + index, index }));
    const frr = await lab.router(
      "frr",
      config(65001, 1, {
        neighbors: others.map(({ machine, as }) => neighbor(machine.station.ip4, as)),
        originate: ["10.77.0.1/32", "fd77::1/128"],
      }),
      middle,
    );
    for (const { kind, machine, as, index } of others) {
      const own = [`10.88.0.${index + 1}/32`, `fd88::${index + 1}/128`];
      const neighbors = [neighbor(middle.station.ip4, 65001)];
      const router = await lab.router(kind, config(as, index + 2, { neighbors, originate: own }), machine);
      await router.waitUp(middle.station.ip4, UP_MS);
      await frr.waitPaths(own[0] ?? "", 1, 5000);
      for (const prefix of ["10.77.0.1/32", "fd77::1/128"]) {
        const { value: [path] } = await router.waitPaths(prefix, 1, 5000);
        assert.deepEqual(path?.asPath, [65001], kind);
      }
      await frr.shutdownNeighbor(machine.station.ip4, `farewell ${kind}`);
      await router.waitDown(middle.station.ip4, 5000);
      assert.ok(router.log.some((line) => line.includes(`farewell ${kind}`)), kind);
    }
  });
});
