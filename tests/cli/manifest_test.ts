import assert from "node:assert/strict";
import { VERSION } from "../../mod/cli/version.ts";
import { command } from "./helpers.ts";

const CP = ["--controlplane", "--arp", "--address", "192.168.0.40"];

/** Command lines that are refused, and what is said. What they print is what a file would be made of: nothing. */
const REFUSED: readonly (readonly [line: string, message: RegExp])[] = [
  ["pod --controlplane", /^error: no address is specified for kube-vip to expose services on/],
  ["daemonset --controlplane", /^error: no address is specified for kube-vip to expose services on/],
  ["rbac --controlplane", /^error: no address is specified for kube-vip to expose services on/],
  ["systemd --controlplane", /^error: no address is specified for kube-vip to expose services on/],
  [
    "pod --image a",
    /^error: unable to create manifest: cannot parse --image "a": repository must be between 2 and 255/,
  ],
  ["pod --image=", /^error: unable to create manifest: cannot parse --image "": a repository name must be specified/],
  ["daemonset --image nginx@sha256:00", /cannot parse --image "nginx@sha256:00": .*a digest is not accepted, a tag is/],
  ["pod --arp=maybe", /^error: --arp "maybe": must be true or false/],
  ["pod --port 0", /^error: --port "0": must be a port from 1 to 65535/],
  ["pod --healthCheckPort 80", /^error: --healthCheckPort "80":/],
  ["pod --controlPlaneHealthCheckAddress ftp://a", /unsupported scheme "ftp", expected http or https/],
  ["pod --inCluster=maybe", /^error: --inCluster "maybe": must be true or false/],
  ["daemonset --taint=maybe", /^error: --taint "maybe": must be true or false/],
  ["rbac --upstream-rbac=maybe", /^error: --upstream-rbac "maybe": must be true or false/],
  ["pod --secret vault", /^error: --secret: a static Pod cannot refer to a Secret; give --inCluster/],
  ["daemonset --secret Vault", /^error: --secret "Vault": must be the name of a Secret/],
  ["pod --config-file nowhere.yaml", /^error: .*config file does not exist: nowhere.yaml/],
  ["systemd --program kube-vip", /^error: --program "kube-vip": must be an absolute path/],
  ["systemd --config /a%b", /^error: --config "\/a%b": must be an absolute path/],
  ["pod --nothing", /^error: unknown option '--nothing'/],
  ["nothing", /unknown command 'nothing'/],
];

Deno.test("a mistake is said on standard error, with status 1 and nothing on standard output", async () => {
  for (const [line, message] of REFUSED) {
    const { code, out, err } = await command(["manifest", ...line.split(" ")]);
    assert.deepEqual([code, out], [1, ""], line);
    assert.match(err, message);
  }
});

Deno.test("manifest alone prints its help", async () => {
  const { code, out, err } = await command(["manifest"]);
  assert.deepEqual([code, err], [0, ""]);
  for (const name of ["pod", "daemonset", "rbac", "systemd"]) assert.match(out, new RegExp(`^ {2}${name} `, "m"));
});

Deno.test("each command says in its help where the objects go and has the flags of manager", async () => {
  for (const name of ["pod", "daemonset", "rbac", "systemd"]) {
    const { code, out } = await command(["manifest", name, "--help"]);
    assert.equal(code, 0);
    assert.match(out, /^The objects are in the namespace kube-system, or in svc_namespace; --namespace is that of/m);
    assert.match(out, /^ {2}--leaseDuration <value>/m);
  }
});

Deno.test("the default image is upstream's in this version, and an image without a tag is of this version", async () => {
  const image = async (...args: string[]): Promise<string | undefined> =>
    (await command(["manifest", "pod", ...CP, ...args])).out.match(/^ {4}image: (.*)$/m)?.[1];
  assert.equal(await image(), `ghcr.io/kube-vip/kube-vip:v${VERSION}`);
  assert.equal(await image("--image", "r.io/kube-vip"), `r.io/kube-vip:v${VERSION}`);
  assert.equal(await image("--image", "r.io/kube-vip:x"), "r.io/kube-vip:x");
});

Deno.test("a variable of the environment beats a flag, and a flag the file, in a manifest too", async () => {
  const files = { "m.yaml": "port: 1\nleaseName: file\ninterface: file" };
  const { code, out } = await command(
    [
      "manifest",
      "pod",
      ...CP,
      "--config-file",
      "m.yaml",
      "--interface",
      "flag",
      "--leaseName",
      "flag",
      "--leaderElection",
    ],
    { files, env: { "vip_interface": "env" } },
  );
  assert.equal(code, 0);
  for (
    const pair of ['port\n      value: "1"', "vip_leasename\n      value: flag", "vip_interface\n      value: env"]
  ) {
    assert.ok(out.includes(`- name: ${pair}\n`), pair);
  }
});

Deno.test("flags that may be repeated add to their list", async () => {
  const args = ["--bgp", "--bgppeers", "10.0.0.1:65001", "--bgppeers", "10.0.0.2:65002"];
  const { out } = await command(["manifest", "pod", ...args]);
  assert.match(out, /^ {6}value: 10.0.0.1:65001,10.0.0.2:65002$/m);
});

Deno.test("switches take their value after an equals sign", async () => {
  const { out } = await command(["manifest", "daemonset", ...CP, "--arp=false", "--taint=false", "--inCluster=true"]);
  assert.match(out, /^ {8}- name: vip_arp\n {10}value: "false"$/m);
  assert.doesNotMatch(out, /tolerations/);
  assert.match(out, /serviceAccountName/);
});

Deno.test("what is to be known goes to standard error and leaves the manifest whole", async () => {
  const bgp = ["--bgp", "--peerPass", "sesame"];
  const readable = await command(["manifest", "pod", ...bgp]);
  assert.equal(readable.code, 0);
  assert.match(readable.err, /^warning: bgp_peerpass: the password can be read in the manifest/m);
  assert.match(readable.out, /^apiVersion: v1\n/);
  const hidden = await command(["manifest", "pod", "--inCluster", "--secret", "vault", ...bgp]);
  assert.deepEqual([hidden.code, hidden.err], [0, ""]);
  assert.doesNotMatch(hidden.out, /sesame/);
  const rights = await command(["manifest", "rbac"]);
  assert.match(rights.err, /^warning: no feature is named/);
});

Deno.test("systemd prints the unit of start, and with a control plane that of manager", async () => {
  const start = await command(["manifest", "systemd", "-c", "/etc/vip.yaml"]);
  assert.match(start.out, /^ExecStart=\/usr\/local\/bin\/kube-vip start -c \/etc\/vip.yaml$/m);
  const manager = await command(["manifest", "systemd", "--program", "/opt/kube-vip", ...CP]);
  assert.match(manager.out, /^ExecStart=\/opt\/kube-vip manager$/m);
  assert.match(manager.out, /^Environment=address=192.168.0.40$/m);
});
