import assert from "node:assert/strict";
import { judge, type Judged } from "../../mod/cli/judge.ts";
import { fakeTerminal } from "./helpers.ts";

const WARNING = { key: "w", value: "", message: "is odd", line: null };
const VALID: Judged = {
  outcome: "valid",
  warnings: [WARNING],
  effective: [{ key: "a", value: "1", origin: "default" }],
};
const INVALID: Judged = {
  outcome: "invalid",
  warnings: [WARNING],
  problems: [{ key: "p", value: "x", message: "must be y", line: 3 }],
};

function ask(result: Judged, options: Record<string, unknown>): [boolean, string, string, number[]] {
  const terminal = fakeTerminal();
  const codes: number[] = [];
  const context = {
    terminal,
    runAgent: () => Promise.resolve(0),
    runManager: () => Promise.resolve(0),
    exit: (code: number) => void codes.push(code),
  };
  const run = judge(result, { file: "f", context, options });
  return [run, terminal.said.out, terminal.said.err, codes];
}

Deno.test("a valid configuration is run, checked or dumped", () => {
  assert.deepEqual(ask(VALID, {}), [true, "", "", []]);
  assert.deepEqual(ask(VALID, { check: true }), [false, "The configuration is valid\n", "warning: w: is odd\n", []]);
  assert.deepEqual(ask(VALID, { dump: true, check: true }), [false, "a = 1 (default)\n", "warning: w: is odd\n", []]);
});

Deno.test("an invalid one is explained on standard error, with status 1", () => {
  const said =
    'warning: w: is odd\nerror: f:3: p "x": must be y\n1 problem in the configuration; nothing was started\n';
  for (const options of [{}, { check: true }, { dump: true }]) {
    assert.deepEqual(ask(INVALID, options), [false, "", said, [1]]);
  }
});
