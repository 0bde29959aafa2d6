import assert from "node:assert/strict";
import { rightsFor, upstreamRules, wireguardRights } from "../../mod/manifest/rbac_rules.ts";
import { settings } from "./fixture.ts";

/** One line for each right: `where: verbs resources[names]`. */
function rights(given: Record<string, string>): string[] {
  return rightsFor(settings(given)).map(({ namespace, rule }) => {
    const names = rule.resourceNames === undefined ? "" : `[${rule.resourceNames.join(" ")}]`;
    return `${namespace ?? "*"}: ${rule.verbs.join(",")} ${rule.apiGroups.join()}/${rule.resources.join()}${names}`;
  });
}

const CP = { "cp_enable": "true", address: "192.168.0.40" };
const LEASE_VERBS = "get,list,watch,update coordination.k8s.io/leases";
const RECORD = "get,update coordination.k8s.io/leases[kube-vip-192.168.0.40]";
const DEFAULT = ["default: list discovery.k8s.io/endpointslices"];

Deno.test("nothing that is on needs nothing", () => {
  assert.deepEqual(rights({}), []);
});

Deno.test("a control plane needs its Leases by name, Events, and the addresses of the API servers", () => {
  assert.deepEqual(rights(CP), [
    "kube-system: create coordination.k8s.io/leases",
    `kube-system: ${LEASE_VERBS}[plndr-cp-lock]`,
    `kube-system: ${RECORD}`,
    "kube-system: create /events",
    ...DEFAULT,
  ]);
});

Deno.test("an address that is found out later needs Leases of any name", () => {
  for (const given of [{ address: "vip.example.org" }, { address: "", "vip_ddns": "true" }]) {
    assert.deepEqual(rights({ ...CP, ...given }).slice(0, 2), [
      "kube-system: get,list,watch,update,create coordination.k8s.io/leases",
      "kube-system: create /events",
    ]);
  }
});

Deno.test("a Lease with a namespace of its own takes the rights there", () => {
  assert.deepEqual(rights({ ...CP, "vip_leasename": "ha/lock", "svc_namespace": "lb" }).slice(0, 3), [
    "ha: create coordination.k8s.io/leases",
    `ha: ${LEASE_VERBS}[lock]`,
    `ha: ${RECORD}`,
  ]);
  assert.match(rights({ ...CP, "svc_namespace": "lb" })[0] ?? "", /^lb: create/);
});

Deno.test("an election of peers records its holder like one by Lease, one in etcd needs nothing", () => {
  assert.deepEqual(rights({ ...CP, "vip_leaderelectiontype": "peers" }), rights(CP));
  assert.deepEqual(rights({ ...CP, "vip_leaderelectiontype": "etcd", "enable_node_labeling": "true" }), []);
});

Deno.test("where every healthy node serves, a Lease is only read, and nothing is recorded but Events", () => {
  const events = "kube-system: create /events";
  const read = "kube-system: get coordination.k8s.io/leases[plndr-cp-lock]";
  for (const mode of [{ "bgp_enable": "true" }, { "vip_routingtable": "true", "vip_leaderelection": "true" }]) {
    assert.deepEqual(rights({ ...CP, ...mode }), [read, events]);
    const checked = { "control_plane_health_check_address": "https://localhost:6443/livez" };
    assert.deepEqual(rights({ ...CP, ...mode, ...checked }), [events]);
    const balanced = rights({ ...CP, ...mode, ...checked, "lb_enable": "true" });
    assert.deepEqual(balanced, "bgp_enable" in mode ? [read, events, "*: list,watch /nodes"] : [events]);
  }
  assert.deepEqual(rights({ ...CP, "bgp_enable": "true", "vip_leaderelection": "true" }), rights(CP));
  assert.deepEqual(rights({ ...CP, "vip_arp": "true" }), rights(CP));
});

Deno.test("nodes are read and labelled only for the features that do so", () => {
  const nodes = (given: Record<string, string>): string[] => rights(given).filter((line) => line.includes("/nodes"));
  assert.deepEqual(nodes(CP), []);
  assert.deepEqual(nodes({ ...CP, "enable_node_labeling": "true" }), ["*: patch /nodes"]);
  const annotated = { annotation: "bgp", "bgp_enable": "true" };
  assert.deepEqual(nodes({ annotation: "bgp", "vip_arp": "true" }), []);
  assert.deepEqual(nodes(annotated), ["*: list,watch /nodes"]);
  assert.deepEqual(nodes({ ...annotated, "enable_node_labeling": "true" }), ["*: list,watch,patch /nodes"]);
  assert.deepEqual(nodes({ ...CP, "lb_enable": "true" }), ["*: list,watch /nodes"]);
  assert.deepEqual(nodes({ "lb_enable": "true" }), []);
  assert.deepEqual(nodes({ "lb_enable": "true", "svc_enable": "true" }), ["*: get,list,watch /nodes"]);
});

Deno.test("Services need what they are made of, in every namespace or in one", () => {
  const everywhere = rights({ "svc_enable": "true" });
  assert.deepEqual(everywhere, [
    "*: update /services/status",
    "*: get,list,watch,update /services",
    "*: get,list,watch discovery.k8s.io/endpointslices",
    "kube-system: create coordination.k8s.io/leases",
    `kube-system: ${LEASE_VERBS}[plndr-svcs-lock]`,
    "kube-system: list /pods",
    "*: get,list,watch networking.k8s.io/servicecidrs",
    "*: get,list,watch /nodes",
  ]);
  const one = rights({ "svc_enable": "true", "svc_namespace": "lb", "enable_endpoints": "true" });
  assert.ok(one.includes("lb: get,list,watch,update /services") && one.includes("lb: get,list,watch /endpoints"));
});

Deno.test("an election for each Service needs Leases next to the Services", () => {
  for (const setting of ["svc_election", "per_service_election_on_demand"]) {
    const lines = rights({ "svc_enable": "true", [setting]: "true" });
    assert.ok(lines.includes("*: get,list,watch,create,update coordination.k8s.io/leases"), setting);
  }
});

Deno.test("WireGuard reads its one Secret, also where it is alone", () => {
  assert.deepEqual(rights({ "vip_wireguard": "true", "cp_namespace": "ha" }), ["ha: get /secrets[wireguard]"]);
  assert.equal(wireguardRights(settings({ "vip_wireguard": "true" })).length, 1);
  assert.deepEqual(wireguardRights(settings(CP)), []);
});

Deno.test("upstream's rules are upstream's, and only its ClusterRole has the ranges of Services", () => {
  const lines = upstreamRules("ClusterRole").map(({ apiGroups, resources, verbs }) =>
    `${apiGroups.join()}/${resources.join()} ${verbs.join(" ")}`
  );
  assert.deepEqual(lines, [
    "/services/status update",
    "/services,endpoints list get watch update",
    "/nodes list get watch update patch",
    "coordination.k8s.io/leases list get watch update create",
    "discovery.k8s.io/endpointslices list get watch update",
    "/pods list",
    "networking.k8s.io/servicecidrs list get watch",
  ]);
  assert.deepEqual(upstreamRules("Role"), upstreamRules("ClusterRole").slice(0, -1));
});
