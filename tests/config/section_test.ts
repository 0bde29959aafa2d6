import assert from "node:assert/strict";
import { parseFile } from "../../mod/config/file.ts";
import { Findings, formatProblem, Place } from "../../mod/config/findings.ts";
import { anything, int, text } from "../../mod/config/kinds.ts";
import { FILE_ONLY, Section, type Sources } from "../../mod/config/section.ts";
import { type Setting, setting } from "../../mod/config/setting.ts";

const A = setting({
  key: "a",
  aliases: ["old"],
  env: ["env_a", "env_a2"],
  flag: "a",
  kind: int(1, 9),
  fallback: 5,
  help: "A",
});
const INNER = setting({ key: "inner", env: ["env_i"], flag: "i", kind: text, fallback: "-", help: "Inner" });
const GROUP = setting({ key: "group", kind: anything, fallback: null, fields: [INNER], many: true, help: "Group" });
const LATER = setting({
  key: "later",
  kind: anything,
  fallback: null,
  standing: { is: "later", feature: "X" },
  help: "L",
});
const UNUSED = setting({
  key: "unused",
  env: ["env_u"],
  kind: anything,
  fallback: null,
  secret: true,
  standing: { is: "unused", why: "y", harmless: ["32"] },
  help: "U",
});
const ALL: readonly Setting<unknown>[] = [A, GROUP, LATER, UNUSED];

function open(file: string, sources: Partial<Sources> = {}): { section: Section; findings: Findings } {
  const findings = new Findings();
  const map = parseFile(file, "f", findings);
  assert.ok(map !== null);
  return { section: new Section(new Place(findings), map, { ...FILE_ONLY, ...sources }), findings };
}

Deno.test("the strongest source wins and says where it is from", () => {
  const rows: [string, Partial<Sources>, number, string][] = [
    ["", {}, 5, "default"],
    ["a: 1", {}, 1, "file"],
    ["OLD: 1", {}, 1, "file"],
    ["a: ''\nold: 2", {}, 2, "file"],
    ["a: 1", { flags: { a: "2" } }, 2, "flag"],
    ["a: 1", { flags: { a: "2" }, env: { env_a2: "3" } }, 3, "env"],
    ["a: 1", { flags: { a: "" }, env: { env_a: " " } }, 1, "file"],
    ["a: 0", { flags: { a: "2" } }, 5, "invalid"],
  ];
  for (const [file, sources, value, origin] of rows) {
    const given = open(file, sources).section.read(A);
    assert.deepEqual([given.value, given.origin], [value, origin], `${file} ${JSON.stringify(sources)}`);
  }
});

Deno.test("two names of one setting that disagree are a contradiction, unless they say the same", () => {
  const same = open("a: 1\nold: 1");
  assert.equal(same.section.read(A).value, 1);
  assert.deepEqual(same.findings.problems, []);
  const different = open("a: 1", { env: { env_a: "2", env_a2: "3" } });
  different.section.read(A);
  assert.deepEqual(different.findings.problems.map((one) => formatProblem(one, null)), [
    "env_a2: contradicts env_a: both set the same thing (2 and 3), give one of them",
  ]);
});

Deno.test("where the first of two names counts, the other is a warning", () => {
  const first = setting({ ...A, flagAliases: ["b"], rivals: "first" });
  const rows: [string, Partial<Sources>, number, string[]][] = [
    ["", { flags: { a: "1", b: "2" } }, 1, ["--b: contradicts --a: both set the same thing (1 and 2), --a counts"]],
    ["", { flags: { b: "2" } }, 2, []],
    ["a: 3\nold: 4", {}, 3, ["old: contradicts a: both set the same thing (3 and 4), a counts"]],
    ["", { env: { env_a: "1", env_a2: "1" } }, 1, []],
  ];
  for (const [file, sources, value, warnings] of rows) {
    const { section, findings } = open(file, sources);
    assert.equal(section.read(first).value, value);
    assert.deepEqual(findings.warnings.map((one) => formatProblem(one, null)), warnings);
    assert.deepEqual(findings.problems, []);
  }
});

Deno.test("where an empty text counts, it is a value of its source, unless nothing at all was written", () => {
  const empty = setting({ key: "e", env: ["E"], flag: "e", kind: text, fallback: "x", emptyCounts: true, help: "E" });
  const rows: [string, Partial<Sources>, string, string][] = [
    ["e: y", { env: { E: "" } }, "", "env"],
    ["e: y", { flags: { e: " " } }, "", "flag"],
    ["e: ''", {}, "", "file"],
    ["e:", {}, "x", "default"],
    ["", {}, "x", "default"],
  ];
  for (const [file, sources, value, origin] of rows) {
    const given = open(file, sources).section.read(empty);
    assert.deepEqual([given.value, given.origin], [value, origin], `${file} ${JSON.stringify(sources)}`);
  }
});

Deno.test("a group that is one mapping is read with the same sources, and anything else there is refused", () => {
  const sources = { env: { env_i: "e" }, flags: {} };
  const group = open("group: {inner: x}", sources).section.group(GROUP).read(INNER);
  assert.deepEqual([group.value, group.origin], ["e", "env"]);
  const { section, findings } = open("group: {inner: x}");
  assert.equal(section.group(GROUP).read(INNER).place.key, "group.inner");
  assert.equal(open("").section.group(GROUP).read(INNER).value, "-");
  const wrong = open("group: [1]");
  assert.equal(wrong.section.group(GROUP).read(INNER).value, "-");
  assert.match(wrong.findings.problems[0]?.message ?? "", /must be a mapping, not a list/);
  section.group(GROUP).refuseUnknown([]);
  assert.match(findings.problems[0]?.message ?? "", /is not a known setting/);
});

Deno.test("flags and variables of a group's fields are about its first member, which they may bring into being", () => {
  const sources = { env: { env_i: "e" }, flags: {} };
  const values = (file: string): string[] =>
    open(file, sources).section.members(GROUP).map((one) => one.read(INNER).value);
  assert.deepEqual(values("group: [{inner: x}, {inner: y}]"), ["e", "y"]);
  assert.deepEqual(values(""), ["e"]);
  assert.deepEqual(open("").section.members(GROUP), []);
  const wrong = open("group: [3]\n");
  wrong.section.members(GROUP);
  assert.match(
    formatProblem(wrong.findings.problems[0] ?? assert.fail(), null),
    /^group\[0\] "3": must be a mapping, not a number/,
  );
});

Deno.test("what nobody reads is looked at in the end: unknown, unused and later settings", () => {
  const rows: [string, Record<string, string>, string[], string[]][] = [
    ["later: false\nunused: 32", {}, [], []],
    ["later: {a: [0, '', false]}\nunused: {}", {}, [], []],
    ["later: true", {}, ['later "true": belongs to X, which this command does not have; remove it'], []],
    ["unused: key", { env_u: "hush" }, [], [
      'env_u "********": has no effect: y',
      'unused "********": has no effect: y',
    ]],
    ["latre: 1", {}, ["latre: is not a known setting; did you mean later?"], []],
    ["zzzzzz: 1", {}, ["zzzzzz: is not a known setting; known here: a, old, group, later, unused"], []],
  ];
  for (const [file, env, problems, warnings] of rows) {
    const { section, findings } = open(file, { env });
    section.finish(ALL);
    assert.deepEqual(findings.problems.map((one) => formatProblem(one, null)), problems, file);
    assert.deepEqual(findings.warnings.map((one) => formatProblem(one, null)), warnings, file);
  }
});

Deno.test("every value that was read is listed for the dump, secrets masked", () => {
  const secret = setting({ key: "s", kind: text, fallback: "", secret: true, help: "S" });
  const { section, findings } = open("a: 3\ns: hush");
  section.read(A);
  section.read(secret);
  assert.deepEqual(findings.effective, [
    { key: "a", value: "3", origin: "file line 1" },
    { key: "s", value: "********", origin: "file line 2" },
  ]);
});
