import assert from "node:assert/strict";
import { profile, PROFILES, unsafeReasons } from "../../mod/config/timing.ts";
import { base, load, mustLoad, problemLines } from "./helpers.ts";

Deno.test("every profile is safe by the rule that own durations have to keep", () => {
  assert.deepEqual(Object.keys(PROFILES), ["default", "fast", "relaxed"]);
  for (const [name, timing] of Object.entries(PROFILES)) assert.deepEqual(unsafeReasons(timing), [], name);
  assert.equal(profile("fast").beatMs, 10);
});

Deno.test("a profile or four durations set the timing", () => {
  const own = { beatMs: 20, leaseMs: 100, electionMinMs: 200, electionMaxMs: 1000 };
  const rows: [unknown, unknown][] = [
    [undefined, PROFILES["default"]],
    ["Relaxed", PROFILES["relaxed"]],
    [{ beat: 20, lease: "100ms", electionMin: 200, electionMax: "1s" }, own],
    ["20,100,200ms,1s", own],
  ];
  for (const [timing, wanted] of rows) {
    assert.deepEqual(mustLoad(base({ timing })).timing, wanted, JSON.stringify(timing));
  }
});

Deno.test("what cannot be used is refused, naming the duration that is wrong", () => {
  const rows: [unknown, RegExp][] = [
    ["slow", /timing "slow": must be default, fast, relaxed, or beat,lease/],
    ["1,2,3", /timing "1,2,3": must be/],
    [["fast"], /timing "\[fast\]": must be/],
    [{ beat: 50 }, /timing.lease: is missing: give all of/],
    [
      { beat: 50, lease: 200, electionMin: 300, electionMax: 400, election: 1 },
      /timing.election: is not a known setting/,
    ],
    ["4,200,300,400", /timing.beat "4ms": must be at least 5ms/],
    ["50,99,300,400", /timing.lease "99ms": must be at least twice the beat/],
    ["50,200,254,400", /timing.electionMin "254ms": must be more than lease × 1.02 \+ beat \(254ms\)/],
    ["50,200,300,300", /timing.electionMax "300ms": must be more than electionMin/],
    ["50,200,300,61s", /timing "50,200,300,61s": must be/],
  ];
  for (const [timing, pattern] of rows) assert.match(problemLines(load(base({ timing }))).join("\n"), pattern);
});
