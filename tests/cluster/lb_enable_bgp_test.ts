/** `lb_enable` where every node announces the addresses by BGP: each of them balances. */

import assert from "node:assert/strict";
import { API_PORT } from "../kubernetes/flags.ts";
import { tablesOf } from "../lab/network.ts";
import type { LabNode } from "../lab/node.ts";
import { FAMILIES, type Family } from "../lab/records.ts";
import { sleep } from "../lab/time.ts";
import { PATIENCE_MS } from "../routers/scenarios.ts";
import { VIP_4, VIP_6 } from "../routers/world.ts";
import { CALLER, makeNode, servedBy } from "./balanced.ts";
import {
  bgpEnv,
  type BgpWorld,
  last,
  peerOf,
  startAll,
  statusOf,
  waitHops,
  withBgpWorld,
  withNodes,
  without,
} from "./bgp_kit.ts";

const TABLE = "inet kube-vip-balance";
const HOSTS: Readonly<Record<Family, string>> = { 4: VIP_4, 6: `[${VIP_6}]` };

/** Waits until these servers are in use on each of the nodes. */
async function balances(nodes: readonly LabNode[], servers: readonly LabNode[]): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (const node of nodes) {
    for (;;) {
      const { balancers: [balancer] } = await statusOf(node);
      const up = balancer?.backends.filter(({ state }) => state === "up").length;
      if (up === 2 * servers.length) break;
      if (performance.now() > untilMs) throw new Error(`${node.name} does not balance: ${JSON.stringify(balancer)}`);
      await sleep(50);
    }
  }
}

/** Of three nodes one gets at least that many of them, and gives one to each of three servers. */
const CALLS = 9;

/** Connections of a client behind the router go to these servers, by whichever nodes the router leads them. */
async function spread({ lab, cluster, client }: BgpWorld, servers: readonly LabNode[], round: string): Promise<void> {
  const authority = `${lab.directory}/client-ca.crt`;
  Deno.writeTextFileSync(authority, cluster.users.authority.certificate);
  for (const family of FAMILIES) {
    const mark = `${round}family${family}x`;
    const words = [authority, "ask", `${HOSTS[family]}:${API_PORT}`, mark, String(CALLS)];
    const { said } = await lab.execute(client, [...CALLER, ...words]);
    assert.deepEqual(said.trim().split("\n"), Array.from({ length: CALLS }, () => "200"), `IPv${family}`);
    const got = Object.keys(servedBy(cluster, mark)).sort();
    assert.deepEqual(got, servers.map(({ name }) => name).sort(), `IPv${family}`);
  }
}

withBgpWorld(
  "where every node announces the addresses, each leads to the API servers of all",
  ["frr"],
  async (world) => {
    const { cluster, machines } = world;
    for (const machine of machines) await makeNode(cluster.admin, machine);
    const env = { ...bgpEnv(peerOf(world, {})), "lb_enable": "true", "backend_health_check_interval": "1" };
    await withNodes(world, () => env, async (nodes) => {
      await startAll(world, nodes);
      await balances(nodes, nodes);
      await spread(world, nodes, "all");
      const victim = last(nodes);
      const rest = without(nodes, victim);
      await cluster.of(victim.machine).kill();
      await waitHops(world.router, rest);
      await balances(rest, rest);
      await spread(world, rest, "rest");
      for (const node of nodes) await node.terminate();
      for (const { machine } of nodes) assert.ok(!tablesOf(machine).includes(TABLE), machine.name);
    });
  },
);
