/** `lb_enable` with a real API server on each of three nodes: who gets the connections to the addresses, and what becomes of them. */

import assert from "node:assert/strict";
import { withApiServers } from "../kubernetes/needs.ts";
import { tablesOf } from "../lab/network.ts";
import type { LabNode } from "../lab/node.ts";
import { FAMILIES } from "../lab/records.ts";
import { sleep } from "../lab/time.ts";
import { BALANCED, Balanced, INTERVAL, makeNode } from "./balanced.ts";
import { withWorld } from "./program.ts";

/** From the moment a server refuses connections. */
const REFUSED_MS = INTERVAL * 1000 + 1000;
/** From the moment it hangs: two questions of a second each, the first up to half an interval later. */
const SILENT_MS = INTERVAL * 500 + 2000 + 1000;
/** A busy machine of two processors runs three API servers, etcd and the nodes. */
const SLACK_MS = 2000;
const READY_MS = 60_000;
const TABLE = "inet kube-vip-balance";
const OTHER_PORT = 7443;

/** All but one of the nodes, and that one: the last that does not hold. */
function victimOf({ nodes }: Balanced, holder: LabNode): { victim: LabNode; rest: LabNode[] } {
  const victim = nodes.findLast((node) => node !== holder) ?? assert.fail();
  return { victim, rest: nodes.filter((node) => node !== victim) };
}

/** Six connections of each family go to these, as often to each. */
function spread(balanced: Balanced, servers: readonly LabNode[], how: Parameters<Balanced["call"]>[2] = {}): void {
  const wanted = Object.fromEntries(servers.map(({ name }) => [name, 6 / servers.length]));
  for (const family of FAMILIES) assert.deepEqual(balanced.call(family, 6, how), wanted, `IPv${family}`);
}

async function killed(balanced: Balanced): Promise<void> {
  const holder = await balanced.balancing();
  const { victim, rest } = victimOf(balanced, holder);
  const server = balanced.world.cluster.of(victim.machine);
  const opened = await Promise.all([1, 2, 3].map(() => balanced.hold(4)));
  assert.deepEqual(opened.map((one) => one.server).sort(), balanced.nodes.map(({ name }) => name).sort());
  await server.kill();
  await balanced.uses(holder, rest, REFUSED_MS + SLACK_MS);
  spread(balanced, rest);
  for (const { child, server } of opened) {
    if (server === victim.name) await child.waitForLine("ended", { limitMs: SLACK_MS });
    else assert.equal(child.status, null, "others go on");
    await child.stop("SIGKILL");
  }
  server.start();
  await server.ready(READY_MS);
  await balanced.uses(holder, balanced.nodes);
  spread(balanced, balanced.nodes);
}

async function hung(balanced: Balanced): Promise<void> {
  const holder = await balanced.balancing();
  const { victim, rest } = victimOf(balanced, holder);
  const server = balanced.world.cluster.of(victim.machine);
  const opened = await Promise.all(FAMILIES.flatMap((family) => [1, 2, 3].map(() => balanced.hold(family))));
  server.pause();
  await balanced.uses(holder, rest, SILENT_MS + SLACK_MS);
  for (const { child, server } of opened) {
    if (server === victim.name) await child.waitForLine("ended", { limitMs: SLACK_MS });
    else assert.equal(child.status, null, "others go on");
  }
  assert.equal(opened.filter(({ server }) => server === victim.name).length, 2, "one of each family");
  await Promise.all(opened.map(({ child }) => child.stop("SIGKILL")));
  spread(balanced, rest);
  server.resume();
  await balanced.uses(holder, balanced.nodes);
}

async function nodesChange(balanced: Balanced): Promise<void> {
  const holder = await balanced.balancing();
  const { victim, rest } = victimOf(balanced, holder);
  const ways: [() => Promise<void>, () => Promise<void>][] = [
    [() => balanced.setReady(victim.name, false), () => balanced.setReady(victim.name, true)],
    [() => balanced.setRole(victim.name, false), () => balanced.setRole(victim.name, true)],
    [() => balanced.removeNode(victim.name), () => makeNode(balanced.world.cluster.admin, victim.machine)],
  ];
  for (const [leave, come] of ways) {
    const opened = await Promise.all([1, 2, 3].map(() => balanced.hold(4)));
    await leave();
    await balanced.uses(holder, rest);
    spread(balanced, rest);
    assert.deepEqual(opened.map(({ child }) => child.status), [null, null, null], "what stands goes on");
    await Promise.all(opened.map(({ child }) => child.stop("SIGKILL")));
    await come();
    await balanced.uses(holder, balanced.nodes);
  }
  spread(balanced, balanced.nodes);
}

async function moves(balanced: Balanced): Promise<void> {
  const holder = await balanced.balancing();
  for (const node of balanced.nodes) {
    assert.equal(tablesOf(node.machine).includes(TABLE), node === holder, `the table of ${node.name}`);
    assert.equal(await balanced.report(node) !== undefined, node === holder, `the report of ${node.name}`);
  }
  const opened = await Promise.all([1, 2, 3].map(() => balanced.hold(4)));
  await holder.terminate();
  for (const { child } of opened) await child.waitForLine("ended", { limitMs: SLACK_MS });
  assert.ok(!tablesOf(holder.machine).includes(TABLE), "the old holder has nothing left");
  const next = await balanced.balancing();
  assert.notEqual(next, holder);
  spread(balanced, balanced.nodes);
  holder.start();
  const again = await balanced.balancing();
  await balanced.world.cluster.of(again.machine).kill();
  await balanced.uses(await other(balanced, again), balanced.nodes.filter((node) => node !== again));
  await withoutTable(again);
  const server = balanced.world.cluster.of(again.machine);
  server.start();
  await server.ready(READY_MS);
  await balanced.balancing();
}

/** A holder whose server is gone hands over, and takes back its table: the next one may be there before it is done. */
async function withoutTable(node: LabNode): Promise<void> {
  const untilMs = performance.now() + REFUSED_MS + SLACK_MS;
  while (tablesOf(node.machine).includes(TABLE)) {
    assert.ok(performance.now() < untilMs, `${node.name} has the table still`);
    await sleep(50);
  }
}

/** Waits until another node holds. */
async function other({ world: { lab } }: Balanced, before: LabNode): Promise<LabNode> {
  for (;;) {
    const holder = await lab.settled();
    if (holder !== before) return holder;
  }
}

async function otherPort(balanced: Balanced): Promise<void> {
  for (const node of balanced.nodes) await node.terminate();
  for (const node of balanced.nodes) assert.deepEqual(tablesOf(node.machine), []);
  balanced.setPort(OTHER_PORT);
  for (const node of balanced.nodes) node.start();
  const holder = await balanced.balancing();
  spread(balanced, balanced.nodes, { port: OTHER_PORT });
  assert.deepEqual(balanced.call(4, 3), { [holder.name]: 3 }, "the servers' own port is not balanced then");
}

/** What is shown, in this order. */
const STEPS: Readonly<Record<string, (balanced: Balanced) => Promise<void>>> = {
  "clients of both addresses reach every API server in turn, also from the nodes themselves": async (balanced) => {
    const holder = await balanced.balancing();
    spread(balanced, balanced.nodes);
    spread(balanced, balanced.nodes, { from: holder.machine });
    const other = balanced.nodes.find((node) => node !== holder) ?? assert.fail();
    spread(balanced, balanced.nodes, { from: other.machine });
  },
  "a server that is killed gets nothing within the interval, and connections again when it is back": killed,
  "connections to a server that hangs end": hung,
  "a Node that is not ready, has lost its role or is gone gets no connections; what it has goes on": nodesChange,
  "the next holder balances, and the old one has nothing left": moves,
  "clients may come by another port": otherPort,
};

/** Longer than it takes to find one server ill. */
const PAUSE_MS = 8000;
/** A holder keeps the addresses for longer than that without a Lease. */
const PATIENT = { duration: 60, renewDeadline: 45, retryPeriod: 2 };

withApiServers("when etcd pauses, and no API server is ready, connections go on", (paths) => {
  return withWorld(paths, { ...BALANCED, times: PATIENT }, async (world) => {
    const balanced = new Balanced(world);
    for (const { machine } of balanced.nodes) await makeNode(world.cluster.admin, machine);
    await world.lab.startAll();
    const holder = await balanced.balancing();
    const opened = await Promise.all(FAMILIES.flatMap((family) => [1, 2, 3].map(() => balanced.hold(family))));
    world.cluster.etcd.signal("SIGSTOP");
    await holder.child.waitForLine("No API server is well", { limitMs: PAUSE_MS });
    await sleep(PAUSE_MS);
    await balanced.uses(holder, balanced.nodes);
    assert.deepEqual(opened.map(({ child }) => child.status), opened.map(() => null));
    world.cluster.etcd.signal("SIGCONT");
    await holder.child.waitForLine("Checks of the API servers count again", { limitMs: READY_MS });
    assert.equal(await balanced.balancing(), holder);
    spread(balanced, balanced.nodes);
    assert.deepEqual(opened.map(({ child }) => child.status), opened.map(() => null));
  });
});

withApiServers("the control plane's addresses lead to the API servers of all its nodes", (paths, t) => {
  return withWorld(paths, BALANCED, async (world) => {
    const balanced = new Balanced(world);
    for (const { machine } of balanced.nodes) await makeNode(world.cluster.admin, machine);
    await world.lab.startAll();
    for (const [name, run] of Object.entries(STEPS)) {
      await t.step(name, async () => {
        try {
          await run(balanced);
        } catch (error) {
          throw new Error(world.lab.logs(), { cause: error });
        }
      });
    }
    for (const node of balanced.nodes) await node.terminate();
    for (const node of balanced.nodes) assert.deepEqual(tablesOf(node.machine), []);
  });
});
