import assert from "node:assert/strict";
import { LARGEST_FILE_CHARACTERS, parseFile } from "../../mod/config/file.ts";
import { Findings, formatProblem } from "../../mod/config/findings.ts";
import { showTree, type Tree } from "../../mod/config/tree.ts";

function parse(text: string): { tree: Tree | null; lines: string[] } {
  const findings = new Findings();
  const tree = parseFile(text, "c.yaml", findings);
  return { tree, lines: findings.problems.map((problem) => formatProblem(problem, "c.yaml")) };
}

const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
`;

const BAD: [string, string, RegExp][] = [
  [
    "too large",
    "#".repeat(LARGEST_FILE_CHARACTERS + 1),
    /^c\.yaml: has 262145 characters, at most 262144 are accepted$/,
  ],
  ["a list", "- 1\n", /^c\.yaml:1: c\.yaml: must be a mapping/],
  ["text", "hello", /must be a mapping/],
  ["an open bracket", "a: 1\nb: [1\n", /^c\.yaml:3: c\.yaml: is not valid YAML: Flow sequence/],
  ["a key twice", "a: 1\nb:\n  c: 1\n  c: 2\n", /^c\.yaml:4: c\.yaml: has the key "c" twice in one mapping$/],
  ["an alias bomb", bomb, /^c\.yaml:1: c\.yaml: has more than 20000 values$/],
  ["an alias of itself", "a: &x [*x]", /is nested more than 32 levels deep/],
  ["an alias of nothing", "a: *x", /./],
  ["deep nesting", "a: " + "[".repeat(100) + "]".repeat(100), /is nested more than 32 levels deep/],
  ["very deep nesting", "[".repeat(20_000), /is not valid YAML/],
  ["a mapping as a key", "? {a: 1}\n: 2\n", /has a key that is not plain text/],
  ["two documents", "a: 1\n---\nb: 1\n", /multiple documents/],
];

Deno.test("what cannot be read is refused with its line", () => {
  for (const [name, text, pattern] of BAD) {
    const { tree, lines } = parse(text);
    assert.equal(tree, null, name);
    assert.match(lines[0] ?? "", pattern, name);
    assert.ok(lines.length <= 10, name);
  }
});

Deno.test("many keys are read in reasonable time", () => {
  const text = Array.from({ length: 15_000 }, (_, i) => `k${i}: 1\n`).join("");
  const { tree } = parse(text);
  assert.equal(tree?.is === "map" && tree.entries.length, 15_000);
});

Deno.test("YAML and JSON give the same tree, with lines and the text of numbers", () => {
  const yaml = parse("a: 010\nb:\n- x\n- 'y'\nc: {d: true, e: }\n# the end\n").tree;
  const json = parse('{"a": 010, "b": ["x", "y"], "c": {"d": true, "e": null}}').tree;
  assert.equal(yaml && showTree(yaml), "{a: 010, b: [x, y], c: {d: true, e: }}");
  assert.equal(json && showTree(json), yaml && showTree(yaml));
  assert.deepEqual(yaml?.is === "map" && yaml.entries.map((entry) => entry.line), [1, 2, 5]);
});

Deno.test("an alias stands for its anchor, an empty file for an empty mapping", () => {
  const { tree } = parse("a: &x {b: 1}\nc: *x\n");
  assert.equal(tree && showTree(tree), "{a: {b: 1}, c: {b: 1}}");
  for (const empty of ["", "\n# nothing\n", "---\n", "null"]) assert.equal(parse(empty).tree?.is, "map", empty);
});
