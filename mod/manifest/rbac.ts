/** The service account and what it may do. */

import type { Manifest } from "./pod.ts";
import { type Right, rightsFor, type Rule, upstreamRules, wireguardRights } from "./rbac_rules.ts";
import { isOn, namespaceOf, type Values } from "./values.ts";
import { type Json, writeDocuments } from "./write.ts";

/** What the rules are made of. */
export interface RbacInput {
  readonly values: Values;
  /** Roles only, nothing that holds in the whole cluster. Implies {@link roleBinding}. */
  readonly role: boolean;
  /** Whatever is granted holds in one namespace. */
  readonly roleBinding: boolean;
  /** Upstream's rules, for every feature, instead of those that the features need. */
  readonly upstream: boolean;
}

/** Service account, roles and bindings, each after `---` and followed by an empty line, as upstream prints them. */
export function rbacManifest(input: RbacInput): Manifest {
  const { values } = input;
  const named = isOn(values, "cp_enable") || isOn(values, "svc_enable");
  const { objects, warnings } = input.upstream || !named ? upstreamObjects(input) : neededObjects(input);
  const account: Json = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadata("kube-vip", namespaceOf(values)),
  };
  const unnamed = "no feature is named (--controlplane, --services): the rules are upstream's, for all of them";
  return {
    text: writeDocuments([account, ...objects]),
    warnings: named || input.upstream ? warnings : [unnamed, ...warnings],
  };
}

interface Objects {
  readonly objects: readonly Json[];
  readonly warnings: readonly string[];
}

const CLUSTER_ROLE = "system:kube-vip-role";

function upstreamObjects(input: RbacInput): Objects {
  const { values } = input;
  const namespace = namespaceOf(values);
  const kind = input.role ? "Role" : "ClusterRole";
  const main = input.role ? role("kube-vip", namespace, upstreamRules(kind)) : clusterRole(upstreamRules(kind));
  const account = input.role || input.roleBinding ? null : namespace;
  const bound = account === null
    ? roleBinding({ namespace, kind, name: input.role ? "kube-vip" : CLUSTER_ROLE, account })
    : clusterRoleBinding(account);
  const extra = rolesOf(wireguardRights(values), { account: namespace, name: "kube-vip-wireguard" });
  return { objects: [main, bound, ...extra], warnings: [] };
}

/** One Role for each namespace, and a ClusterRole for what is in none or in all of them. */
function neededObjects(input: RbacInput): Objects {
  const { values } = input;
  const namespace = namespaceOf(values);
  const rights = rightsFor(values);
  const wide = rights.filter((right) => right.namespace === null);
  const narrow = rights.filter((right) => right.namespace !== null);
  const to = { account: namespace, name: "kube-vip" };
  if (input.role || input.roleBinding) return neededInNamespace(input, { rights, namespace });
  const objects = [
    ...rolesOf(narrow, to),
    ...(wide.length === 0 ? [] : [clusterRole(wide.map((right) => right.rule)), clusterRoleBinding(namespace)]),
  ];
  return { objects, warnings: [] };
}

/** What holds in the whole cluster holds in the Pod's namespace only; what is in no namespace cannot be had. */
function neededInNamespace(
  input: RbacInput,
  needs: { readonly rights: readonly Right[]; readonly namespace: string },
): Objects {
  const { rights, namespace } = needs;
  const lost = rights.filter((right) => !right.namespaced);
  const warnings = lost.map((right) =>
    `${right.rule.resources.join(", ")}: are in no namespace, so ${
      input.role ? "a Role" : "a RoleBinding"
    } cannot grant them`
  );
  const kept = rights.filter((right) => right.namespaced)
    .map((right) => ({ ...right, namespace: right.namespace ?? namespace }));
  const to = { account: namespace, name: "kube-vip" };
  if (input.role) return { objects: rolesOf(kept, to), warnings };
  const bound = roleBinding({ namespace, kind: "ClusterRole", name: CLUSTER_ROLE, account: namespace });
  const here = kept.filter((right) => right.namespace === namespace);
  return {
    objects: [
      ...(here.length === 0 ? [] : [clusterRole(here.map((right) => right.rule)), bound]),
      ...rolesOf(kept.filter((right) => right.namespace !== namespace), to),
    ],
    warnings,
  };
}

/** A Role and its binding for each namespace, in the order they are first needed. */
function rolesOf(rights: readonly Right[], to: { readonly account: string; readonly name: string }): readonly Json[] {
  const rules = new Map<string, Rule[]>();
  for (const { namespace, rule } of rights) {
    if (namespace !== null) rules.set(namespace, [...rules.get(namespace) ?? [], rule]);
  }
  return [...rules].flatMap(([namespace, some]) => [
    role(to.name, namespace, some),
    roleBinding({ namespace, kind: "Role", name: to.name, account: to.account }),
  ]);
}

const GROUP = "rbac.authorization.k8s.io";

function metadata(name: string, namespace: string | null): { readonly [key: string]: string } {
  return { name, ...(namespace === null ? {} : { namespace }) };
}

function role(name: string, namespace: string, rules: readonly Rule[]): Json {
  return { apiVersion: `${GROUP}/v1`, kind: "Role", metadata: metadata(name, namespace), rules: distinct(rules) };
}

function clusterRole(rules: readonly Rule[]): Json {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRole",
    metadata: metadata(CLUSTER_ROLE, null),
    rules: distinct(rules),
  };
}

/** Two features may need the same. */
function distinct(rules: readonly Rule[]): Json {
  const texts = rules.map((rule) => JSON.stringify(rule));
  return rules.filter((_, i) => texts.indexOf(texts[i] ?? "") === i).map((rule) => ({ ...rule }));
}

function clusterRoleBinding(account: string): Json {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRoleBinding",
    metadata: metadata("system:kube-vip-binding", null),
    roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: CLUSTER_ROLE },
    subjects: [subject(account)],
  };
}

interface Binding {
  /** Where it holds. */
  readonly namespace: string;
  /** Of the role. */
  readonly kind: "Role" | "ClusterRole";
  /** Of the role. */
  readonly name: string;
  /** Namespace of the service account; null: unsaid, which means that of the binding. */
  readonly account: string | null;
}

function roleBinding(binding: Binding): Json {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: "RoleBinding",
    metadata: metadata(binding.kind === "Role" ? binding.name : "kube-vip", binding.namespace),
    roleRef: { apiGroup: GROUP, kind: binding.kind, name: binding.name },
    subjects: [subject(binding.account)],
  };
}

function subject(account: string | null): Json {
  return { kind: "ServiceAccount", ...metadata("kube-vip", account) };
}
