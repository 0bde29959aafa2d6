/** The settings a manifest is made of, and questions about them. */

import type { SettingValue } from "../config/manager/types.ts";

/** By the first environment variable; what follows from other settings (prefix lengths, DHCP's families) is in. */
export type Values = ReadonlyMap<string, SettingValue>;

/** The namespace of everything that upstream puts nowhere else. */
export const DEFAULT_NAMESPACE = "kube-system";

/** The text of a setting; empty for none. */
export function textOf(values: Values, name: string): string {
  return values.get(name)?.text ?? "";
}

/** Whether a switch is on. */
export function isOn(values: Values, name: string): boolean {
  return textOf(values, name) === "true";
}

/** Where the objects are put: not `cp_namespace`, which is only about Leases. */
export function namespaceOf(values: Values): string {
  return textOf(values, "svc_namespace") || DEFAULT_NAMESPACE;
}

export type ElectionType = "kubernetes" | "etcd" | "peers";

/** Who decides; an unknown text is the loader's to refuse. */
export function electionType(values: Values): ElectionType {
  const text = textOf(values, "vip_leaderelectiontype");
  return text === "etcd" || text === "peers" ? text : "kubernetes";
}

/** The addresses of the control plane: `address`, else `vip_address`. */
export function addressesOf(values: Values): readonly string[] {
  const text = textOf(values, "address") || textOf(values, "vip_address");
  return text.split(",").map((one) => one.trim()).filter((one) => one !== "");
}

export type Checked = { readonly outcome: "complete" } | { readonly outcome: "incomplete"; readonly problem: string };

/** Whether a Pod can be made: with a control plane, there is an address or a name to lease one for. Texts are upstream's. */
export function checkPod(values: Values): Checked {
  const named = addressesOf(values).length > 0 || isOn(values, "vip_ddns");
  return !isOn(values, "cp_enable") || named
    ? { outcome: "complete" }
    : { outcome: "incomplete", problem: "no address is specified for kube-vip to expose services on (--address)" };
}

/** What `kubeadm init` and `join` ask for, whatever the mode. Texts are upstream's. */
export function checkKubeadm(values: Values): Checked {
  if (textOf(values, "vip_interface") === "") {
    return { outcome: "incomplete", problem: "No interface is specified for kube-vip to bind to (--interface)" };
  }
  return addressesOf(values).length > 0
    ? { outcome: "complete" }
    : { outcome: "incomplete", problem: "No address is specified for kube-vip to expose services on (--address)" };
}
