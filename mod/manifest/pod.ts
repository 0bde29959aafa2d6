/** The Pod, alone or as the template of the DaemonSet. */

import { containerInput } from "./env.ts";
import { localPeerVariables, localPeerWarnings } from "./peers.ts";
import type { EnvVar, SecretPlan } from "./secrets.ts";
import { isOn, namespaceOf, textOf, type Values } from "./values.ts";
import { kubeconfigVolume, missingVolumes, type Volume, volumesOf } from "./volumes.ts";
import { type Json, writeYaml } from "./write.ts";

/** What a Pod is made of. */
export interface PodInput {
  readonly values: Values;
  /** A complete reference. */
  readonly image: string;
  /** Runs under a service account of the cluster instead of with the kubeconfig of its machine. */
  readonly inCluster: boolean;
  /** Secret with the passwords; null: none is named. */
  readonly secret: string | null;
}

/** A manifest, and what the person who asked for it should know. */
export interface Manifest {
  readonly text: string;
  readonly warnings: readonly string[];
}

/** A label by which all our static Pods are found; upstream's Pods have none. */
const POD_LABELS = { "app.kubernetes.io/name": "kube-vip" };

/** A Pod for the kubelet's folder of static manifests, or for the API if `inCluster`. Ends in an empty line, as upstream's. */
export function podManifest(input: PodInput): Manifest {
  const { spec, warnings } = podSpec(input, false);
  const metadata = { name: "kube-vip", namespace: namespaceOf(input.values), labels: POD_LABELS };
  return { text: `${writeYaml({ apiVersion: "v1", kind: "Pod", metadata, spec, status: {} })}\n`, warnings };
}

/** `spec` of a Pod, with what the person who asked for it should know. `everywhere`: the same for many nodes. */
export function podSpec(
  input: PodInput,
  everywhere: boolean,
): { readonly spec: Record<string, Json>; readonly warnings: readonly string[] } {
  const { values, image, inCluster } = input;
  const plan: SecretPlan = input.secret === null ? { to: "file" } : { to: "secret", name: input.secret };
  const { env, warnings } = containerInput(values, plan);
  const volumes = [...(inCluster ? [] : [kubeconfigVolume(values)]), ...volumesOf(values, plan)];
  const container: Json = {
    args: ["manager"],
    env: [...env.map(literal), ...localPeerVariables(values)].map((one) => ({ ...one })),
    image,
    imagePullPolicy: "IfNotPresent",
    name: "kube-vip",
    resources: {},
    securityContext: securityContext(values),
    ...probes(values),
    ...(volumes.length === 0 ? {} : { volumeMounts: volumes.map(mountOf) }),
  };
  const spec = {
    containers: [container],
    hostNetwork: true,
    ...(inCluster ? { serviceAccountName: "kube-vip" } : LOCAL_SERVER),
    ...(volumes.length === 0 ? {} : { volumes: volumes.map(volumeOf) }),
  };
  return { spec, warnings: [...warnings, ...localPeerWarnings(values, everywhere), ...missingVolumes(values)] };
}

/** The kubelet reads `$(name)` as a reference and `$$` as `$`: neither is meant. */
function literal(variable: EnvVar): EnvVar {
  const { value } = variable;
  return value === undefined ? variable : { ...variable, value: value.replace(/\$(?=[$(])/g, "$$$$") };
}

/** kubeadm's certificates name the API server `kubernetes`: the one of this machine, never through the address we hold. */
const LOCAL_SERVER: Record<string, Json> = { hostAliases: [{ hostnames: ["kubernetes"], ip: "127.0.0.1" }] };

/** The first port that everybody may listen on. */
const FIRST_FREE_PORT = 1024;

/** Upstream's two, and a third one where BGP listens on its own port. */
function capabilities(values: Values): readonly string[] {
  const port = Number(textOf(values, "bgp_listen_port"));
  const low = isOn(values, "bgp_enable") && port > 0 && port < FIRST_FREE_PORT;
  return ["NET_ADMIN", ...(low ? ["NET_BIND_SERVICE"] : []), "NET_RAW"];
}

/** Masquerading writes below `/proc/sys`, which only a privileged container may. */
function securityContext(values: Values): Json {
  return textOf(values, "lb_fwdmethod").toLowerCase() === "masquerade"
    ? { privileged: true }
    : { capabilities: { add: capabilities(values), drop: ["ALL"] } };
}

/**
 * Probes where there is something to ask. The first ends a process that is stuck; it has half a minute, as the kernel ends the hold
 * of such a process by itself and a restart is the lesser help.
 */
function probes(values: Values): Record<string, Json> {
  const port = Number(textOf(values, "health_check_port"));
  if (port === 0) return {};
  const times = { failureThreshold: 3, periodSeconds: 10, timeoutSeconds: 5 };
  return {
    livenessProbe: { ...times, httpGet: { path: "/healthz", port } },
    readinessProbe: { ...times, httpGet: { path: "/readyz", port } },
  };
}

function mountOf(volume: Volume): Json {
  const { name, mountPath, readOnly } = volume;
  return { mountPath, name, ...(readOnly ? { readOnly } : {}) };
}

function volumeOf(volume: Volume): Json {
  const { name, path, type } = volume;
  return { name, hostPath: { path, ...(type === null ? {} : { type }) } };
}
