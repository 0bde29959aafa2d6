import assert from "node:assert/strict";
import { GRANT_MS, NODE, V4, withNode } from "./manager_fixture.ts";
import { quietPort } from "../fakes/ports.ts";
import { privileged } from "../fakes/privileges.ts";

const LIMIT_MS = 15_000;

async function isLeader(port: number): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return (await response.text()).split("\n").find((line) => line.startsWith("kube_vip_is_leader{"))?.slice(-1);
}

/** What was under way when the server stood still gives a right that is over soon; on a busy machine there is a gap before the next. */
async function untilLeader(port: number): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (await isLeader(port) !== "1") assert.ok(performance.now() < endMs, `no leader within ${LIMIT_MS} ms`);
}

privileged("a node that was cut off from the API server does not count itself as the leader", async () => {
  const metrics = { host: "127.0.0.1", port: quietPort() };
  await withNode({ config: { metrics } }, async (node) => {
    await node.start();
    await node.until("answers", V4);
    await untilLeader(metrics.port);
    node.api.freeze();
    await node.until("is silent", V4, GRANT_MS + 1500);
    assert.equal(node.holder(), NODE, "named, and silent");
    assert.equal(await isLeader(metrics.port), "0");
    node.api.thaw();
    await untilLeader(metrics.port);
  });
});
