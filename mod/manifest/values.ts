/** The settings a manifest is made of, and questions about them. */

import type { SettingValue } from "../config/manager/types.ts";
import { parseIp } from "../net/ip.ts";

/** By canonical name: the first environment variable, or the flag of a setting without one. */
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

/**
 * The prefix lengths upstream's generator fills in when there is an `address` and no `vip_subnet`. Empty if one of the addresses is a
 * name: only the machine that will hold it knows which families the name has, and `manager` computes the same there.
 */
export function subnetOf(values: Values): string {
  const given = textOf(values, "vip_subnet");
  if (given !== "" || textOf(values, "address") === "") return given;
  const addresses = addressesOf(values).map(parseIp);
  if (addresses.includes(null)) return "";
  const has = (family: 4 | 6): boolean => addresses.some((address) => address?.family === family);
  return [has(4) ? "32" : "", has(6) ? "128" : ""].filter((one) => one !== "").join(",");
}

/** The families that DHCP is asked for: as given, else as DNS is asked; one family when DNS takes the first. */
export function dhcpModeOf(values: Values): string {
  const dns = textOf(values, "dns_mode");
  return textOf(values, "dhcp_mode") || (dns === "first" || dns === "" ? "ipv4" : dns);
}

export type Checked = { readonly outcome: "complete" } | { readonly outcome: "incomplete"; readonly problem: string };

/** Whether a Pod can be made: with a control plane, there is an address or a name to lease one for. Texts are upstream's. */
export function checkPod(values: Values): Checked {
  const named = addressesOf(values).length > 0 || isOn(values, "vip_ddns");
  return !isOn(values, "cp_enable") || named
    ? { outcome: "complete" }
    : { outcome: "incomplete", problem: "no address is specified for kube-vip to expose services on" };
}

/** What `kubeadm init` and `join` ask for, whatever the mode. Texts are upstream's. */
export function checkKubeadm(values: Values): Checked {
  if (textOf(values, "vip_interface") === "") {
    return { outcome: "incomplete", problem: "No interface is specified for kube-vip to bind to" };
  }
  return addressesOf(values).length > 0
    ? { outcome: "complete" }
    : { outcome: "incomplete", problem: "No address is specified for kube-vip to expose services on" };
}
