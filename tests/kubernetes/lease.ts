/** A Lease (coordination.k8s.io/v1) as the administrator sees it and spoils it. */

import type { ApiClient } from "./api_client.ts";

/** Which Lease. */
export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

/** The fields of a Lease's spec; each may be absent. Times are RFC 3339 with microseconds. */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** A Lease and the version it was read at. */
export interface LeaseRecord {
  readonly resourceVersion: string;
  readonly spec: LeaseSpec;
}

/** The one that decides who holds the control plane's addresses, if nobody chose another. */
export const CONTROL_PLANE_LEASE: LeaseName = { namespace: "kube-system", name: "plndr-cp-lock" };

const BLANK = {
  holderIdentity: null,
  leaseDurationSeconds: null,
  acquireTime: null,
  renewTime: null,
  leaseTransitions: null,
};

/** The path of all Leases of a namespace. */
export function leasesPath(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}

/**
 * The path that watches one Lease from a version on. That of the Lease itself will not do after a restart of the server, which then knows
 * nothing so old; {@link leasesVersion} will. Without the name in it a watch would show the servers' own Leases too.
 */
export function watchPath({ namespace, name }: LeaseName, resourceVersion: string): string {
  return `${leasesPath(namespace)}?watch=1&fieldSelector=metadata.name%3D${name}&resourceVersion=${resourceVersion}`;
}

/** The version that the Leases of a namespace are at. */
export async function leasesVersion(admin: ApiClient, namespace: string): Promise<string> {
  const list = await admin.demand("GET", leasesPath(namespace));
  return (list as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

/** The Lease; null if there is none. */
export async function readLease(admin: ApiClient, lease: LeaseName): Promise<LeaseRecord | null> {
  const { status, body } = await admin.request("GET", pathOf(lease));
  if (status === 404) return null;
  if (status !== 200) throw new Error(`cannot read ${lease.name}: ${status} ${JSON.stringify(body)}`);
  const { metadata, spec } = body as { metadata: { resourceVersion: string }; spec?: LeaseSpec };
  return { resourceVersion: metadata.resourceVersion, spec: spec ?? {} };
}

/** Makes it look as if `holder` had just taken it, as client-go would; there need not be one. */
export async function giveLease(
  admin: ApiClient,
  lease: LeaseName,
  to: { holder: string; durationSeconds: number },
): Promise<void> {
  const before = await readLease(admin, lease);
  const now = microTime(Date.now());
  const spec: LeaseSpec = {
    holderIdentity: to.holder,
    leaseDurationSeconds: to.durationSeconds,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: (before?.spec.leaseTransitions ?? 0) + 1,
  };
  if (before !== null) return await patch(admin, lease, spec);
  const body = { metadata: { name: lease.name }, spec };
  await admin.demand("POST", leasesPath(lease.namespace), { body });
}

/** Empties every field, whoever holds it. */
export async function blankLease(admin: ApiClient, lease: LeaseName): Promise<void> {
  await patch(admin, lease, BLANK);
}

/** Deletes it, whoever holds it. One that is not there is left so. */
export async function deleteLease(admin: ApiClient, lease: LeaseName): Promise<void> {
  const { status, body } = await admin.request("DELETE", pathOf(lease));
  if (status !== 200 && status !== 404) throw new Error(`cannot delete ${lease.name}: ${JSON.stringify(body)}`);
}

/** As Kubernetes writes a MicroTime. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}

/** Without a resourceVersion: it wins against whoever renews at the same time. */
async function patch(admin: ApiClient, lease: LeaseName, spec: object): Promise<void> {
  await admin.demand("PATCH", pathOf(lease), { body: { spec }, contentType: "application/merge-patch+json" });
}

function pathOf({ namespace, name }: LeaseName): string {
  return `${leasesPath(namespace)}/${name}`;
}
