import assert from "node:assert/strict";
import { statusTable } from "../../mod/cli/status_table.ts";
import { withAgent } from "./agent_fixture.ts";
import { command } from "./helpers.ts";
import { CLUSTER } from "./status_fixture.ts";

Deno.test("status prints the agent's table, or its JSON", async () => {
  await withAgent({}, async (stateDir) => {
    assert.deepEqual(await command(["status", "--stateDir", stateDir]), {
      code: 0,
      out: statusTable(CLUSTER),
      err: "",
    });
    const json = await command(["status", "--json"], { env: { vip_statedir: stateDir } });
    assert.deepEqual([json.code, JSON.parse(json.out)], [0, CLUSTER]);
    const files = { "c.yaml": `stateDir: ${stateDir}\nvip: nonsense\n` };
    assert.equal((await command(["status", "-c", "c.yaml"], { files })).code, 0);
  });
});

Deno.test("an agent that fails, or says what is not understood, is an error", async () => {
  await withAgent({ status: () => Promise.reject(new Error("not yet")) }, async (stateDir) => {
    const { code, out, err } = await command(["status", "--stateDir", stateDir]);
    assert.deepEqual([code, out, err], [1, "", "error: The agent refused: not yet\n"]);
  });
  await withAgent({ status: () => Promise.resolve({ self: "a" }) }, async (stateDir) => {
    const { code, err } = await command(["status", "--stateDir", stateDir]);
    assert.equal(code, 1);
    assert.match(err, /^error: The agent's answer is not understood \(nodes: .*\); is it of another version\?\n$/);
  });
});

Deno.test("without an agent the reason is on standard error", async () => {
  const { code, out, err } = await command(["status", "--stateDir", "/nowhere"]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^error: No agent answers on \/nowhere\/control.sock; is kube-vip running/);
});
