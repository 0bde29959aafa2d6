import assert from "node:assert/strict";
import { type CheckResult, judge, type Tally, UNCHECKED } from "../../mod/health/threshold.ts";

const RESULTS: Record<string, CheckResult> = {
  "+": { outcome: "good" },
  g: { outcome: "gone", why: "gone" },
  a: { outcome: "ailing", why: "ailing" },
};

/** The verdict after each result: ? unknown, + healthy, - unhealthy. */
function verdicts(script: string, limits = { gone: 2, ailing: 3 }): string {
  let tally: Tally = UNCHECKED;
  return Array.from(script, (letter) => {
    const result = RESULTS[letter];
    assert.ok(result);
    tally = judge(tally, result, limits);
    return { unknown: "?", healthy: "+", unhealthy: "-" }[tally.health.is];
  }).join("");
}

Deno.test("failures count in a row, by the limit of the last one's kind, and one success mends all", () => {
  const table = [
    ["+", "+"],
    ["+g+g+g", "++++++"],
    ["+gg", "++-"],
    ["+aaa", "+++-"],
    ["+aa+aa+", "+++++++"],
    ["+ag", "++-"],
    ["+ga", "+++"],
    ["+gaa", "+++-"],
    ["+gg+", "++-+"],
    ["+gga", "++--"],
    ["gg", "?-"],
    ["aaa+", "??-+"],
    ["ga", "??"],
  ] as const;
  for (const [script, expected] of table) assert.equal(verdicts(script), expected, script);
});

Deno.test("a limit of one believes the first failure", () => {
  assert.equal(verdicts("+a+g", { gone: 1, ailing: 1 }), "+-+-");
});

Deno.test("the reason is the last one", () => {
  const limits = { gone: 1, ailing: 1 };
  let tally = judge(UNCHECKED, { outcome: "gone", why: "first" }, limits);
  tally = judge(tally, { outcome: "ailing", why: "second" }, limits);
  assert.deepEqual(tally.health, { is: "unhealthy", why: "second" });
});
