/** What holds with every router. Each scenario begins and ends with the session up and both addresses announced. */

import assert from "node:assert/strict";
import { sleep } from "../lab/time.ts";
import { bounded } from "./figures.ts";
import type { SpokenPeer } from "./speaker_protocol.ts";
import type { TableRoute } from "./types.ts";
import { answered, NODE_AS, ROUTES, VIP_4, VIP_6, type World } from "./world.ts";

/** Where nothing is promised. */
export const PATIENCE_MS = 20_000;
/** Promised: a router that was restarted, and a path that is whole again, have the routes within this time. */
export const BACK_MS = 2000;
/** Promised: so long after a session was reset. */
export const BACK_AFTER_RESET_MS = 3000;
/** Promised: many routes are announced, and withdrawn. */
const THOUSAND_MS = 1000;
/** A machine of two processors that runs everything at once may take so much longer than what is promised. */
export const SLACK_MS = 2000;

/** Waits until the session is up and both addresses are in the router's BGP table; the time that took. */
export async function settled({ router, speaker, peer, node }: World, limitMs = PATIENCE_MS): Promise<number> {
  const fromMs = performance.now();
  await speaker.waitUp(peer, limitMs);
  await router.waitUp(node, limitMs);
  for (const prefix of Object.values(ROUTES)) await router.waitPaths(prefix, 1, limitMs);
  return performance.now() - fromMs;
}

/** Announces both addresses; they are in the router's BGP table as they were sent. */
export async function routesArrive(world: World): Promise<void> {
  const { router, speaker, peer, node } = world;
  await speaker.waitUp(peer, PATIENCE_MS);
  const fromMs = performance.now();
  await speaker.announce(VIP_4, VIP_6);
  const four = (await router.waitPaths(ROUTES[4], 1, PATIENCE_MS)).value;
  const six = (await router.waitPaths(ROUTES[6], 1, PATIENCE_MS)).value;
  bounded(`${router.kind}: announced → both routes in the BGP table`, {
    tookMs: performance.now() - fromMs,
    boundMs: 1000 + SLACK_MS,
  });
  const plain = ({ asPath, from }: TableRoute): unknown => ({ asPath, from });
  assert.deepEqual([...four, ...six].map(plain), Array(2).fill({ asPath: [NODE_AS], from: node }));
  assert.deepEqual(four.flatMap(({ nextHops }) => nextHops), [node]);
  assert.deepEqual(six.flatMap(({ nextHops }) => nextHops), [speaker.machine.station.ip6]);
}

/** The router forwards: what the client sends to the addresses arrives at the node. */
export async function trafficFlows(world: World): Promise<void> {
  const { router, node, speaker } = world;
  assert.deepEqual((await router.waitKernel(ROUTES[4], 1, PATIENCE_MS)).value, [node]);
  assert.deepEqual((await router.waitKernel(ROUTES[6], 1, PATIENCE_MS)).value, [speaker.machine.station.ip6]);
  assert.ok(await answered(world, VIP_4), "IPv4");
  assert.ok(await answered(world, VIP_6), "IPv6");
  await speaker.withdraw(VIP_4, VIP_6);
  await router.waitKernel(ROUTES[4], 0, PATIENCE_MS);
  await router.waitKernel(ROUTES[6], 0, PATIENCE_MS);
  assert.ok(!await answered(world, VIP_4), "nothing after the withdrawal");
  await speaker.announce(VIP_4, VIP_6);
  await settled(world);
}

/** A thousand host routes come and go. */
export async function thousandRoutes({ router, speaker, node }: World): Promise<void> {
  const ips = Array.from({ length: 1000 }, (_, index) => `10.200.${index >> 8}.${index & 255}`);
  const own = Object.keys(ROUTES).length;
  const counted = async (wanted: number): Promise<true | null> =>
    (await router.session(node)).received === wanted ? true : null;
  let fromMs = performance.now();
  await speaker.announce(...ips);
  await router.waitFor("a thousand routes", PATIENCE_MS, () => counted(ips.length + own));
  bounded(`${router.kind}: 1,000 host routes announced`, {
    tookMs: performance.now() - fromMs,
    boundMs: THOUSAND_MS + SLACK_MS,
  });
  fromMs = performance.now();
  await speaker.withdraw(...ips);
  await router.waitFor("none of the thousand", PATIENCE_MS, () => counted(own));
  bounded(`${router.kind}: 1,000 host routes withdrawn`, {
    tookMs: performance.now() - fromMs,
    boundMs: THOUSAND_MS + SLACK_MS,
  });
}

/** The text that the router gives when it ends the session is in our report, and the session is back once it is wanted again. */
export async function routerTellsWhy(world: World): Promise<void> {
  const { router, speaker, peer, node } = world;
  await router.shutdownNeighbor(node, "works until four");
  const { value } = await speaker.waitReport(peer, PATIENCE_MS, ({ state }) => state !== "established");
  assert.match(value.lastError ?? "", /administrative shutdown: works until four/);
  await router.enableNeighbor(node);
  await settled(world);
}

/** Our text is in what the router knows or logs; the routes go with the goodbye, and come back with the next start. */
export async function speakerTellsWhy(world: World): Promise<void> {
  const { router, speaker, node } = world;
  const fromMs = performance.now();
  const closed = speaker.close();
  await router.waitPaths(ROUTES[4], 0, PATIENCE_MS);
  bounded(`${router.kind}: close → route gone`, { tookMs: performance.now() - fromMs, boundMs: 100 + SLACK_MS });
  await closed;
  const told = async (): Promise<true | null> => {
    const { lastReset } = await router.session(node);
    return [lastReset, ...router.log].some((text) => text.includes("kube-vip is stopping")) ? true : null;
  };
  await router.waitFor("our text", PATIENCE_MS, told);
  const againMs = performance.now();
  await speaker.again();
  await speaker.announce(VIP_4, VIP_6);
  await settled(world);
  bounded(`${router.kind}: process started → routes in the BGP table`, {
    tookMs: performance.now() - againMs,
    boundMs: 1000 + 5 * SLACK_MS,
  });
}

/** The router is restarted. */
export async function routerRestarts(world: World): Promise<void> {
  await world.router.restart();
  bounded(`${world.router.kind}: router restarted → routes back`, {
    tookMs: await settled(world),
    boundMs: BACK_MS + SLACK_MS,
  });
}

/** The router ends the session and takes it up again. */
export async function routerClears(world: World): Promise<void> {
  const { router, speaker, peer, node } = world;
  const before = (await speaker.report(peer)).established;
  const fromMs = performance.now();
  await router.clearSession(node);
  await speaker.waitReport(peer, PATIENCE_MS, ({ established }) => established > before);
  await settled(world);
  bounded(`${router.kind}: session cleared → routes back`, {
    tookMs: performance.now() - fromMs,
    boundMs: BACK_AFTER_RESET_MS + SLACK_MS,
  });
}

/** Another setting of the only peer: the session begins anew. */
export async function withPeer(world: World, change: Partial<SpokenPeer>): Promise<void> {
  const { router, speaker, config, node } = world;
  const peers = config.peers.map((peer) => ({ ...peer, ...change }));
  await speaker.reconfigure({ ...config, peers });
  // After two ends within a short time it takes no connections for a minute and more, unless somebody tells it.
  if (router.kind === "openbgpd") await router.clearSession(node);
}

/** The node hangs: the router gives it up when the hold time is over, and has it back when it goes on. */
export async function holdExpires(world: World): Promise<void> {
  const { router, speaker, peer, node } = world;
  await withPeer(world, { holdTimeMs: 3000, keepaliveMs: 1000 });
  await speaker.waitReport(peer, PATIENCE_MS, ({ stateForMs, state }) => state === "established" && stateForMs > 100);
  await settled(world);
  const fromMs = performance.now();
  speaker.pause();
  try {
    await router.waitDown(node, PATIENCE_MS);
    const tookMs = performance.now() - fromMs;
    bounded(`${router.kind}: hang → hold time of 3 s over`, { tookMs, boundMs: 3000 + SLACK_MS });
    assert.ok(tookMs > 1500, `after ${tookMs} ms already`);
    await router.waitPaths(ROUTES[4], 0, PATIENCE_MS);
  } finally {
    speaker.resume();
  }
  await settled(world);
  const { lastError } = await speaker.report(peer);
  assert.match(lastError ?? "", /hold timer expired|ended by the peer|reset|closed/i);
  await withPeer(world, {});
  await settled(world);
}

/** The wrong key keeps the session down; the right one, given to whichever side had the wrong one, brings it up. */
export async function keysMatter(world: World): Promise<void> {
  const { router, speaker, peer } = world;
  await withPeer(world, { password: "wrong" });
  await sleep(2500);
  const report = await speaker.report(peer);
  assert.notEqual(report.state, "established");
  assert.ok(report.lastError !== null && !report.lastError.includes("wrong"), report.lastError ?? "");
  const fromMs = performance.now();
  await withPeer(world, {});
  await settled(world);
  bounded(`${router.kind}: the right key → routes back`, {
    tookMs: performance.now() - fromMs,
    boundMs: BACK_MS + 2 * SLACK_MS,
  });
  const right = router.config;
  const neighbors = right.neighbors.map((neighbor) => ({ ...neighbor, password: "wrong" }));
  await router.restart({ ...right, neighbors });
  await sleep(1500);
  assert.notEqual((await speaker.report(peer)).state, "established");
  await router.restart(right);
  await settled(world);
}

/** A community of the first sort, as most routers write it. */
const COMMUNITY = { number: 65100 * 65536 + 7, text: "65100:7" } as const;
/** RFC 8326, by number or as routers name it. */
const GRACEFUL_SHUTDOWN = /^(65535:0|graceful[-_]shutdown)$/i;

/** What the settings add to the routes is in the router's table; and the wish to prefer others, before a planned end. */
export async function policyArrives(world: World): Promise<void> {
  const { router, speaker } = world;
  const policy = {
    communities: [COMMUNITY.number],
    largeCommunities: [{ global: 65100, local1: 8, local2: 9 }],
    localPref: null,
    med: 50,
    prepend: 2,
  };
  await withPeer(world, { policy });
  const look = async (prefix: string, wanted: (route: TableRoute) => boolean): Promise<TableRoute> =>
    (await router.waitFor(
      "the route as told",
      PATIENCE_MS,
      async () => (await router.paths(prefix)).find(wanted) ?? null,
    ))
      .value;
  for (const prefix of Object.values(ROUTES)) {
    const { asPath, communities, largeCommunities } = await look(prefix, ({ med }) => med === 50);
    assert.deepEqual({ asPath, communities, largeCommunities }, {
      asPath: [NODE_AS, NODE_AS, NODE_AS],
      communities: [COMMUNITY.text],
      largeCommunities: ["65100:8:9"],
    });
  }
  await speaker.drain(VIP_4);
  await look(ROUTES[4], ({ communities }) => communities.some((one) => GRACEFUL_SHUTDOWN.test(one)));
  await speaker.announce(VIP_4);
  await withPeer(world, {});
  await look(ROUTES[4], ({ communities, med }) => communities.length === 0 && med !== 50);
  await settled(world);
}
