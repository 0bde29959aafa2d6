/** Which rights the features need, each as narrow as the API server can say it. */

import { addressLeaseName } from "../kube/address_lease.ts";
import { parseIp } from "../net/ip.ts";
import { addressesOf, electionType, isOn, namespaceOf, textOf, type Values } from "./values.ts";

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** Only these objects; absent: all. */
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A rule and where it holds; `namespace` null: in the whole cluster. */
export interface Right {
  readonly namespace: string | null;
  /** Whether the objects are in namespaces at all: a Role can grant nothing else. */
  readonly namespaced: boolean;
  readonly rule: Rule;
}

const READ = ["get", "list", "watch"] as const;

/** What the features that are on need; empty if none is on. */
export function rightsFor(values: Values): readonly Right[] {
  return [...controlPlaneRights(values), ...serviceRights(values), ...wireguardRights(values), ...nodeRights(values)];
}

/**
 * The rules upstream prints for every feature, verbs in its order. A Role cannot grant `servicecidrs`, which are in no namespace;
 * upstream gives it the nodes nevertheless, without effect.
 */
export function upstreamRules(kind: "Role" | "ClusterRole"): readonly Rule[] {
  const rules: Rule[] = [
    rule("", ["services/status"], { verbs: ["update"] }),
    rule("", ["services", "endpoints"], { verbs: ["list", "get", "watch", "update"] }),
    rule("", ["nodes"], { verbs: ["list", "get", "watch", "update", "patch"] }),
    rule(LEASES, ["leases"], { verbs: ["list", "get", "watch", "update", "create"] }),
    rule(SLICES, ["endpointslices"], { verbs: ["list", "get", "watch", "update"] }),
    rule("", ["pods"], { verbs: ["list"] }),
  ];
  return kind === "Role"
    ? rules
    : [...rules, rule("networking.k8s.io", ["servicecidrs"], { verbs: ["list", "get", "watch"] })];
}

/** The Secret with the tunnels, where WireGuard is on. Upstream has no right to read it. */
export function wireguardRights(values: Values): readonly Right[] {
  if (!isOn(values, "vip_wireguard")) return [];
  return [inNamespace(textOf(values, "cp_namespace"), rule("", ["secrets"], { verbs: ["get"], names: ["wireguard"] }))];
}

const LEASES = "coordination.k8s.io";
const SLICES = "discovery.k8s.io";

/** Elections, the record of who holds, its Events, and the addresses of the other API servers. */
function controlPlaneRights(values: Values): readonly Right[] {
  // With etcd the API server is not asked for anything.
  if (!isOn(values, "cp_enable") || electionType(values) === "etcd") return [];
  const lease = leaseOf(values, "vip_leasename");
  if (everyNodeServes(values)) return withoutElection(values, lease);
  return [
    ...leaseRights(lease.namespace, { elections: [lease.name], records: addressLeases(values) }),
    inNamespace(lease.namespace, rule("", ["events"], { verbs: ["create"] })),
    // Those of the Service `kubernetes`: they are selected by label, which a rule cannot say.
    inNamespace("default", rule(SLICES, ["endpointslices"], { verbs: ["list"] })),
  ];
}

/** BGP may be without an election, and routes in a table always are. */
function everyNodeServes(values: Values): boolean {
  if (isOn(values, "vip_arp")) return false;
  return isOn(values, "bgp_enable") ? !isOn(values, "vip_leaderelection") : isOn(values, "vip_routingtable");
}

/** Among the API servers of the Nodes, which has no effect where every node has routes to its own. */
function balances(values: Values): boolean {
  const routed = isOn(values, "vip_routingtable") && !isOn(values, "vip_arp") && !isOn(values, "bgp_enable");
  return isOn(values, "lb_enable") && isOn(values, "cp_enable") && electionType(values) !== "etcd" && !routed;
}

/** Events, which are about the Lease; and its name is what an API server is asked for, to see whether it answers from its database. */
function withoutElection(
  values: Values,
  lease: { readonly namespace: string; readonly name: string },
): readonly Right[] {
  const asks = textOf(values, "control_plane_health_check_address") === "" || balances(values);
  const read = rule(LEASES, ["leases"], { verbs: ["get"], names: [lease.name] });
  return [
    ...(asks ? [inNamespace(lease.namespace, read)] : []),
    inNamespace(lease.namespace, rule("", ["events"], { verbs: ["create"] })),
  ];
}

function serviceRights(values: Values): readonly Right[] {
  if (!isOn(values, "svc_enable")) return [];
  // Empty: Services of every namespace.
  const where = textOf(values, "svc_namespace") || null;
  const right = (rule: Rule): Right => ({ namespace: where, namespaced: true, rule });
  const slices = rule(SLICES, ["endpointslices"], { verbs: READ });
  const lease = leaseOf(values, "svc_leasename");
  const perService = isOn(values, "svc_election") || isOn(values, "per_service_election_on_demand");
  return [
    right(rule("", ["services/status"], { verbs: ["update"] })),
    right(rule("", ["services"], { verbs: [...READ, "update"] })),
    right(isOn(values, "enable_endpoints") ? rule("", ["endpoints"], { verbs: READ }) : slices),
    ...leaseRights(lease.namespace, { elections: [lease.name], records: [] }),
    // Each Service has a Lease in its own namespace, named after it.
    ...(perService ? [right(rule(LEASES, ["leases"], { verbs: [...READ, "create", "update"] }))] : []),
    // Egress: the ranges of Pods and Services, from the controller manager's flags or the API.
    inNamespace("kube-system", rule("", ["pods"], { verbs: ["list"] })),
    inCluster(rule("networking.k8s.io", ["servicecidrs"], { verbs: READ })),
  ];
}

/** Nodes are in no namespace, and a right to one's own only cannot be expressed for a group of Pods. */
function nodeRights(values: Values): readonly Right[] {
  const labels = isOn(values, "enable_node_labeling") && electionType(values) !== "etcd";
  // The annotations that say what BGP's peers are; upstream reads them in BGP mode only, too.
  const annotated = textOf(values, "annotation") !== "" && isOn(values, "bgp_enable");
  const follows = annotated || balances(values);
  const verbs = [...(isOn(values, "svc_enable") ? READ : follows ? READ.slice(1) : []), ...(labels ? ["patch"] : [])];
  return verbs.length === 0 ? [] : [inCluster(rule("", ["nodes"], { verbs }))];
}

/** The Leases that a feature writes, by name; null: a name that is not known in advance. */
interface LeaseNames {
  /** Followed and renewed. */
  readonly elections: readonly string[];
  /** Read and written when the holder changes. */
  readonly records: readonly (string | null)[];
}

/**
 * A name cannot limit `create`, as the object has none yet, and limits `list` and `watch` to requests that select it by `metadata.name`,
 * as ours do.
 */
function leaseRights(namespace: string, { elections, records }: LeaseNames): readonly Right[] {
  const right = (verbs: readonly string[], names?: readonly string[]): Right =>
    inNamespace(namespace, rule(LEASES, ["leases"], { verbs, ...(names === undefined ? {} : { names }) }));
  const known = records.filter((name) => name !== null);
  if (known.length < records.length) return [right([...READ, "update", "create"])];
  return [
    right(["create"]),
    right([...READ, "update"], elections),
    ...(known.length === 0 ? [] : [right(["get", "update"], known)]),
  ];
}

/** Namespace and name of an election's Lease; without a namespace of its own it is where the Pod's service account is. */
function leaseOf(values: Values, setting: string): { readonly namespace: string; readonly name: string } {
  const text = textOf(values, setting);
  const slash = text.indexOf("/");
  return slash < 0
    ? { namespace: namespaceOf(values), name: text }
    : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The Leases that say who holds an address; null for one that is found out later. */
function addressLeases(values: Values): readonly (string | null)[] {
  const addresses = addressesOf(values);
  if (addresses.length === 0) return [null];
  return addresses.map((address) => {
    const ip = parseIp(address);
    return ip === null ? null : addressLeaseName(ip.text);
  });
}

function inNamespace(namespace: string, rule: Rule): Right {
  return { namespace, namespaced: true, rule };
}

function inCluster(rule: Rule): Right {
  return { namespace: null, namespaced: false, rule };
}

function rule(
  apiGroup: string,
  resources: readonly string[],
  may: { readonly verbs: readonly string[]; readonly names?: readonly string[] },
): Rule {
  const { verbs, names } = may;
  return { apiGroups: [apiGroup], resources, verbs, ...(names === undefined ? {} : { resourceNames: names }) };
}
