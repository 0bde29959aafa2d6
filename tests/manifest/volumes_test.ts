import assert from "node:assert/strict";
import { kubeconfigVolume, missingVolumes, volumesOf } from "../../mod/manifest/volumes.ts";
import { settings } from "./fixture.ts";

const PEERS = { "vip_leaderelectiontype": "peers" };

Deno.test("the kubeconfig is where the program looks for it, whatever it is called on the machine", () => {
  const volume = kubeconfigVolume(settings({ "k8s_config_file": "/etc/kubernetes/super-admin.conf" }));
  assert.deepEqual([volume.path, volume.mountPath], ["/etc/kubernetes/super-admin.conf", "/etc/kubernetes/admin.conf"]);
});

Deno.test("upstream's Pods need nothing else", () => {
  assert.deepEqual(volumesOf(settings(), { to: "file" }), []);
});

Deno.test("an election of peers has its state and its secret on the machine", () => {
  const [state, secret] = volumesOf(settings({ ...PEERS, "vip_statedir": "/srv/vip" }), { to: "file" });
  const where = { path: "/srv/vip", mountPath: "/srv/vip" };
  assert.deepEqual(state, { name: "state", ...where, readOnly: false, type: "DirectoryOrCreate" });
  const file = { path: "/etc/kube-vip/peer-secret", mountPath: "/etc/kube-vip/peer-secret" };
  assert.deepEqual(secret, { name: "peer-secret", ...file, readOnly: true, type: "File" });
});

Deno.test("with a Secret of the cluster only the state is on the machine", () => {
  const names = volumesOf(settings(PEERS), { to: "secret", name: "vault" }).map((one) => one.name);
  assert.deepEqual(names, ["state"]);
});

Deno.test("files that settings name are mounted where they are, if that is a whole path", () => {
  const files = {
    "etcd_ca_cert": "/a",
    "etcd_cert": "/b",
    "etcd_key": "/c",
    "config_file": "/d",
    "bgp_peerpass_file": "/e",
  };
  const volumes = volumesOf(settings(files), { to: "file" });
  assert.deepEqual(volumes.map((one) => one.path), ["/a", "/b", "/c", "/d", "/e"]);
  assert.ok(volumes.every((one) => one.readOnly && one.type === "File" && one.mountPath === one.path));
  assert.equal(new Set(volumes.map((one) => one.name)).size, 5);
  assert.deepEqual(volumesOf(settings({ "config_file": "manager.yaml" }), { to: "file" }), []);
});

Deno.test("a file that upstream's Pod does not mount is named", () => {
  const about = (path: string): string =>
    missingVolumes(settings({ "control_plane_health_check_ca_path": path })).join();
  assert.match(about("/pki/ca.crt"), /^control_plane_health_check_ca_path: \/pki\/ca.crt is a path in the container/);
  assert.equal(about("/etc/kubernetes/admin.conf"), "");
  assert.deepEqual(missingVolumes(settings()), []);
});
