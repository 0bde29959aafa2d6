import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { SECRET, V4, withNode } from "./manager_fixture.ts";

/** Nobody can make a directory here, root neither. */
const NOWHERE = "/proc/kube-vip-state";

privileged(
  "a node that can write no files holds all the same, and stops in order",
  () =>
    withNode({ config: { stateDir: NOWHERE } }, async (node) => {
      await node.start();
      await node.until("answers", V4);
      await node.agent.stop();
      assert.deepEqual(node.present(), []);
      assert.equal(node.holder(), "");
    }),
);

privileged("a peer does not: it could forget whom it has voted for", async () => {
  const env = {
    ["vip_leaderelectiontype"]: "peers",
    ["vip_localpeer"]: "a:192.0.2.1:10000",
    ["vip_peers"]: "b:192.0.2.2:10000,c:192.0.2.3:10000",
    ["vip_peersecret"]: SECRET,
  };
  await withNode({ env, config: { stateDir: NOWHERE } }, async (node) => {
    await assert.rejects(node.start(), /Cannot use stateDir/);
    assert.deepEqual(node.cabled.nft.tables(), []);
  });
});
