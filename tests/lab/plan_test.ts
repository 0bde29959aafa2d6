import assert from "node:assert/strict";
import { loadPeersConfig } from "../../mod/config/load.ts";
import { nodeConfig, station, VIP_4, VIP_6 } from "./plan.ts";

const NODES = [station("node1", 1), station("node2", 2), station("node3", 3)];

Deno.test("the configuration of every node of the laboratory is valid and without a warning", () => {
  for (const local of NODES) {
    const text = nodeConfig(local, NODES, {
      timing: "fast",
      peerSecret: "0123456789abcdef0123456789abcdef",
      backends: [station("backend1", 21), station("backend2", 22)],
      extra: {},
      stateDir: "/tmp/state",
    });
    const result = loadPeersConfig({ file: "config.yaml", text, env: {}, flags: {}, readText: () => "" });
    assert.equal(result.outcome, "valid", JSON.stringify(result));
    assert.deepEqual(result.warnings, []);
    assert.deepEqual(result.config.vips.map((vip) => vip.ip), [VIP_4, VIP_6]);
    assert.deepEqual(
      result.config.remotePeers.map((peer) => peer.id),
      NODES.filter((n) => n !== local).map((n) => n.name),
    );
    assert.equal(result.config.balancers.length, 3);
  }
});

Deno.test("what a laboratory adds goes into every file", () => {
  const [local = station("node1", 1)] = NODES;
  const options = {
    timing: "default",
    peerSecret: "x".repeat(32),
    backends: [],
    extra: { placement: "spread" },
    stateDir: "/s",
  };
  const text = nodeConfig(local, NODES, options);
  assert.match(text, /^placement: spread$/m);
  assert.doesNotMatch(text, /loadBalancers/);
});
