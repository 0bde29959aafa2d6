import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadPeersConfig } from "../../mod/config/load.ts";

function read(name: string): Promise<string> {
  return Deno.readTextFile(fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url)));
}

Deno.test("the example configuration is valid and gives no warning", async () => {
  const result = loadPeersConfig({
    file: "config.example.yaml",
    text: await read("config.example.yaml"),
    env: {},
    flags: {},
    readText: () => "a secret that is long enough",
  });
  assert.deepEqual(result.outcome === "invalid" ? result.problems : [], []);
  assert.deepEqual(result.warnings, []);
  assert.ok(result.outcome === "valid");
  assert.equal(result.config.balancers.length, 2);
  assert.equal(result.config.vips.length, 2);
  assert.equal(result.config.remotePeers.length, 2);
});

Deno.test("the example unit starts the program with the powers it needs and keeps its state", async () => {
  const unit = await read("kube-vip.service");
  for (const power of ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_SYS_RESOURCE"]) {
    assert.match(unit, new RegExp(`^CapabilityBoundingSet=.*\\b${power}\\b`, "m"));
  }
  assert.match(unit, /^ExecStart=\S+\/kube-vip start -c \S+$/m);
  assert.match(unit, /^StateDirectory=kube-vip$/m);
});
