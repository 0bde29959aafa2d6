import assert from "node:assert/strict";
import { GRANT_MS, NODE, V4, withNode } from "./manager_fixture.ts";
import { quietPort } from "../fakes/ports.ts";
import { privileged } from "../fakes/privileges.ts";

async function isLeader(port: number): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return (await response.text()).split("\n").find((line) => line.startsWith("kube_vip_is_leader{"))?.slice(-1);
}

privileged("a node that was cut off from the API server does not count itself as the leader", async () => {
  const metrics = { host: "127.0.0.1", port: quietPort() };
  await withNode({ config: { metrics } }, async (node) => {
    await node.start();
    await node.until("answers", V4);
    assert.equal(await isLeader(metrics.port), "1");
    node.api.freeze();
    await node.until("is silent", V4, GRANT_MS + 1500);
    assert.equal(node.holder(), NODE, "named, and silent");
    assert.equal(await isLeader(metrics.port), "0");
    node.api.thaw();
    await node.until("answers", V4);
    assert.equal(await isLeader(metrics.port), "1");
  });
});
