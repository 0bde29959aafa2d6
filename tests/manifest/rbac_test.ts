import assert from "node:assert/strict";
import { rbacManifest } from "../../mod/manifest/rbac.ts";
import { settings } from "./fixture.ts";
import { at, type Parsed, parseManifest } from "./parsed.ts";

interface Shape {
  readonly role?: boolean;
  readonly roleBinding?: boolean;
  readonly upstream?: boolean;
}

function rbac(given: Record<string, string>, shape: Shape = {}): { objects: Parsed[]; warnings: readonly string[] } {
  const input = { role: false, roleBinding: false, upstream: false, ...shape, values: settings(given) };
  const { text, warnings } = rbacManifest(input);
  return { objects: parseManifest(text), warnings };
}

/** `Kind namespace/name` of each object. */
function names(objects: readonly Parsed[]): string[] {
  return objects.map((one) =>
    `${at(one, "kind")} ${at(one, "metadata", "namespace") ?? ""}/${at(one, "metadata", "name")}`
  );
}

const CP = { "cp_enable": "true", address: "192.168.0.40" };
const ACCOUNT = "ServiceAccount kube-system/kube-vip";
const LOCAL = ["kube-system", "default"].flatMap((
  place,
) => [`Role ${place}/kube-vip`, `RoleBinding ${place}/kube-vip`]);
const WIDE = ["ClusterRole /system:kube-vip-role", "ClusterRoleBinding /system:kube-vip-binding"];

Deno.test("a control plane has Roles only; what is in the whole cluster comes with the features that need it", () => {
  assert.deepEqual(names(rbac(CP).objects), [ACCOUNT, ...LOCAL]);
  assert.deepEqual(names(rbac({ ...CP, "enable_node_labeling": "true" }).objects), [ACCOUNT, ...LOCAL, ...WIDE]);
  assert.deepEqual(names(rbac({ ...CP, "vip_leaderelectiontype": "etcd" }).objects), [ACCOUNT]);
});

Deno.test("every binding names a role that is there, and the account with its namespace", () => {
  for (const given of [{ ...CP, "svc_enable": "true" }, { ...CP, "svc_enable": "true", "svc_namespace": "lb" }]) {
    for (const shape of [{}, { role: true }, { roleBinding: true }]) {
      const { objects } = rbac(given, shape);
      const there = names(objects);
      const bindings = objects.filter((one) => String(one["kind"]).endsWith("Binding"));
      assert.equal(bindings.length * 2 + 1, objects.length);
      for (const one of bindings) {
        const place = at(one, "roleRef", "kind") === "Role" ? at(one, "metadata", "namespace") : "";
        assert.ok(there.includes(`${at(one, "roleRef", "kind")} ${place}/${at(one, "roleRef", "name")}`));
        assert.deepEqual(at(one, "subjects"), [
          { kind: "ServiceAccount", name: "kube-vip", namespace: at(objects[0], "metadata", "namespace") },
        ]);
      }
    }
  }
});

Deno.test("with --role nothing holds in the whole cluster, and what is lost is said", () => {
  const { objects, warnings } = rbac({ "svc_enable": "true", "enable_node_labeling": "true" }, { role: true });
  assert.deepEqual(names(objects), [ACCOUNT, "Role kube-system/kube-vip", "RoleBinding kube-system/kube-vip"]);
  assert.deepEqual(warnings, [
    "servicecidrs: are in no namespace, so a Role cannot grant them",
    "nodes: are in no namespace, so a Role cannot grant them",
  ]);
});

Deno.test("with --rolebinding a ClusterRole is granted in one namespace", () => {
  const { objects } = rbac(CP, { roleBinding: true });
  assert.deepEqual(names(objects), [
    ACCOUNT,
    "ClusterRole /system:kube-vip-role",
    "RoleBinding kube-system/kube-vip",
    "Role default/kube-vip",
    "RoleBinding default/kube-vip",
  ]);
});

Deno.test("without a feature, or when asked for, the rules are upstream's", () => {
  const asked = rbac(CP, { upstream: true });
  const unnamed = rbac({});
  assert.deepEqual(names(asked.objects), [ACCOUNT, ...WIDE]);
  assert.deepEqual(unnamed.objects, asked.objects);
  assert.deepEqual(asked.warnings, []);
  assert.match(unnamed.warnings.join(), /^no feature is named/);
});

Deno.test("upstream's shapes: a Role for --role, a RoleBinding to the ClusterRole for --rolebinding, whose subject has no namespace", () => {
  const role = rbac(CP, { upstream: true, role: true }).objects;
  assert.deepEqual(names(role), [ACCOUNT, "Role kube-system/kube-vip", "RoleBinding kube-system/kube-vip"]);
  const binding = rbac(CP, { upstream: true, roleBinding: true }).objects;
  assert.deepEqual(names(binding), [ACCOUNT, WIDE[0], "RoleBinding kube-system/kube-vip"]);
  for (const objects of [role, binding]) {
    assert.deepEqual(at(objects[2], "subjects"), [{ kind: "ServiceAccount", name: "kube-vip" }]);
  }
  assert.deepEqual(at(binding[2], "roleRef"), {
    apiGroup: "rbac.authorization.k8s.io",
    kind: "ClusterRole",
    name: "system:kube-vip-role",
  });
});

Deno.test("WireGuard adds the right to its Secret to upstream's rules too", () => {
  const { objects } = rbac({ ...CP, "vip_wireguard": "true" }, { upstream: true });
  assert.deepEqual(names(objects).slice(3), [
    "Role kube-system/kube-vip-wireguard",
    "RoleBinding kube-system/kube-vip-wireguard",
  ]);
});

Deno.test("what two features need is granted once", () => {
  const { objects } = rbac({ ...CP, "svc_enable": "true" });
  const rules = at(objects[1], "rules");
  assert.ok(Array.isArray(rules));
  assert.equal(new Set(rules.map((rule) => JSON.stringify(rule))).size, rules.length);
});
