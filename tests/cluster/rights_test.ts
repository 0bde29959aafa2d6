/** The rights that `manifest rbac` grants are enough for the nodes, and each of them is used; and what idle nodes ask of a cluster. */

import assert from "node:assert/strict";
import { command } from "../cli/helpers.ts";
import { type ApiCall, countCalls } from "../kubernetes/audit.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import { narrowRights } from "../kubernetes/rbac.ts";
import { nodeUser } from "../kubernetes/users.ts";
import type { LabNode } from "../lab/node.ts";
import { sleep } from "../lab/time.ts";
import { at, type Parsed, parseManifest } from "../manifest/parsed.ts";
import { type ClusterFault, NODE_FAULTS, runClusterFault, SERVER_FAULTS } from "./faults.ts";
import { type LeaseSeconds, type ManagerOptions, ManagerProgram, withWorld, type World } from "./program.ts";

const TIMES: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
const FAULTS: readonly ClusterFault[] = [
  ...NODE_FAULTS.slice(0, 1),
  ...NODE_FAULTS.slice(2, 3),
  ...SERVER_FAULTS.slice(2, 3),
];

function optionsOf(election: ManagerOptions["election"]): ManagerOptions {
  return { times: TIMES, election, env: () => ({ "enable_node_labeling": "true" }) };
}

/** What `kube-vip manifest rbac` prints in the environment of a node. */
async function generated(node: LabNode, options: ManagerOptions): Promise<Parsed[]> {
  const { env } = new ManagerProgram([], options).prepare(node.place);
  const { code, out, err } = await command(["manifest", "rbac"], { env: { ...env } });
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
  for (const { name } of lab.nodes) {
    await cluster.admin.demand("POST", "/api/v1/nodes", { body: { metadata: { name } } });
  }
  cluster.audit.mark();
  await lab.startAll();
  for (const fault of FAULTS) await runClusterFault(world, fault, TIMES);
  await sleep(1000);
  const nodes = new Set(lab.nodes.map(({ machine }) => nodeUser(machine)));
  return cluster.audit.calls().filter(({ user }) => nodes.has(user));
}

for (const election of ["kubernetes", "peers"] as const) {
  withApiServers(`the generated rights suffice for every node (${election}), and none of them is idle`, (paths) => {
    const options = optionsOf(election);
    return withWorld(paths, options, async (world) => {
      const [node] = world.lab.nodes;
      assert.ok(node);
      const manifest = await generated(node, options);
      await narrowRights(world.cluster, manifest);
      const calls = await lives(world);
      console.log(
        countCalls(
          calls.map((c) => ({ ...c, user: c.name ?? "", resource: `${c.namespace}/${c.resource} ${c.code}` })),
        ),
      );
      const refused = calls.filter(({ code }) => code === 401 || code === 403);
      assert.deepEqual(refused, []);
      const rights = grantedBy(manifest);
      assert.deepEqual(rights.filter((right) => !calls.some((call) => covers(right, call))), []);
    });
  });
}
