import assert from "node:assert/strict";
import { agentStateDir } from "../../mod/cli/state_dir.ts";
import { fakeTerminal } from "./helpers.ts";

interface Given {
  readonly options?: Record<string, unknown>;
  readonly env?: Record<string, string>;
}

function ask({ options = {}, env = {} }: Given): [string | null, string] {
  const terminal = fakeTerminal({ env, files: { "c.yaml": "stateDir: /file\nbogus: 1\n", "bad.yaml": "[" } });
  const stateDir = agentStateDir(options, {
    terminal,
    runAgent: () => Promise.resolve(0),
    runManager: () => Promise.resolve(0),
    exit: () => {},
  });
  return [stateDir, terminal.said.err];
}

Deno.test("the state directory is found as start finds it, whatever else the file says", () => {
  assert.deepEqual(ask({}), ["/var/lib/kube-vip", ""]);
  assert.deepEqual(ask({ options: { config: "c.yaml" } }), ["/file", ""]);
  assert.deepEqual(ask({ options: { config: "c.yaml", stateDir: "/flag" } }), ["/flag", ""]);
  assert.deepEqual(ask({ options: { stateDir: "/flag" }, env: { vip_statedir: "/env" } }), ["/env", ""]);
});

Deno.test("what cannot be read or is no path is said", () => {
  const rows: [Given, RegExp][] = [
    [{ options: { stateDir: "here" } }, /^error: --stateDir "here": must be an absolute path\n$/],
    [{ options: { config: "none.yaml" } }, /^error: Error reading \[none.yaml\]/],
    [{ options: { config: "bad.yaml" } }, /^error: bad.yaml:\d+: bad.yaml: is not valid YAML/],
  ];
  for (const [given, pattern] of rows) {
    const [stateDir, err] = ask(given);
    assert.equal(stateDir, null);
    assert.match(err, pattern);
  }
});
