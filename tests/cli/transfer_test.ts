import assert from "node:assert/strict";
import type { TransferAnswer } from "../../mod/agent/control.ts";
import { withAgent } from "./agent_fixture.ts";
import { command } from "./helpers.ts";

Deno.test("transfer asks for the best member or the named one, under both of its names", async () => {
  const asked: (string | null)[] = [];
  const transfer = (to: string | null): Promise<TransferAnswer> => {
    asked.push(to);
    return Promise.resolve({ outcome: "transferred", to: to ?? "best" });
  };
  await withAgent({ transfer }, async (stateDir) => {
    const at = ["--stateDir", stateDir];
    assert.equal((await command(["transfer", ...at])).out, "Leadership was handed to best\n");
    assert.equal((await command(["transfer", "b", ...at])).out, "Leadership was handed to b\n");
    assert.equal((await command(["leader", "transfer", "c", ...at])).out, "Leadership was handed to c\n");
  });
  assert.deepEqual(asked, [null, "b", "c"]);
});

Deno.test("a refusal and a missing agent are errors", async () => {
  const transfer = (): Promise<TransferAnswer> => Promise.resolve({ outcome: "refused", why: "b\nis behind" });
  await withAgent({ transfer }, async (stateDir) => {
    const { code, out, err } = await command(["transfer", "b", "--stateDir", stateDir]);
    assert.deepEqual([code, out, err], [1, "", "error: Leadership was not handed over: b\\u000ais behind\n"]);
  });
  assert.equal((await command(["transfer", "--stateDir", "/nowhere"])).code, 1);
});
