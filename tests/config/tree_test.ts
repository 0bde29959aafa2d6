import assert from "node:assert/strict";
import { parseFile } from "../../mod/config/file.ts";
import { Findings } from "../../mod/config/findings.ts";
import { describeTree, isBlank, isHarmless, isHarmlessText, showTree, type Tree } from "../../mod/config/tree.ts";

function tree(yaml: string): Tree {
  const map = parseFile(`k: ${yaml}`, "f", new Findings());
  return map?.entries[0]?.value ?? assert.fail(yaml);
}

Deno.test("trees are described and shown in the words of a message", () => {
  const rows: [string, string, string][] = [
    ["", "nothing", ""],
    ["3", "a number", "3"],
    ["'3'", "text", "3"],
    ["abc", "text", "abc"],
    ["true", "true or false", "true"],
    ["[1, [b]]", "a list", "[1, [b]]"],
    ["{a: 1, b: {c: }}", "a mapping", "{a: 1, b: {c: }}"],
  ];
  for (const [yaml, described, shown] of rows) {
    assert.equal(describeTree(tree(yaml)), described, yaml);
    assert.equal(showTree(tree(yaml)), shown, yaml);
  }
});

Deno.test("blank is nothing and the empty text; harmless is also zero, false and empty groups", () => {
  const rows: [string, boolean, boolean][] = [
    ["", true, true],
    ["''", true, true],
    ["null", true, true],
    ["0", false, true],
    ["false", false, true],
    ["[]", false, true],
    ["{a: {b: 0}, c: ['']}", false, true],
    ["{a: 1}", false, false],
    ["true", false, false],
    ["x", false, false],
  ];
  for (const [yaml, blank, harmless] of rows) {
    assert.equal(isBlank(tree(yaml)), blank, yaml);
    assert.equal(isHarmless(tree(yaml)), harmless, yaml);
  }
  for (const text of ["", "0", "F", "False", " "]) assert.ok(isHarmlessText(text), text);
  for (const text of ["1", "true", "no", "x"]) assert.ok(!isHarmlessText(text), text);
});
