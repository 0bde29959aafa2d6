/** Objects of a manifest, given to an API server as kubectl does it. */

import { at, type Parsed } from "../manifest/parsed.ts";
import type { ApiClient } from "./api_client.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** Where the API keeps each kind. */
const COLLECTIONS: Readonly<Record<string, readonly [root: string, plural: string]>> = {
  Pod: ["/api/v1", "pods"],
  DaemonSet: ["/apis/apps/v1", "daemonsets"],
  ServiceAccount: ["/api/v1", "serviceaccounts"],
  Role: [RBAC, "roles"],
  RoleBinding: [RBAC, "rolebindings"],
  ClusterRole: [RBAC, "clusterroles"],
  ClusterRoleBinding: [RBAC, "clusterrolebindings"],
};

/** As `kubectl apply --server-side --validate=strict` does it; the answer is the object as the server has it. */
export async function apply(
  admin: ApiClient,
  object: Parsed,
  options: { readonly dryRun: boolean },
): Promise<unknown> {
  const query = `fieldManager=test&force=true&fieldValidation=Strict${options.dryRun ? "&dryRun=All" : ""}`;
  const path = `${pathOf(object)}?${query}`;
  return await admin.demand("PATCH", path, { body: object, contentType: "application/apply-patch+yaml" });
}

/** Deletes the object of that kind and name. */
export async function remove(admin: ApiClient, object: Parsed): Promise<void> {
  await admin.demand("DELETE", pathOf(object));
}

function pathOf(object: Parsed): string {
  const [root, plural] = COLLECTIONS[String(object["kind"])] ?? ["", ""];
  const namespace = at(object, "metadata", "namespace");
  const place = namespace === undefined ? root : `${root}/namespaces/${namespace}`;
  return `${place}/${plural}/${at(object, "metadata", "name")}`;
}
