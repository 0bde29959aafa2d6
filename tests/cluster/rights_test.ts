/** The rights that `manifest rbac` grants are enough for the nodes, and each of them is used. */

import assert from "node:assert/strict";
import { command } from "../cli/helpers.ts";
import type { ApiCall } from "../kubernetes/audit.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import { grantRights, narrowRights, revokeRights } from "../kubernetes/rbac.ts";
import { nodeUser } from "../kubernetes/users.ts";
import type { LabNode } from "../lab/node.ts";
import { sleep } from "../lab/time.ts";
import { at, type Parsed, parseManifest } from "../manifest/parsed.ts";
import { makeNode } from "./balanced.ts";
import { annotatedEnv, annotations } from "./bgp_annotated.ts";
import {
  bgpEnv,
  type BgpWorld,
  type Env,
  last,
  peerOf,
  statusOf,
  tableEnv,
  waitBare,
  withBgpWorld,
  withNodes,
} from "./bgp_kit.ts";
import { PASSWORD } from "./bgp_watched.ts";
import { type ClusterFault, NODE_FAULTS, runClusterFault, SERVER_FAULTS } from "./faults.ts";
import { type LeaseSeconds, type ManagerOptions, ManagerProgram, withWorld, type World } from "./program.ts";

const TIMES: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
const SECRETS = ["0nlyTheMembersKnowThis", "0nlyTheRoutersKnowThis"] as const;

/** A crash, an orderly stop, and a holder whose server hangs, so that it gives its Lease back at another one. */
const FAULTS: readonly ClusterFault[] = [
  ...NODE_FAULTS.slice(0, 1),
  ...NODE_FAULTS.slice(2, 3),
  ...SERVER_FAULTS.slice(2, 3),
];

const PATIENCE_MS = 30_000;

function optionsOf(election: ManagerOptions["election"]): ManagerOptions {
  return { times: TIMES, election, env: () => ({ "enable_node_labeling": "true", "lb_enable": "true" }) };
}

/** What `kube-vip manifest rbac` prints in the environment of a node. */
async function generated(
  { cluster }: Pick<World, "cluster">,
  options: ManagerOptions,
  flags: readonly string[] = [],
): Promise<Parsed[]> {
  const stations = cluster.servers.map(({ machine }) => machine.station);
  const [local] = stations;
  assert.ok(local);
  const { env } = new ManagerProgram([], options).prepare({ local, nodes: stations, directory: "/etc/kubernetes" });
  const { code, out, err } = await command(["manifest", "rbac", ...flags], { env: { ...env } });
  assert.deepEqual([code, err], [0, ""]);
  return parseManifest(out);
}

/** Every right of a manifest: `verb resource namespace/name`, `*` where any will do. */
function grantedBy(manifest: readonly Parsed[]): string[] {
  return manifest.flatMap((object) => {
    const namespace = String(at(object, "metadata", "namespace") ?? "*");
    const rules = (at(object, "rules") ?? []) as Record<
      "resources" | "verbs" | "resourceNames",
      string[] | undefined
    >[];
    return rules.flatMap(({ resources = [], verbs = [], resourceNames = ["*"] }) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => resourceNames.map((name) => `${verb} ${resource} ${namespace}/${name}`))
      )
    );
  });
}

function covers(right: string, { verb, resource, namespace, name }: ApiCall): boolean {
  const [allowedVerb, allowedResource, object = ""] = right.split(" ");
  const [allowedNamespace, allowedName] = object.split("/");
  const fits = (allowed: string | undefined, asked: string | null): boolean => allowed === "*" || allowed === asked;
  return allowedVerb === verb && allowedResource === resource && fits(allowedNamespace, namespace) &&
    fits(allowedName, name);
}

async function lives(world: World): Promise<ApiCall[]> {
  const { lab, cluster } = world;
  for (const { machine } of lab.nodes) await makeNode(cluster.admin, machine);
  cluster.audit.mark();
  await lab.startAll();
  for (const fault of FAULTS) await runClusterFault(world, fault, TIMES);
  return await callsOfNodes(world);
}

/** What the nodes have asked for since the mark. */
async function callsOfNodes({ cluster }: Pick<World, "cluster">): Promise<ApiCall[]> {
  await sleep(1000);
  const nodes = new Set(cluster.servers.map(({ machine }) => nodeUser(machine)));
  return cluster.audit.calls().filter(({ user }) => nodes.has(user));
}

function refused(calls: readonly ApiCall[]): ApiCall[] {
  return calls.filter(({ code }) => code === 401 || code === 403);
}

for (const election of ["kubernetes", "peers"] as const) {
  withApiServers(`the generated rights suffice for every node, and each of them is used (${election})`, (paths) => {
    const options = optionsOf(election);
    return withWorld(paths, options, async (world) => {
      const manifest = await generated(world, options);
      await narrowRights(world.cluster, manifest);
      const calls = await lives(world);
      assert.deepEqual(refused(calls), []);
      const rights = grantedBy(manifest);
      assert.ok(rights.length > 10);
      assert.deepEqual(rights.filter((right) => !calls.some((call) => covers(right, call))), []);
    });
  });
}

/** The modes that tell routers, in which nobody is elected. */
const ROUTED: Readonly<Record<string, (world: BgpWorld) => Env>> = {
  "BGP whose peers are in annotations": annotatedEnv,
  "BGP by every node": (world) => bgpEnv(peerOf(world, { password: PASSWORD })),
  "a routing table": tableEnv,
};

/** They start, the server of one hangs and goes on (one that has just started refuses everything for a moment), and they leave. */
async function livesRouted(world: BgpWorld, env: Env): Promise<ApiCall[]> {
  const { cluster } = world;
  cluster.audit.mark();
  await withNodes(world, () => env, async (nodes) => {
    for (const node of nodes) node.start();
    await Promise.all(nodes.map((node) => serves(node)));
    const victim = last(nodes);
    const server = cluster.of(victim.machine);
    server.pause();
    await waitBare(victim.machine);
    server.resume();
    await serves(victim);
  });
  return await callsOfNodes(world);
}

/** Waits until a node has the addresses and, where there are sessions, a router knows of them. */
async function serves(node: LabNode): Promise<void> {
  await node.ready(PATIENCE_MS);
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { vips, routing: { bgp, routes } } = await statusOf(node);
    const told = bgp.some(({ prefixesSent }) => prefixesSent === 2) || routes.length === 2;
    if (told && vips.every(({ heldHere }) => heldHere)) return;
    if (performance.now() > endMs) {
      throw new Error(`${node.name} does not serve: ${JSON.stringify({ vips, bgp, routes })}`);
    }
    await sleep(50);
  }
}

withBgpWorld(
  "the generated rights suffice where routers are told, and each of them is used",
  ["frr"],
  async (world, t) => {
    const { cluster, router } = world;
    for (const { name, station } of world.machines) {
      const metadata = { name, annotations: annotations(station.ip4, router.machine.station.ip4) };
      await cluster.admin.demand("POST", "/api/v1/nodes", { body: { metadata } });
    }
    await world.neighbors({ password: PASSWORD });
    let before: readonly Parsed[] | null = null;
    for (const [mode, envOf] of Object.entries(ROUTED)) {
      const env = { ...envOf(world), "enable_node_labeling": "true", "lb_enable": "true" };
      const manifest = await generated(world, { times: TIMES, election: "kubernetes", env: () => env });
      if (before === null) await narrowRights(cluster, manifest);
      else {
        await revokeRights(cluster, before);
        await grantRights(cluster, manifest);
      }
      before = manifest;
      await t.step(mode, async () => {
        const calls = await livesRouted(world, env);
        assert.deepEqual(refused(calls), []);
        const rights = grantedBy(manifest);
        assert.ok(rights.length >= 3, rights.join());
        assert.deepEqual(rights.filter((right) => !calls.some((call) => covers(right, call))), []);
      });
    }
  },
);

withApiServers("with the rights that the Go kube-vip had, nothing is missing but Events", (paths) => {
  const options = optionsOf("kubernetes");
  return withWorld(paths, options, async (world) => {
    await narrowRights(world.cluster, await generated(world, options, ["--upstream-rbac"]));
    const missed = refused(await lives(world)).map(({ verb, resource }) => `${verb} ${resource}`);
    assert.deepEqual([...new Set(missed)], ["create events"]);
  });
});

/** Two questions in 0.7 s for the health of the server, and the poll or the renewal of the Lease. */
const CALLS_PER_SECOND = 4;
const IDLE_MS = 10_000;

withApiServers("idle nodes ask only for their server's health and the Lease, and not often", (paths) => {
  const times = { duration: 15, renewDeadline: 10, retryPeriod: 2 };
  return withWorld(paths, { times, election: "kubernetes" }, async ({ lab, cluster }) => {
    await lab.startAll();
    const holder = await lab.settled();
    await sleep(1000);
    cluster.audit.mark();
    await sleep(IDLE_MS);
    const calls = cluster.audit.calls();
    for (const node of lab.nodes) {
      const own = calls.filter(({ user }) => user === nodeUser(node.machine));
      const kinds = new Set(own.map(({ verb, resource }) => `${verb} ${resource}`));
      const renewal = node === holder ? ["update leases"] : [];
      assert.deepEqual([...kinds].sort(), ["get /livez", "get leases", ...renewal]);
      assert.ok(own.length > 0 && own.length <= CALLS_PER_SECOND * IDLE_MS / 1000, `${node.name}: ${own.length}`);
    }
  });
});

withApiServers("secrets are in no log, dump, page or command line", (paths) => {
  const [peers, routers] = SECRETS;
  const env = (): Record<string, string> => ({
    "vip_peersecret": peers,
    "bgp_peerpass": routers,
    "bgp_peers": `192.0.2.1:65000:${routers}:false`,
    "vip_loglevel": "-4",
  });
  return withWorld(paths, { times: TIMES, election: "peers", env }, async ({ lab }) => {
    await lab.startAll();
    const holder = await lab.settled();
    holder.child.signal("SIGUSR1");
    await holder.child.waitForLine("END OF CONFIGURATION DUMP", { limitMs: PATIENCE_MS });
    const dumped = holder.log.join("\n");
    assert.match(dumped, /LEADER ELECTION CONFIGURATION/);
    const script =
      'for (const path of ["metrics", ""]) console.log(await (await fetch("http://127.0.0.1:2112/" + path)).text())';
    const pages = lab.execute(holder.machine, [Deno.execPath(), "eval", "--no-lock", script]);
    assert.match(pages, /kube_vip_build_info/);
    const commandLine = Deno.readTextFileSync(`/proc/${holder.child.pid}/cmdline`);
    await holder.terminate();
    for (const text of [lab.logs(), dumped, pages, commandLine]) {
      for (const secret of SECRETS) assert.ok(!text.includes(secret));
    }
  });
});
