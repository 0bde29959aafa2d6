import assert from "node:assert/strict";
import { fail, reasonOf } from "../../mod/cli/context.ts";
import { fakeTerminal } from "./helpers.ts";

Deno.test("a failure is one line on standard error and status 1", () => {
  const terminal = fakeTerminal();
  const codes: number[] = [];
  fail({
    terminal,
    runAgent: () => Promise.resolve(0),
    runManager: () => Promise.resolve(0),
    exit: (code) => codes.push(code),
  }, "Cannot do it");
  assert.deepEqual([terminal.said, codes], [{ out: "", err: "error: Cannot do it\n" }, [1]]);
});

Deno.test("anything thrown has a reason", () => {
  assert.equal(reasonOf(new Error("a")), "a");
  assert.equal(reasonOf("b"), "b");
});
