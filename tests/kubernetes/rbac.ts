/** What the product may do: the rules of its `manifest rbac`, and Events, which it writes when the holder changes. */

import type { ApiClient } from "./api_client.ts";

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
