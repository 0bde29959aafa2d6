import assert from "node:assert/strict";
import {
  addressesOf,
  checkKubeadm,
  checkPod,
  electionType,
  isOn,
  namespaceOf,
  textOf,
} from "../../mod/manifest/values.ts";
import { settings } from "./fixture.ts";

Deno.test("a setting nobody knows is off and empty", () => {
  assert.equal(textOf(settings(), "nothing"), "");
  assert.ok(!isOn(settings(), "nothing"));
  assert.ok(isOn(settings({ "vip_arp": "true" }), "vip_arp"));
});

Deno.test("objects are where the Services are watched, else in kube-system, wherever the Leases are", () => {
  assert.equal(namespaceOf(settings()), "kube-system");
  assert.equal(namespaceOf(settings({ "cp_namespace": "elsewhere" })), "kube-system");
  assert.equal(namespaceOf(settings({ "svc_namespace": "lb" })), "lb");
});

Deno.test("address hides vip_address, and both may be lists", () => {
  assert.deepEqual(addressesOf(settings({ address: "a, b,", "vip_address": "c" })), ["a", "b"]);
  assert.deepEqual(addressesOf(settings({ "vip_address": "c" })), ["c"]);
  assert.deepEqual(addressesOf(settings()), []);
});

Deno.test("the election is by Kubernetes unless told otherwise", () => {
  for (const type of ["kubernetes", "etcd", "peers"]) {
    assert.equal(electionType(settings({ "vip_leaderelectiontype": type })), type);
  }
  assert.equal(electionType(settings()), "kubernetes");
});

Deno.test("a control plane needs an address or a name to get one for; other Pods do not", () => {
  const problem = "no address is specified for kube-vip to expose services on (--address)";
  assert.deepEqual(checkPod(settings({ "cp_enable": "true" })), { outcome: "incomplete", problem });
  for (const given of [{ address: "1.2.3.4" }, { "vip_address": "1.2.3.4" }, { "vip_ddns": "true" }]) {
    assert.deepEqual(checkPod(settings({ "cp_enable": "true", ...given })), { outcome: "complete" });
  }
  assert.deepEqual(checkPod(settings({ "svc_enable": "true" })), { outcome: "complete" });
});

Deno.test("kubeadm needs an interface, then an address, whatever is on", () => {
  const noInterface = "No interface is specified for kube-vip to bind to (--interface)";
  const noAddress = "No address is specified for kube-vip to expose services on (--address)";
  const some = { "vip_interface": "eth0" };
  assert.deepEqual(checkKubeadm(settings()), { outcome: "incomplete", problem: noInterface });
  assert.deepEqual(checkKubeadm(settings(some)), { outcome: "incomplete", problem: noAddress });
  assert.deepEqual(checkKubeadm(settings({ ...some, "vip_ddns": "true" })), {
    outcome: "incomplete",
    problem: noAddress,
  });
  assert.deepEqual(checkKubeadm(settings({ ...some, "vip_address": "1.2.3.4" })), { outcome: "complete" });
});
