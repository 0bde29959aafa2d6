import assert from "node:assert/strict";
import { chooseStages, type Ending, judge, testArguments } from "./stages.ts";

const GOOD: Ending = {
  stage: "lab",
  code: 0,
  tally: { passed: 3, failed: [], skipped: ["a"] },
  timedOut: false,
};

Deno.test("chooseStages() runs all by default, else the named ones in order, and refuses other words", () => {
  assert.deepEqual(chooseStages([]), ["unit", "binary", "lab"]);
  assert.deepEqual(chooseStages(["lab", "unit"]), ["unit", "lab"]);
  assert.equal(chooseStages(["unit", "labs"]), null);
});

Deno.test("testArguments() keeps the laboratory and the program out of the parallel stage", () => {
  const unit = testArguments("unit", "/j.xml");
  assert.ok(
    unit.includes("--parallel") && unit.includes("--ignore=tests/binary,tests/kubernetes,tests/lab,tests/cluster"),
  );
  const common = ["test", "-A", "--junit-path=/j.xml"];
  assert.deepEqual(testArguments("binary", "/j.xml"), [...common, "tests/binary"]);
  assert.deepEqual(testArguments("lab", "/j.xml"), [...common, "tests/kubernetes", "tests/lab", "tests/cluster"]);
});

Deno.test("judge() leaves a good run alone", () => assert.deepEqual(judge(GOOD, false), GOOD.tally));

Deno.test("judge() counts skipped laboratory and program tests as failed where it is strict", () => {
  for (const stage of ["binary", "lab"] as const) {
    assert.deepEqual(judge({ ...GOOD, stage }, true), { passed: 3, failed: ["a (skipped)"], skipped: [] });
  }
  assert.deepEqual(judge({ ...GOOD, stage: "unit" }, true), GOOD.tally);
});

const BAD: readonly (readonly [string, Partial<Ending>, string])[] = [
  ["a crash outside any test", { code: 1 }, "lab: ended with status 1 outside any test"],
  ["a run of nothing", { tally: { passed: 0, failed: [], skipped: [] } }, "lab: no test ran"],
  ["a run that took too long", { code: 143, timedOut: true }, "lab: ended after 1800 s"],
];

for (const [what, change, failure] of BAD) {
  Deno.test(`judge() counts ${what} as a failure`, () => {
    assert.deepEqual(judge({ ...GOOD, ...change }, false).failed, [failure]);
  });
}

Deno.test("judge() does not count a failing test twice", () => {
  const tally = { passed: 1, failed: ["b"], skipped: [] };
  assert.deepEqual(judge({ ...GOOD, code: 1, tally }, true), tally);
});
