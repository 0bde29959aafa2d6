import assert from "node:assert/strict";
import { command } from "./helpers.ts";

const FILES = { "/etc/kubernetes/admin.conf": "{}", "other.conf": "{}" };
const NODE = ["--interface", "eth0", "--address", "192.168.0.40"];

const REFUSED: readonly (readonly [line: string, message: RegExp])[] = [
  ["init --address 192.168.0.40", /^error: No interface is specified for kube-vip to bind to/],
  ["init --interface eth0", /^error: No address is specified for kube-vip to expose services on/m],
  ["init --interface eth0 --ddns", /^error: No address is specified for kube-vip to expose services on/m],
  ["join --interface eth0", /^error: No address is specified for kube-vip to expose services on/m],
  [`join --config gone.conf ${NODE.join(" ")}`, /^error: kubeConfig not found Path=gone.conf: No such file/],
  [`init --config other.conf ${NODE.join(" ")}`, /unknown option '--config'/],
  [`init --image a ${NODE.join(" ")}`, /^error: unable to create manifest: cannot parse --image "a"/],
  [`init --inCluster ${NODE.join(" ")}`, /unknown option '--inCluster'/],
];

Deno.test("what is missing is said in upstream's words, with status 1 and nothing on standard output", async () => {
  for (const [line, message] of REFUSED) {
    const { code, out, err } = await command(["kubeadm", ...line.split(" ")], { files: FILES });
    assert.deepEqual([code, out], [1, ""], line);
    assert.match(err, message);
  }
});

Deno.test("init and join print the Pod of manifest pod", async () => {
  const pod = await command(["manifest", "pod", ...NODE]);
  for (const line of [["init"], ["join"], ["join", "--config", "other.conf"]]) {
    const { code, out, err } = await command(["kubeadm", ...line, ...NODE], { files: FILES });
    assert.deepEqual([code, out, err], [0, pod.out, ""]);
  }
});

Deno.test("init needs no kubeconfig: there is none before kubeadm has run", async () => {
  assert.equal((await command(["kubeadm", "init", ...NODE])).code, 0);
  assert.equal((await command(["kubeadm", "join", ...NODE])).code, 1);
});

Deno.test("the old name of the address will do, and the environment counts", async () => {
  const { code, out } = await command(["kubeadm", "init", "--vip", "192.168.0.40", "--vipSubnet", "24"], {
    env: { "vip_interface": "eth7" },
  });
  assert.equal(code, 0);
  assert.match(out, /- name: vip_interface\n {6}value: eth7\n/);
  assert.match(out, /- name: vip_address\n {6}value: 192.168.0.40\n/);
});

Deno.test("kubeadm alone prints its help", async () => {
  const { code, out, err } = await command(["kubeadm"]);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^ {2}init .*\n {2}join /m);
});
