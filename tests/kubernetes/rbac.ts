/** What the product may do: the rules of its `manifest rbac`, and Events, which it writes when the holder changes. */

import { sleep } from "../lab/time.ts";
import { at, type Parsed } from "../manifest/parsed.ts";
import type { ApiClient } from "./api_client.ts";
import { apply, remove } from "./apply.ts";
import type { ApiServerCluster } from "./cluster.ts";
import { CONTROL_PLANE_LEASE, leasesPath } from "./lease.ts";
import { nodeUser } from "./users.ts";

const NAME = "system:kube-vip-role";
const GROUP = "rbac.authorization.k8s.io";
const READ = ["list", "get", "watch"] as const;

/** The rules of a control plane and of Services with their addresses. */
export const RULES = [
  { apiGroups: [""], resources: ["services/status"], verbs: ["update"] },
  { apiGroups: [""], resources: ["services", "endpoints"], verbs: [...READ, "update"] },
  { apiGroups: [""], resources: ["nodes"], verbs: [...READ, "update", "patch"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [...READ, "update", "create"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: [...READ, "update"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
  { apiGroups: ["networking.k8s.io"], resources: ["servicecidrs"], verbs: READ },
  { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
] as const;

/** Gives some users the role, as administrator. */
export async function allowNodes(admin: ApiClient, users: readonly string[]): Promise<void> {
  const path = `/apis/${GROUP}/v1`;
  await admin.demand("POST", `${path}/clusterroles`, { body: { metadata: { name: NAME }, rules: RULES } });
  await admin.demand("POST", `${path}/clusterrolebindings`, {
    body: {
      metadata: { name: NAME },
      roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: NAME },
      subjects: users.map((name) => ({ apiGroup: GROUP, kind: "User", name })),
    },
  });
}

const PATIENCE_MS = 30_000;
const POLL_MS = 50;

/**
 * Takes the role away from the nodes and gives them what a manifest grants to its service account instead; resolves when every server
 * knows.
 */
export async function narrowRights(cluster: ApiServerCluster, manifest: readonly Parsed[]): Promise<void> {
  const { admin } = cluster;
  await admin.demand("DELETE", `/apis/${GROUP}/v1/clusterrolebindings/${NAME}`);
  await admin.demand("DELETE", `/apis/${GROUP}/v1/clusterroles/${NAME}`);
  await grantRights(cluster, manifest);
}

/** Gives nodes without rights what a manifest grants to its service account; resolves when every server knows. */
export async function grantRights(cluster: ApiServerCluster, manifest: readonly Parsed[]): Promise<void> {
  const { admin, servers } = cluster;
  const subjects = servers.map(({ machine }) => ({ apiGroup: GROUP, kind: "User", name: nodeUser(machine) }));
  await eachAnswers(cluster, LEASE_PATH, (status) => status === 403);
  for (const object of manifest) {
    const bound = at(object, "subjects") === undefined ? object : { ...object, subjects };
    await apply(admin, bound, { dryRun: false });
  }
  await eachAnswers(cluster, LEASE_PATH, (status) => status !== 403);
  if (!mayListNodes(manifest)) return;
  await eachAnswers(cluster, "/api/v1/nodes", (status) => status !== 403);
}

/** Takes back what {@link grantRights} has given. */
export async function revokeRights({ admin }: ApiServerCluster, manifest: readonly Parsed[]): Promise<void> {
  for (const object of manifest) await remove(admin, object);
}

function mayListNodes(manifest: readonly Parsed[]): boolean {
  const rules = manifest.flatMap((object) => (at(object, "rules") ?? []) as Record<"resources" | "verbs", string[]>[]);
  return rules.some(({ resources, verbs }) => resources.includes("nodes") && verbs.includes("list"));
}

const LEASE_PATH = `${leasesPath(CONTROL_PLANE_LEASE.namespace)}/${CONTROL_PLANE_LEASE.name}`;

/** Waits until every server answers the node beside it so when it is asked for something. */
async function eachAnswers(
  { servers }: ApiServerCluster,
  path: string,
  wanted: (status: number) => boolean,
): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (const server of servers) {
    const user = server.client(nodeUser(server.machine));
    while (!wanted((await user.request("GET", path)).status)) {
      if (performance.now() > untilMs) throw new Error(`${server.name} does not know of the rights`);
      await sleep(POLL_MS);
    }
  }
}
