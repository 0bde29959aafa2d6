/** The DaemonSet. */

import { type Manifest, type PodInput, podSpec } from "./pod.ts";
import { namespaceOf } from "./values.ts";
import { type Json, writeYaml } from "./write.ts";

/** What a DaemonSet is made of. */
export interface DaemonSetInput extends PodInput {
  /** Label of the program's version, like `v1.2.3`. */
  readonly version: string;
  /** Runs on control-plane nodes only, whatever their taints. */
  readonly taint: boolean;
}

/**
 * Its Pods' name label has to be in the selector, and a selector cannot be changed: with upstream's, ours replaces a DaemonSet that
 * is there, so the Pods keep `kube-vip-ds`.
 */
const SELECTOR = { "app.kubernetes.io/name": "kube-vip-ds" };

/** A DaemonSet. Ends in an empty line, as upstream's. */
export function daemonSetManifest(input: DaemonSetInput): Manifest {
  const { spec, warnings } = podSpec(input, true);
  const labels = { ...SELECTOR, "app.kubernetes.io/version": input.version };
  const manifest: Json = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "kube-vip-ds", namespace: namespaceOf(input.values), labels },
    spec: {
      selector: { matchLabels: SELECTOR },
      template: { metadata: { labels }, spec: input.taint ? { ...spec, ...CONTROL_PLANE_ONLY } : spec },
      updateStrategy: {},
    },
  };
  return { text: `${writeYaml(manifest)}\n`, warnings };
}

function hasRole(role: string): Json {
  return { matchExpressions: [{ key: `node-role.kubernetes.io/${role}`, operator: "Exists" }] };
}

/** Either label, the old or the new one, and any taint. */
const CONTROL_PLANE_ONLY: Record<string, Json> = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [hasRole("master"), hasRole("control-plane")],
      },
    },
  },
  tolerations: [{ effect: "NoSchedule", operator: "Exists" }, { effect: "NoExecute", operator: "Exists" }],
};
