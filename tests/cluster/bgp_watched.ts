/** What is asked of nodes whose sessions have a key, and whose paths BFD watches. */

import assert from "node:assert/strict";
import { command } from "../cli/helpers.ts";
import { stateDirectory } from "../lab/daemon.ts";
import type { LabNode } from "../lab/node.ts";
import { sharedNow, sleep } from "../lab/time.ts";
import { bounded } from "../routers/figures.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { ROUTER_AS, VIP_4, VIP_6 } from "../routers/world.ts";
import {
  type BgpWorld,
  carrierOf,
  last,
  longestMs,
  type Scenario,
  sessionOf,
  startAll,
  statusOf,
  waitHops,
  without,
} from "./bgp_kit.ts";

/** TCP-MD5. */
export const PASSWORD = "0nlyTheRoutersKnowThis";
/** The issue asks for 250 ms of a machine that has nothing else to do. */
const CUT_MS = 1000;
const YOUNG_MS = 1200;
const NOTICED_MS = 200;

/** The cable of the node that the client's requests arrive at is pulled and put back. */
export const cablePulled: Scenario = async (world, nodes) => {
  const { lab, router, pings } = world;
  await startAll(world, nodes);
  await watched(world, nodes);
  const victim = await carrierOf(nodes);
  pings.clear();
  const fromMs = sharedNow();
  lab.network.cut(victim.machine);
  try {
    await waitHops(router, without(nodes, victim));
    await pings.steady(PATIENCE_MS);
  } finally {
    lab.network.mend(victim.machine);
  }
  const mendedMs = performance.now();
  const tookMs = longestMs(pings, fromMs);
  bounded("cable of the carrying node pulled, BFD of 50 ms × 3 → outage of the client", { tookMs, boundMs: CUT_MS });
  await waitHops(router, nodes);
  bounded("cable back → a way over the node", { tookMs: performance.now() - mendedMs, boundMs: 2000 + SLACK_MS });
};

/** The process of the node that the client's requests arrive at hangs; its kernel would go on answering for a while. */
export const hangs: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  await startAll(world, nodes);
  await watched(world, nodes);
  const victim = await carrierOf(nodes);
  pings.clear();
  const fromMs = sharedNow();
  victim.pause();
  try {
    await waitHops(router, without(nodes, victim));
  } finally {
    victim.resume();
  }
  bounded("process hangs, BFD of 50 ms × 3 → ways over the others only", {
    tookMs: sharedNow() - fromMs,
    boundMs: NOTICED_MS + SLACK_MS,
  });
  const resumedMs = performance.now();
  await waitHops(router, nodes);
  bounded("process goes on → a way over its node", { tookMs: performance.now() - resumedMs, boundMs: 3000 + SLACK_MS });
  bounded("process hangs and goes on → outage of the client", { tookMs: longestMs(pings, fromMs), boundMs: CUT_MS });
};

/** BFD watches every path, and the sessions are not young any more. */
async function watched({ router }: BgpWorld, nodes: readonly LabNode[]): Promise<void> {
  for (const node of nodes) {
    await router.waitFor(`BFD of ${node.name} up`, PATIENCE_MS, async () => {
      const { bfd, stateForMs } = await sessionOf(node);
      const theirs = (await router.session(node.machine.station.ip4)).bfd;
      return bfd === "up" && theirs === "up" && stateForMs > YOUNG_MS ? true : null;
    });
  }
}

/** Its process is killed: BFD stops, too, so that the router goes on over the others. */
export const restartWithBfd: Scenario = async (world, nodes) => {
  const { router, pings } = world;
  await startAll(world, nodes);
  await watched(world, nodes);
  const victim = await carrierOf(nodes);
  pings.clear();
  const fromMs = sharedNow();
  await victim.kill();
  victim.start();
  await victim.ready(PATIENCE_MS);
  await router.waitUp(victim.machine.station.ip4, PATIENCE_MS);
  await waitHops(router, nodes);
  bounded("with BFD: process killed and started again → ways over all nodes", {
    tookMs: sharedNow() - fromMs,
    boundMs: 3000 + SLACK_MS,
  });
  await sleep(1000);
  bounded("with BFD: process killed and started again → outage of the client", {
    tookMs: longestMs(pings, fromMs),
    boundMs: 1000,
  });
};

/** Whatever shows sessions shows them, and nothing shows the key. */
export const sessionsAreSeen: Scenario = async (world, nodes) => {
  await startAll(world, nodes);
  await watched(world, nodes);
  const node = last(nodes);
  const peer = `${world.router.machine.station.ip4}:179`;
  const { routing: { bgp: [session] }, vips } = await statusOf(node);
  assert.deepEqual(vips.map(({ ip, heldHere }) => [ip, heldHere]), [[VIP_4, true], [VIP_6, true]]);
  assert.deepEqual(
    [session?.name, session?.state, session?.remoteAs, session?.prefixesSent, session?.bfd],
    [peer, "established", ROUTER_AS, 2, "up"],
  );
  const { table, metrics, dump } = await shownBy(world, node);
  assert.match(table, /established/);
  assert.ok(metrics.includes(`kube_vip_manager_bgp_session_info{state="SESSION_STATE_ESTABLISHED",peer="${peer}"} 1`));
  assert.ok(metrics.includes(`kube_vip_bgp_prefixes_sent{peer="${peer}"} 2`));
  assert.ok(metrics.includes(`kube_vip_bfd_up{peer="${peer}"} 1`));
  assert.match(dump, new RegExp(`Peer 1: ${peer} \\(AS: ${ROUTER_AS}, MultiHop: false\\), established for .*BFD up`));
  assert.match(dump, new RegExp(`Path: ${VIP_4}/32`));
};

/** What `kube-vip status`, the metrics and the dump say; neither they nor the logs, or what `ps` shows, have the key in them. */
export async function shownBy(
  world: BgpWorld,
  node: LabNode,
): Promise<{ readonly table: string; readonly metrics: string; readonly dump: string }> {
  const { code, out: table, err } = await command(["status", "--stateDir", stateDirectory(node.place.directory)]);
  assert.deepEqual([code, err], [0, ""]);
  const metrics = await metricsOf(world, node);
  node.child.signal("SIGUSR1");
  await node.child.waitForLine("END OF CONFIGURATION DUMP", { limitMs: PATIENCE_MS });
  // The log, too.
  const dump = node.log.join("\n");
  const status = JSON.stringify(await statusOf(node));
  const commandLine = Deno.readTextFileSync(`/proc/${node.child.pid}/cmdline`);
  for (const text of [table, metrics, dump, status, commandLine]) {
    for (const secret of [PASSWORD, btoa(PASSWORD)]) assert.ok(!text.includes(secret), "the password is shown");
  }
  return { table, metrics, dump };
}

/** The metrics of a node. */
async function metricsOf({ lab }: BgpWorld, { machine }: LabNode): Promise<string> {
  const script = 'console.log(await (await fetch("http://127.0.0.1:2112/metrics")).text())';
  const { success, said } = await lab.execute(machine, [Deno.execPath(), "eval", "--no-lock", script]);
  assert.ok(success, said);
  return said;
}
