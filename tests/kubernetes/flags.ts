/** The command lines of etcd and the API servers, as light as real ones can be. */

import type { ProgramPaths } from "./build.ts";

/** Where clients reach a node's API server. */
export const API_PORT = 6443;
/** Where it really listens, on its node's loopback; {@link API_PORT} leads there. */
export const DIRECT_PORT = 6444;
export const ETCD_PORT = 2379;
/** The cluster's own address of the Service `kubernetes`. */
export const SERVICE_ADDRESS = "10.96.0.1";

/** Files that all servers of a cluster share. */
export interface ServerFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly tokenPublicKey: string;
  readonly tokenPrivateKey: string;
  readonly tokens: string;
  readonly auditPolicy: string;
}

/** What differs between the servers. */
export interface ServerPlace {
  readonly etcdUrl: string;
  readonly advertise: string;
  readonly auditLog: string;
  /** For what it writes itself. */
  readonly directory: string;
}

/** Admission that has nothing to do here and would watch for it: there are no controllers, and no Pod is ever run. */
const NO_ADMISSION = [
  "ServiceAccount",
  "LimitRanger",
  "ResourceQuota",
  "RuntimeClass",
  "PodSecurity",
  "Priority",
  "DefaultTolerationSeconds",
  "StorageObjectInUseProtection",
  "PersistentVolumeClaimResize",
  "DefaultStorageClass",
  "DefaultIngressClass",
  "ClusterTrustBundleAttest",
  "CertificateApproval",
  "CertificateSigning",
  "CertificateSubjectRestriction",
  "MutatingAdmissionWebhook",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionWebhook",
] as const;

/** Who asked for what, except for what the servers ask themselves. */
export const AUDIT_POLICY = JSON.stringify({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "None", users: ["system:apiserver"] }, { level: "Metadata" }],
});

/** How to start etcd at an address, keeping its data in a folder. */
export function etcdCommand(paths: ProgramPaths, place: { url: string; directory: string }): string[] {
  return [
    paths.etcd,
    "--name=etcd",
    `--data-dir=${place.directory}`,
    `--listen-client-urls=${place.url}`,
    `--advertise-client-urls=${place.url}`,
    "--listen-peer-urls=http://127.0.0.1:2380",
    "--initial-advertise-peer-urls=http://127.0.0.1:2380",
    "--initial-cluster=etcd=http://127.0.0.1:2380",
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

/** How to start one API server. */
export function serverCommand(paths: ProgramPaths, files: ServerFiles, place: ServerPlace): string[] {
  return [
    paths.apiServer,
    `--etcd-servers=${place.etcdUrl}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${DIRECT_PORT}`,
    `--advertise-address=${place.advertise}`,
    `--cert-dir=${place.directory}`,
    `--client-ca-file=${files.authority}`,
    `--tls-cert-file=${files.certificate}`,
    `--tls-private-key-file=${files.key}`,
    `--token-auth-file=${files.tokens}`,
    `--service-account-key-file=${files.tokenPublicKey}`,
    `--service-account-signing-key-file=${files.tokenPrivateKey}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
    "--authorization-mode=RBAC",
    `--disable-admission-plugins=${NO_ADMISSION.join(",")}`,
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${place.auditLog}`,
    "--enable-priority-and-fairness=false",
    "--profiling=false",
    "--shutdown-delay-duration=0s",
  ];
}
