import assert from "node:assert/strict";
import {
  addressesOf,
  checkKubeadm,
  checkPod,
  dhcpModeOf,
  electionType,
  isOn,
  namespaceOf,
  subnetOf,
  textOf,
} from "../../mod/manifest/values.ts";
import { settings } from "./fixture.ts";

Deno.test("a setting nobody knows is off and empty", () => {
  assert.equal(textOf(settings(), "nothing"), "");
  assert.ok(!isOn(settings(), "nothing"));
  assert.ok(isOn(settings({ "vip_arp": "true" }), "vip_arp"));
});

Deno.test("the prefix length follows from the addresses, unless it is given or a name is among them", () => {
  const table: readonly (readonly [given: Record<string, string>, subnet: string])[] = [
    [{}, ""],
    [{ address: "192.168.0.40" }, "32"],
    [{ address: "fd00::40" }, "128"],
    [{ address: "192.168.0.40,fd00::40" }, "32,128"],
    [{ address: "fd00::40, 192.168.0.40" }, "32,128"],
    [{ address: "192.168.0.40,192.168.0.41" }, "32"],
    [{ address: "vip.example.org" }, ""],
    [{ address: "192.168.0.40,vip.example.org" }, ""],
    [{ address: "192.168.0.40", "vip_subnet": "24" }, "24"],
    [{ "vip_address": "192.168.0.40" }, ""],
    [{ "vip_address": "192.168.0.40", "vip_subnet": "auto" }, "auto"],
  ];
  for (const [given, subnet] of table) assert.equal(subnetOf(settings(given)), subnet, JSON.stringify(given));
});

Deno.test("DHCP asks for the families DNS asks for, for IPv4 where DNS takes the first, or as it is told", () => {
  for (const mode of ["ipv4", "ipv6", "dual"]) assert.equal(dhcpModeOf(settings({ "dns_mode": mode })), mode);
  assert.equal(dhcpModeOf(settings()), "ipv4");
  assert.equal(dhcpModeOf(settings({ "dns_mode": "" })), "ipv4");
  assert.equal(dhcpModeOf(settings({ "dns_mode": "dual", "dhcp_mode": "ipv6" })), "ipv6");
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
  const problem = "no address is specified for kube-vip to expose services on";
  assert.deepEqual(checkPod(settings({ "cp_enable": "true" })), { outcome: "incomplete", problem });
  for (const given of [{ address: "1.2.3.4" }, { "vip_address": "1.2.3.4" }, { "vip_ddns": "true" }]) {
    assert.deepEqual(checkPod(settings({ "cp_enable": "true", ...given })), { outcome: "complete" });
  }
  assert.deepEqual(checkPod(settings({ "svc_enable": "true" })), { outcome: "complete" });
});

Deno.test("kubeadm needs an interface, then an address, whatever is on", () => {
  const noInterface = "No interface is specified for kube-vip to bind to";
  const noAddress = "No address is specified for kube-vip to expose services on";
  const some = { "vip_interface": "eth0" };
  assert.deepEqual(checkKubeadm(settings()), { outcome: "incomplete", problem: noInterface });
  assert.deepEqual(checkKubeadm(settings(some)), { outcome: "incomplete", problem: noAddress });
  assert.deepEqual(checkKubeadm(settings({ ...some, "vip_ddns": "true" })), {
    outcome: "incomplete",
    problem: noAddress,
  });
  assert.deepEqual(checkKubeadm(settings({ ...some, "vip_address": "1.2.3.4" })), { outcome: "complete" });
});
