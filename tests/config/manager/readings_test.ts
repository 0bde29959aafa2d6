import assert from "node:assert/strict";
import { parseFile } from "../../../mod/config/file.ts";
import { Findings, formatProblem, Place } from "../../../mod/config/findings.ts";
import { bool, int } from "../../../mod/config/kinds.ts";
import { group, managed } from "../../../mod/config/manager/kinds.ts";
import { Readings, refuseLater, warnLater, warnUnused } from "../../../mod/config/manager/readings.ts";
import { Section, type Sources } from "../../../mod/config/section.ts";
import type { Setting } from "../../../mod/config/setting.ts";

const A = managed({ key: "a", env: ["A"], kind: int(1, 9), fallback: 5, help: "A" });
const B = managed({ key: "b", flag: "b", kind: int(1, 9), fallback: 5, help: "B" });
const INNER = managed<null>({ key: "inner", kind: group, fallback: null, fields: [B], help: "I" });
const OUTER = managed<null>({ key: "outer", kind: group, fallback: null, fields: [A, INNER], help: "O" });
const LATER = managed({ key: "l", kind: bool, fallback: false, standing: { is: "later", feature: "X" }, help: "L" });
const DEAD = managed({
  key: "d",
  env: ["D"],
  kind: int(0, 9),
  fallback: 0,
  standing: { is: "unused", why: "y", harmless: ["3"] },
  help: "D",
});
const TABLE: readonly Setting<unknown>[] = [OUTER, LATER, DEAD];

function open(file: string, sources: Partial<Sources> = {}): { readings: Readings; findings: Findings } {
  const findings = new Findings();
  const map = parseFile(file, "f", findings) ?? assert.fail();
  const section = new Section(new Place(findings), map, { env: {}, flags: {}, ...sources });
  return { readings: new Readings(section, TABLE), findings };
}

Deno.test("settings of groups within groups are read from every source", () => {
  const { readings, findings } = open("outer: {a: 1, inner: {b: 2}}", { env: { A: "3" } });
  assert.deepEqual([readings.value(A), readings.value(B)], [3, 2]);
  assert.deepEqual(readings.settings.map((one) => one.key), ["a", "b", "l", "d"]);
  assert.deepEqual(findings.effective.map(({ key, origin }) => [key, origin]), [
    ["outer.a", "env A"],
    ["outer.inner.b", "file line 1"],
    ["l", "default"],
    ["d", "default"],
  ]);
  assert.equal(open("", { flags: { b: "7" } }).readings.value(B), 7);
});

Deno.test("what is missing is named by its variable, or else its flag, or else its key, or always by its key", () => {
  const { readings } = open("");
  assert.deepEqual([A, B, LATER].map((one) => readings.get<number | boolean>(one).place.key), ["A", "--b", "l"]);
  const top = new Section(new Place(new Findings()), { is: "map", entries: [], line: 1 }, { env: {}, flags: {} });
  const byKey = new Readings(top, TABLE, "by key");
  assert.deepEqual([A, B, LATER].map((one) => byKey.get<number | boolean>(one).place.key), [
    "outer.a",
    "outer.inner.b",
    "l",
  ]);
  const stray = managed({ key: "stray", kind: bool, fallback: false, help: "S" });
  assert.throws(() => readings.get(stray), /stray is not in the table/);
});

Deno.test("a manifest with what is not there yet is made with a warning", () => {
  const { readings, findings } = open("l: true");
  warnLater(readings);
  const lines = findings.warnings.map((one) => formatProblem(one, null));
  assert.deepEqual(lines, [
    'l "true": belongs to X, which this program does not have yet: its manager refuses to start',
  ]);
  assert.deepEqual(findings.problems, []);
});

Deno.test("only what was asked for is refused or warned about", () => {
  const rows: [string, Partial<Sources>, string[]][] = [
    ["l: false\nd: 0", {}, []],
    ["d: 3", {}, []],
    ["l: true", {}, ['l "true": belongs to X, which this program does not have yet; remove it']],
    ["d: 4", {}, ['d "4": has no effect: y']],
    ["d: 4", { env: { D: "0" } }, []],
    ["l: x", {}, ['l "x": must be true or false, not text']],
  ];
  for (const [file, sources, wanted] of rows) {
    const { readings, findings } = open(file, sources);
    warnUnused(readings);
    refuseLater(readings);
    const lines = [...findings.problems, ...findings.warnings].map((one) => formatProblem(one, null));
    assert.deepEqual(lines, wanted, file);
  }
});
