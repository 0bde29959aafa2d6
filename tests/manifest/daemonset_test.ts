import assert from "node:assert/strict";
import { daemonSetManifest } from "../../mod/manifest/daemonset.ts";
import { podSpec } from "../../mod/manifest/pod.ts";
import { settings } from "./fixture.ts";
import { at, parseManifest } from "./parsed.ts";

const POD = { image: "r.io/kube-vip:v1", inCluster: true, secret: null };

function daemonSet(taint: boolean, given: Record<string, string> = {}): unknown {
  return parseManifest(daemonSetManifest({ ...POD, values: settings(given), version: "v9", taint }).text)[0];
}

Deno.test("the DaemonSet replaces upstream's: same name, same selector", () => {
  const labels = { "app.kubernetes.io/name": "kube-vip-ds", "app.kubernetes.io/version": "v9" };
  const set = daemonSet(false);
  assert.partialDeepStrictEqual(set, {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "kube-vip-ds", namespace: "kube-system", labels },
    spec: { template: { metadata: { labels } }, updateStrategy: {} },
  });
  assert.deepEqual(at(set, "spec", "selector"), { matchLabels: { "app.kubernetes.io/name": "kube-vip-ds" } });
  assert.equal(at(set, "status"), undefined);
});

Deno.test("its Pods are the Pods of the same settings", () => {
  const given = { address: "192.168.0.40", "cp_enable": "true", "vip_arp": "true" };
  assert.deepEqual(
    at(daemonSet(false, given), "spec", "template", "spec"),
    podSpec({ ...POD, values: settings(given) }, true).spec,
  );
});

Deno.test("only with --taint does it keep to control-plane nodes, and then whatever their taints", () => {
  assert.equal(at(daemonSet(false), "spec", "template", "spec", "affinity"), undefined);
  assert.equal(at(daemonSet(false), "spec", "template", "spec", "tolerations"), undefined);
  const spec = at(daemonSet(true), "spec", "template", "spec");
  assert.deepEqual(at(spec, "tolerations"), [
    { effect: "NoSchedule", operator: "Exists" },
    { effect: "NoExecute", operator: "Exists" },
  ]);
  const terms = at(
    spec,
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
  );
  assert.deepEqual(
    terms,
    ["master", "control-plane"].map((role) => (
      { matchExpressions: [{ key: `node-role.kubernetes.io/${role}`, operator: "Exists" }] }
    )),
  );
});

Deno.test("warnings of the Pod are those of the DaemonSet", () => {
  const values = settings({ "bgp_enable": "true", "bgp_peerpass": "sesame" });
  assert.equal(daemonSetManifest({ ...POD, values, version: "v9", taint: false }).warnings.length, 1);
});
