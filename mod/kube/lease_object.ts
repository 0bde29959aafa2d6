/** The Lease object of coordination.k8s.io/v1 and what elections see of it. Pure. */
import type { LeaseRecord } from "../election/lease/store.ts";
import type { KubeObject } from "./api.ts";

/** The part of the object that this program reads or writes; other fields of `spec` are carried along. */
export interface KubeLease extends KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
  };
}

/** Carries {@link LeaseRecord.mark} together with the renewTime that it was written with. */
export const MARK_ANNOTATION = "kube-vip.io/mark";

/** Path of the collection of Leases in a namespace. */
export function leasesPath(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
}

/** Path of one Lease. */
export function leasePath(namespace: string, name: string): string {
  return `${leasesPath(namespace)}/${encodeURIComponent(name)}`;
}

/** What an election sees; fields that are missing are empty or 0. */
export function recordOf(lease: KubeLease): LeaseRecord {
  const spec = lease.spec ?? {};
  const renewTime = spec.renewTime ?? "";
  return {
    holder: spec.holderIdentity ?? "",
    durationSeconds: spec.leaseDurationSeconds ?? 0,
    acquireTime: spec.acquireTime ?? "",
    renewTime,
    transitions: spec.leaseTransitions ?? 0,
    mark: markOf(lease.metadata?.annotations?.[MARK_ANNOTATION] ?? "", renewTime),
  };
}

/** Other programs copy annotations along and change the time: then the mark is not about this record. */
function markOf(annotation: string, renewTime: string): string | null {
  const at = annotation.lastIndexOf("@");
  if (at < 0 || renewTime === "" || annotation.slice(at + 1) !== renewTime) return null;
  return annotation.slice(0, at);
}

/** A new object for `record`. */
export function newLease(
  record: LeaseRecord,
  where: { readonly namespace: string; readonly name: string; readonly annotations: Readonly<Record<string, string>> },
): KubeLease {
  const { namespace, name, annotations } = where;
  const empty = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { namespace, name } };
  return withRecord(empty, record, annotations);
}

/** `base` with `record` in it: everything else of metadata and spec stays as it is. */
export function withRecord(
  base: KubeLease,
  record: LeaseRecord,
  annotations: Readonly<Record<string, string>>,
): KubeLease {
  const { holder, durationSeconds, acquireTime, renewTime, transitions, mark } = record;
  const kept = Object.entries(base.metadata?.annotations ?? {}).filter(([name]) => name !== MARK_ANNOTATION);
  const marked = mark === null ? {} : { [MARK_ANNOTATION]: `${mark}@${renewTime}` };
  const all = { ...Object.fromEntries(kept), ...annotations, ...marked };
  return {
    ...base,
    metadata: { ...base.metadata, ...(Object.keys(all).length > 0 ? { annotations: all } : {}) },
    spec: {
      ...base.spec,
      holderIdentity: holder,
      leaseDurationSeconds: durationSeconds,
      // The server refuses times that are empty.
      acquireTime: acquireTime === "" ? null : acquireTime,
      renewTime: renewTime === "" ? null : renewTime,
      leaseTransitions: transitions,
    },
  };
}
