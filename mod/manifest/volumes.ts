/** Files and directories of the machine that the container needs. */

import { secretFile, type SecretPlan } from "./secrets.ts";
import { electionType, textOf, type Values } from "./values.ts";

/** A path of the machine in the container. */
export interface Volume {
  readonly name: string;
  /** On the machine. */
  readonly path: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
  /** What has to be at `path`; null: whatever is there. */
  readonly type: "File" | "DirectoryOrCreate" | null;
}

const MOUNTED_KUBECONFIG = "/etc/kubernetes/admin.conf";

/** The kubeconfig, whatever its name, where the program looks for it first. */
export function kubeconfigVolume(values: Values): Volume {
  return {
    name: "kubeconfig",
    path: textOf(values, "k8s_config_file"),
    mountPath: MOUNTED_KUBECONFIG,
    readOnly: false,
    type: null,
  };
}

/** Everything but the kubeconfig. */
export function volumesOf(values: Values, plan: SecretPlan): readonly Volume[] {
  const file = secretFile(values, plan);
  return [
    ...(electionType(values) === "peers" ? [stateVolume(values)] : []),
    ...(file === null ? [] : [fileVolume("peer-secret", file)]),
    ...FILES.flatMap(([name, setting]) => {
      const path = textOf(values, setting);
      return path.startsWith("/") ? [fileVolume(name, path)] : [];
    }),
  ];
}

/** Files that upstream's Pod does not name, each where it is on the machine. */
const FILES: readonly (readonly [volume: string, setting: string])[] = [
  ["etcd-ca", "etcd_ca_cert"],
  ["etcd-cert", "etcd_cert"],
  ["etcd-key", "etcd_key"],
  ["config", "config_file"],
  ["bgp-password", "bgp_peerpass_file"],
];

/** Files that are in the container only if somebody adds a volume: the Pod is upstream's, which has none for them either. */
export function missingVolumes(values: Values): readonly string[] {
  const path = textOf(values, CA_PATH);
  const known = [MOUNTED_KUBECONFIG, ...FILES.map(([, setting]) => textOf(values, setting))];
  return path === "" || known.includes(path)
    ? []
    : [`${CA_PATH}: ${path} is a path in the container; add a volume for it`];
}

const CA_PATH = "control_plane_health_check_ca_path";

/** A vote that is forgotten in a restart could be given twice: the election's state outlives the container. */
function stateVolume(values: Values): Volume {
  const path = textOf(values, "vip_statedir");
  return { name: "state", path, mountPath: path, readOnly: false, type: "DirectoryOrCreate" };
}

function fileVolume(name: string, path: string): Volume {
  return { name, path, mountPath: path, readOnly: true, type: "File" };
}
