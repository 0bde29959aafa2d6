import assert from "node:assert/strict";
import { bounded } from "../routers/figures.ts";
import { withRouters } from "../routers/needs.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import type { SpeakerChild } from "../routers/speaker_child.ts";
import { speakerConfig, speakerPeer } from "../routers/speaker_protocol.ts";
import { neighbor, type RouterKind } from "../routers/types.ts";
import { hold, leadOver, NODE_AS, ROUTER_AS, ROUTES, VIP_4, VIP_6 } from "../routers/world.ts";
import type { Machine } from "./network.ts";
import { sleep } from "./time.ts";

/** A router takes the path of the newest holder within this time, while the hold time of the one that hangs is 9 s. */
const TAKEN_MS = 1000;
/** What a router would do wrong, it does at once. */
const WATCH_MS = 1500;

/** A router with two nodes that may hold the addresses; nobody announces them yet. */
interface Rivals {
  readonly lab: RouterLab;
  readonly router: Router;
  readonly client: Machine;
  readonly a: SpeakerChild;
  readonly b: SpeakerChild;
}

async function withRivals(
  kind: RouterKind,
  routerAs: number,
  use: (rivals: Rivals) => Promise<void>,
): Promise<void> {
  await RouterLab.with(async (lab) => {
    const border = lab.machine(kind);
    const nodes = [lab.machine("a"), lab.machine("b")] as const;
    const client = lab.machine("client");
    leadOver(client, border);
    const neighbors = nodes.map(({ station }) => neighbor(station.ip4, NODE_AS));
    const routerId = border.station.ip4;
    const config = { as: routerAs, routerId, neighbors, gracefulRestart: false, originate: [] };
    const router = await lab.router(kind, config, border);
    const begin = async (machine: Machine): Promise<SpeakerChild> => {
      hold(machine, VIP_4, VIP_6);
      const peers = [speakerPeer(routerId, routerAs)];
      const speaker = await lab.speaker(speakerConfig(NODE_AS, machine.station.ip4, { peers }), machine);
      await speaker.waitUp(routerId, PATIENCE_MS);
      return speaker;
    };
    await use({ lab, router, client, a: await begin(nodes[0]), b: await begin(nodes[1]) });
  });
}

/** Whom the router sends traffic to, by family: by its kernel where it has a way into that, else by its BGP table. */
async function chosen(router: Router): Promise<string[][]> {
  return await Promise.all(([4, 6] as const).map(async (family) => {
    if (router.installs) {
      const found = (await router.kernelRoutes(family)).find(({ prefix }) => prefix === ROUTES[family]);
      return [...found?.nextHops ?? []];
    }
    return (await router.paths(ROUTES[family])).filter(({ best }) => best).flatMap(({ nextHops }) => nextHops);
  }));
}

function only({ machine: { station } }: SpeakerChild): string[][] {
  return [[station.ip4], [station.ip6]];
}

async function waitChosen(router: Router, holder: SpeakerChild, limitMs: number): Promise<void> {
  const wanted = JSON.stringify(only(holder));
  let seen = "";
  const look = async (): Promise<true | null> => {
    seen = JSON.stringify(await chosen(router));
    return seen === wanted ? true : null;
  };
  try {
    await router.waitFor(`only ${holder.machine.name}`, limitMs, look);
  } catch (error) {
    throw new Error(`${wanted} wanted, ${seen} seen`, { cause: error });
  }
}

/** Announces under a term; the router uses that path and no other within a second. */
async function takesOver(rivals: Rivals, holder: SpeakerChild, term: number): Promise<void> {
  const { router } = rivals;
  const sort = router.config.as === NODE_AS ? "internal" : "external";
  const fromMs = performance.now();
  await holder.announceUnder(term, VIP_4, VIP_6);
  await waitChosen(router, holder, PATIENCE_MS);
  bounded(`${router.kind}, ${sort}: announced under term ${term} → the only way`, {
    tookMs: performance.now() - fromMs,
    boundMs: TAKEN_MS + SLACK_MS,
  });
}

/** Nothing else is chosen for a while. */
async function stays(router: Router, holder: SpeakerChild): Promise<void> {
  const untilMs = performance.now() + WATCH_MS;
  while (performance.now() < untilMs) {
    assert.deepEqual(await chosen(router), only(holder));
    await sleep(20);
  }
}

/** What decides in the router's BGP table, by node. */
async function ranks({ router, a, b }: Rivals, prefix: string): Promise<(number | null | undefined)[]> {
  const paths = await router.paths(prefix);
  return [a, b].map(({ machine }) => {
    const path = paths.find(({ from }) => from === machine.station.ip4);
    return router.config.as === NODE_AS ? path?.localPref : path?.med;
  });
}

async function newestWins(rivals: Rivals): Promise<void> {
  const { router, a, b } = rivals;
  const isInternal = router.config.as === NODE_AS;
  await takesOver(rivals, a, 1);
  a.pause();
  try {
    await takesOver(rivals, b, 2);
  } finally {
    a.resume();
  }
  await a.announceUnder(1, VIP_4, VIP_6);
  await stays(router, b);
  for (const prefix of Object.values(ROUTES)) {
    assert.deepEqual(await ranks(rivals, prefix), isInternal ? [101, 102] : [4294967293, 4294967292]);
  }
  await takesOver(rivals, a, 3);
  await b.withdraw(VIP_4, VIP_6);
  await b.announceUnder(2, VIP_4, VIP_6);
  await stays(router, a);
}

for (const kind of ["frr", "bird", "gobgp", "openbgpd"] satisfies RouterKind[]) {
  for (const [sort, as] of [["of another AS", ROUTER_AS], ["of our AS", NODE_AS]] as const) {
    withRouters(
      `${kind} ${sort} uses the newest holder's path at once, and that of no former one again`,
      [kind],
      () => withRivals(kind, as, newestWins),
    );
  }
}

withRouters(
  "a holder that is cut off loses its traffic at once, and does not get it back with its link",
  ["frr"],
  () =>
    withRivals("frr", ROUTER_AS, async (rivals) => {
      const { lab, router, client, a, b } = rivals;
      const answers = async (): Promise<boolean> =>
        (await lab.execute(client, ["ping", "-n", "-c", "1", "-W", "1", VIP_4])).success;
      await takesOver(rivals, a, 1);
      lab.network.cut(a.machine);
      assert.ok(!await answers(), "nobody answers while the way leads to the one that is cut off");
      await takesOver(rivals, b, 2);
      assert.ok(await answers(), "the newest holder answers");
      await router.waitDown(a.machine.station.ip4, PATIENCE_MS);
      lab.network.mend(a.machine);
      await router.waitUp(a.machine.station.ip4, PATIENCE_MS);
      const both = async (): Promise<true | null> => (await router.paths(ROUTES[4])).length === 2 ? true : null;
      await router.waitFor("both paths", PATIENCE_MS, both);
      await stays(router, b);
    }),
);
