import assert from "node:assert/strict";
import { parseAllDocuments } from "@kube-vip/yaml";
import { type Json, writeDocuments, writeYaml } from "../../mod/manifest/write.ts";

/** Text and how it stands behind a key. */
const TEXTS: readonly (readonly [text: string, written: string])[] = [
  ["eth0", "eth0"],
  ["true", '"true"'],
  ["False", '"False"'],
  ["6443", '"6443"'],
  ["-4", '"-4"'],
  ["0755", '"0755"'],
  ["1.5", '"1.5"'],
  ["1e3", '"1e3"'],
  ["no", '"no"'],
  ["on", '"on"'],
  ["y", '"y"'],
  ["null", '"null"'],
  ["~", '"~"'],
  ["", '""'],
  ["2026-01-02", '"2026-01-02"'],
  [":2112", ":2112"],
  ["192.168.0.40", "192.168.0.40"],
  ["32,128", "32,128"],
  ["192.168.0.10:65000::false,192.168.0.11:65000::false", "192.168.0.10:65000::false,192.168.0.11:65000::false"],
  ["[fd00::2]:65000::false", "'[fd00::2]:65000::false'"],
  ["::1", "::1"],
  ["a: b", "'a: b'"],
  ["a #b", "'a #b'"],
  ["it's: so", '"it\'s: so"'],
  ["*", "'*'"],
  ['{"a":"b"}', `'{"a":"b"}'`],
  ["%x", "'%x'"],
  ["/etc/x y", "/etc/x y"],
];

Deno.test("text is quoted where YAML would read something else, in double quotes if it is another type", () => {
  for (const [text, written] of TEXTS) assert.equal(writeYaml({ a: text }), `a: ${written}\n`);
});

Deno.test("every text comes back, by the rules of YAML 1.1 and of 1.2", () => {
  const nasty = ["a\nb", "\ttab", " space ", "é\u0000", "-", "- a", "? a", "|", "&a", "!a", "@a", "`a", "'", '"', "#"];
  for (const text of [...TEXTS.map(([one]) => one), ...nasty]) {
    for (const version of ["1.1", "1.2"] as const) {
      const [document] = parseAllDocuments(writeYaml({ [text]: [text] }), { version });
      assert.deepEqual(document?.toJS(), { [text]: [text] }, `${JSON.stringify(text)} in ${version}`);
    }
  }
});

Deno.test("keys are in alphabetical order and lists are not indented below theirs", () => {
  const value = { b: [{ z: 1, a: true }, "x"], a: {}, c: { d: [] } };
  assert.equal(writeYaml(value), "a: {}\nb:\n- a: true\n  z: 1\n- x\nc:\n  d: []\n");
});

Deno.test("long text stays on its line, and equal parts are written out twice", () => {
  const part: Json = { text: "word ".repeat(100).trim() };
  assert.equal(writeYaml({ a: part, b: part }).split("\n").length, 5);
});

Deno.test("documents are introduced by dashes and followed by an empty line", () => {
  assert.equal(writeDocuments([{ a: 1 }, { b: 2 }]), "---\na: 1\n\n---\nb: 2\n\n");
});
