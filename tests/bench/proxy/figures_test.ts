import assert from "node:assert/strict";
import { bestOf, describeGoal, lateness, pairedRatio, percentile, rotated, verdict } from "./figures.ts";

Deno.test("a percentile is a sample that the share of samples does not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([7], 0.01), 7);
  assert.equal(percentile([10, 9], 0.99), 10);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

Deno.test("ratios are of the same round, so that a slow round does not count", () => {
  assert.equal(pairedRatio([10, 1, 30], [5, 0.5, 10]), 2);
  assert.equal(pairedRatio([10, NaN, 30], [5, 1, NaN]), 2);
  assert.equal(pairedRatio([10], [0]), pairedRatio([], []));
  assert.ok(Number.isNaN(pairedRatio([], [1])));
});

Deno.test("the better contestant is chosen in each round", () => {
  assert.deepEqual(bestOf([[1, 5, NaN], [2, 4, 3]]), [2, 5, 3]);
  assert.deepEqual(bestOf([[1], []]), [1]);
  assert.deepEqual(bestOf([[NaN]]), [NaN]);
  assert.deepEqual(bestOf([]), []);
});

const VERDICTS = [
  { value: 2, goal: { atLeast: 2 }, word: "met", shown: "≥ 2" },
  { value: 1.99, goal: { atLeast: 2 }, word: "missed", shown: "≥ 2" },
  { value: 25, goal: { atMost: 25 }, word: "met", shown: "≤ 25" },
  { value: 25.1, goal: { atMost: 25 }, word: "missed", shown: "≤ 25" },
  { value: NaN, goal: { atMost: 25 }, word: "not measured", shown: "≤ 25" },
  { value: 3, goal: null, word: "", shown: "" },
] as const;

for (const { value, goal, word, shown } of VERDICTS) {
  Deno.test(`${value} against the goal "${shown}" is "${word}"`, () => {
    assert.equal(verdict(value, goal), word);
    assert.equal(describeGoal(goal), shown);
  });
}

Deno.test("lateness counts from the event before, and early events are on time", () => {
  assert.deepEqual(lateness([0, 50, 107, 150, 200], 50), [0, 7, 0, 0]);
  assert.deepEqual(lateness([5], 50), []);
  assert.deepEqual(lateness([], 50), []);
});

Deno.test("another contestant begins each round, and each takes part once", () => {
  assert.deepEqual([0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join("")), ["abc", "bca", "cab", "abc"]);
  assert.deepEqual(rotated([], 4), []);
});
