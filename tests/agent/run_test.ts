import assert from "node:assert/strict";
import { runPeersAgent } from "../../mod/agent/run.ts";
import { loadPeersConfig } from "../../mod/config/load.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { privileged } from "../fakes/privileges.ts";

const BUILD = { version: "test", commit: "none" };

privileged("an interface that does not exist ends with status 1, and nothing is touched", async () => {
  const text =
    "localPeer: {id: only, address: 10.98.0.2, port: 10000}\nvip: 10.98.0.200\nsingleNode: true\ninterface: nosuch0\n";
  const result = loadPeersConfig({ file: "test", text, env: {}, flags: {}, readText: () => "" });
  assert.equal(result.outcome, "valid");
  const { config } = result;
  const namespace = Namespace.create();
  const before = namespace.run(() => new RouteSocket());
  const running: Promise<number>[] = [];
  namespace.run(() => void running.push(runPeersAgent(config, BUILD, { source: null })));
  assert.deepEqual(await Promise.all(running), [1]);
  assert.deepEqual(before.addresses(), []);
  before.close();
  namespace.close();
});
