/** What the product may do: the rules of its `manifest rbac`, and Events, which it writes when the holder changes. */

import { sleep } from "../lab/time.ts";
import { at, type Parsed } from "../manifest/parsed.ts";
import type { ApiClient } from "./api_client.ts";
import { apply } from "./apply.ts";
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

const PATIENCE_MS = 10_000;
const POLL_MS = 50;

/**
 * Takes the role away from the nodes and gives them what a manifest grants to its service account instead; resolves when every server
 * knows.
 */
export async function narrowRights(cluster: ApiServerCluster, manifest: readonly Parsed[]): Promise<void> {
  const { admin, servers } = cluster;
  const subjects = servers.map(({ machine }) => ({ apiGroup: GROUP, kind: "User", name: nodeUser(machine) }));
  await admin.demand("DELETE", `/apis/${GROUP}/v1/clusterrolebindings/${NAME}`);
  await admin.demand("DELETE", `/apis/${GROUP}/v1/clusterroles/${NAME}`);
  await eachAnswers(cluster, (status) => status === 403);
  for (const object of manifest) {
    const bound = at(object, "subjects") === undefined ? object : { ...object, subjects };
    await apply(admin, bound, { dryRun: false });
  }
  await eachAnswers(cluster, (status) => status !== 403);
}

/** Waits until every server answers the node beside it so when it is asked for the Lease of the control plane. */
async function eachAnswers({ servers }: ApiServerCluster, wanted: (status: number) => boolean): Promise<void> {
  const { namespace, name } = CONTROL_PLANE_LEASE;
  const untilMs = performance.now() + PATIENCE_MS;
  for (const server of servers) {
    const user = server.client(nodeUser(server.machine));
    while (!wanted((await user.request("GET", `${leasesPath(namespace)}/${name}`)).status)) {
      if (performance.now() > untilMs) throw new Error(`${server.name} does not know of the rights`);
      await sleep(POLL_MS);
    }
  }
}
