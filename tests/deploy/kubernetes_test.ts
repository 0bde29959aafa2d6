import assert from "node:assert/strict";
import { loadManagerConfig } from "../../mod/config/manager/load.ts";
import { command } from "../cli/helpers.ts";
import { EXAMPLES, readExample } from "../manifest/generated.ts";
import { at, environmentOf, parseManifest } from "../manifest/parsed.ts";

Deno.test("each example is what the command line in it prints", async () => {
  for (const name of EXAMPLES) {
    const { text, head, args } = await readExample(name);
    assert.notEqual(args, "", name);
    const { code, out, err } = await command(args.split(" "));
    assert.deepEqual([code, err], [0, ""], name);
    assert.equal(text, head + out, name);
  }
});

Deno.test("each example that runs something runs a valid manager with probes, under a name of its own", async () => {
  const names = EXAMPLES.filter((name) => name !== "rbac");
  assert.equal(names.length, 3);
  for (const name of names) {
    const [object] = parseManifest((await readExample(name)).text);
    assert.ok(object !== undefined);
    const env = { ...environmentOf(object), "vip_nodename": "node1" };
    const local = { "vip_localpeer": "node1:192.168.0.1:10000" };
    const result = loadManagerConfig({
      file: null,
      text: null,
      env: name.includes("peers") ? { ...env, ...local } : env,
      flags: {},
      hostname: "h",
      readText: () => "a secret of the peers",
    });
    assert.deepEqual([...result.warnings, ...(result.outcome === "invalid" ? result.problems : [])], [], name);
    const spec = object["kind"] === "Pod" ? at(object, "spec") : at(object, "spec", "template", "spec");
    assert.equal(at(spec, "containers", 0, "livenessProbe", "httpGet", "port"), 8090);
    assert.match(String(at(spec, "containers", 0, "image")), /^registry\.example\.org\/kube-vip:v/);
  }
});

Deno.test("the rights are given to the account that the DaemonSet runs under", async () => {
  const [set] = parseManifest((await readExample("daemonset")).text);
  const [account] = parseManifest((await readExample("rbac")).text);
  assert.equal(at(account, "metadata", "name"), at(set, "spec", "template", "spec", "serviceAccountName"));
  assert.equal(at(account, "metadata", "namespace"), at(set, "metadata", "namespace"));
});
