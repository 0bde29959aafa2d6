/** Where secrets go: into a Secret of the cluster, or a file of the machine; a manifest is read by too many people to hold them. */

import { electionType, isOn, textOf, type Values } from "./values.ts";
import type { Json } from "./write.ts";

export const BGP_PASSWORD = "bgp_peerpass";
export const BGP_PEERS = "bgp_peers";
export const PEER_SECRET = "vip_peersecret";
export const PEER_SECRET_FILE = "vip_peersecretfile";

/** Where the machine keeps the peer secret unless another path is given. */
export const DEFAULT_SECRET_FILE = "/etc/kube-vip/peer-secret";

/** How secrets reach the container. */
export type SecretPlan =
  /** From the Secret `name` in the Pod's namespace, whose keys are the variables' names. */
  | { readonly to: "secret"; readonly name: string }
  /** From files of the machine: the kubelet refuses static Pods that refer to objects of the API. */
  | { readonly to: "file" };

/** One variable: a value, a reference, or (with neither) present and empty. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: Json;
}

/** The variable as `plan` has it: the BGP passwords become references if a Secret is named. */
export function refer(variable: EnvVar, plan: SecretPlan): EnvVar {
  if (plan.to === "file") return variable;
  const { name, value = "" } = variable;
  // Upstream always lists the password; whether this Secret has one is not known here.
  if (name === BGP_PASSWORD) return secretRef(name, plan.name, { optional: true });
  return name === BGP_PEERS && hasPassword(value) ? secretRef(name, plan.name) : variable;
}

/** Variables of secrets that are not in upstream's list: the peer secret, and peers that only the Secret knows. */
export function secretVariables(values: Values, plan: SecretPlan): readonly EnvVar[] {
  const variables: EnvVar[] = [];
  if (plan.to === "secret" && isOn(values, "bgp_enable") && textOf(values, BGP_PEERS) === "") {
    variables.push(secretRef(BGP_PEERS, plan.name, { optional: true }));
  }
  if (electionType(values) !== "peers") return variables;
  const path = secretFile(values, plan);
  if (path !== null) variables.push({ name: PEER_SECRET_FILE, value: path });
  else if (plan.to === "secret") variables.push(secretRef(PEER_SECRET, plan.name));
  return variables;
}

/** The file that holds the peer secret, which has to be mounted; null if none is needed. */
export function secretFile(values: Values, plan: SecretPlan): string | null {
  if (electionType(values) !== "peers") return null;
  const given = textOf(values, PEER_SECRET_FILE);
  return given !== "" ? given : plan.to === "file" ? DEFAULT_SECRET_FILE : null;
}

/** What the person who asked for the manifest has to do about secrets, or should know. */
export function secretWarnings(values: Values, plan: SecretPlan): readonly string[] {
  const path = secretFile(values, plan);
  return [
    ...(plan.to === "file" ? [BGP_PASSWORD, BGP_PEERS].filter((name) => isReadable(values, name)).map(readable) : []),
    ...(textOf(values, PEER_SECRET) === "" || path === null ? [] : [notPrinted(PEER_SECRET, path)]),
  ];
}

/** Whether a list of BGP peers contains a password: the third field, after the address and the AS. */
export function hasPassword(peers: string): boolean {
  return peers.split(",").some((peer) => {
    // An IPv6 address is in brackets; an interface stands after `unnumbered:`.
    const fields = peer.trim().replace(/^\[[^\]]*\]|^unnumbered:/, "peer").split(":");
    return (fields[2] ?? "") !== "";
  });
}

function isReadable(values: Values, name: string): boolean {
  const text = textOf(values, name);
  return name === BGP_PEERS ? hasPassword(text) : text !== "";
}

function readable(name: string): string {
  return `${name}: the password can be read in the manifest; manifest daemonset --secret <name> refers to a Secret instead`;
}

function notPrinted(name: string, path: string): string {
  return `${name}: is not printed; write it to ${path} (mode 0600) on every machine it runs on`;
}

function secretRef(key: string, name: string, more: { readonly optional?: true } = {}): EnvVar {
  return { name: key, valueFrom: { secretKeyRef: { key, name, ...more } } };
}
