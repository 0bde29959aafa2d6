import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { systemdUnit } from "../../mod/manifest/systemd.ts";
import { settings } from "./fixture.ts";

const PROGRAM = "/usr/local/bin/kube-vip";

Deno.test("the unit for members among themselves is the one that is shipped", async () => {
  const path = fileURLToPath(new URL("../../deploy/kube-vip.service", import.meta.url));
  const { text, warnings } = systemdUnit({
    program: PROGRAM,
    runs: { command: "start", config: "/etc/kube-vip/config.yaml" },
  });
  assert.equal(text, await Deno.readTextFile(path));
  assert.deepEqual(warnings, []);
});

function manager(given: Record<string, string>): { text: string; warnings: readonly string[] } {
  return systemdUnit({ program: PROGRAM, runs: { command: "manager", values: settings(given) } });
}

Deno.test("the unit for a control plane's node carries its settings, quoted for systemd", () => {
  const { text } = manager({
    "cp_enable": "true",
    address: "192.168.0.40",
    "vip_leaderelectiontype": "etcd",
    "etcd_endpoints": "https://a:2379",
    "vip_leaseannotations": '{"a":"50%"}',
  });
  assert.match(text, /^ExecStart=\/usr\/local\/bin\/kube-vip manager$/m);
  assert.match(text, /^Environment=address=192\.168\.0\.40$/m);
  assert.match(text, /^Environment=etcd_endpoints=https:\/\/a:2379$/m);
  assert.match(text, /^Environment=cp_enable=true$/m);
  assert.match(text, /^Environment="vip_leaseannotations=\{\\"a\\":\\"50%%\\"\}"$/m);
  assert.doesNotMatch(text, /vip_nodename|undefined|fieldRef/);
});

Deno.test("what the Pod says by other means is a variable of the unit", () => {
  const { text } = manager({
    "vip_nodename": "n1",
    "k8s_config_file": "/etc/kubernetes/other.conf",
    "vip_statedir": "/srv/kube vip",
  });
  assert.match(text, /^Environment=vip_nodename=n1$/m);
  assert.match(text, /^Environment=k8s_config_file=\/etc\/kubernetes\/other.conf$/m);
  assert.match(text, /^ReadWritePaths="\/srv\/kube vip"$/m);
  assert.doesNotMatch(text, /^StateDirectory=/m);
  assert.match(manager({}).text, /^StateDirectory=kube-vip$/m);
});

Deno.test("no secret is in a unit, and where to put it is said", () => {
  const { text, warnings } = manager({
    "bgp_enable": "true",
    "bgp_peerpass": "sesame",
    "bgp_peers": "10.0.0.3:65003:sesame",
    "vip_leaderelectiontype": "peers",
    "vip_peersecret": "sesame-open-sesame",
  });
  assert.doesNotMatch(text, /sesame/);
  assert.match(text, /^EnvironmentFile=-\/etc\/kube-vip\/manager\.env$/m);
  assert.match(text, /^Environment=vip_peersecretfile=\/etc\/kube-vip\/peer-secret$/m);
  assert.deepEqual(warnings.map((one) => one.split(":")[0]), [
    "vip_peersecret",
    "bgp_peerpass",
    "bgp_peers",
    "vip_localpeer",
    "kubernetes_addr",
  ]);
});

Deno.test("what a Pod has from the kubelet is asked for, where it is needed", () => {
  const about = (given: Record<string, string>): string[] =>
    manager(given).warnings.map((one) => one.split(":")[0] ?? "");
  assert.deepEqual(about({}), ["kubernetes_addr"]);
  assert.deepEqual(about({ "kubernetes_addr": "10.0.0.1" }), []);
  assert.deepEqual(about({ "cp_detect": "true" }), []);
  assert.deepEqual(about({ "vip_leaderelectiontype": "etcd" }), []);
  assert.deepEqual(about({ "vip_leaderelectiontype": "peers", "cp_detect": "true" }), ["vip_localpeer"]);
});
