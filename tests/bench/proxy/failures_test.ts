import assert from "node:assert/strict";
import { type Failure, formatFailure, parseFailure, reasons, wasUnderWay } from "./failures.ts";

const DEATHS = [{ killedMs: 1000, goneMs: 1010 }, { killedMs: 3000, goneMs: 3004 }];

function failure(sentMs: number, failedMs: number): Failure {
  return { method: "GET", sentMs, failedMs, why: "reset" };
}

const CASES: { name: string; failure: Failure; explained: boolean }[] = [
  { name: "sent before, failed after", failure: failure(990, 1005), explained: true },
  { name: "sent while it died", failure: failure(1005, 1008), explained: true },
  { name: "sent before the death could be noticed", failure: failure(1029, 1031), explained: true },
  { name: "of the second death", failure: failure(2999, 3100), explained: true },
  { name: "sent long after", failure: failure(1100, 1101), explained: false },
  { name: "failed before", failure: failure(900, 999), explained: false },
  { name: "between the deaths", failure: failure(1500, 2900), explained: false },
];

for (const { name, failure, explained } of CASES) {
  Deno.test(`a death explains a failure that was under way: ${name}`, () => {
    assert.equal(wasUnderWay(failure, DEATHS), explained);
    assert.equal(wasUnderWay(failure, []), false);
  });
}

Deno.test("a failure survives its line", () => {
  const given: Failure = { method: "POST", sentMs: 1234.5, failedMs: 1240.125, why: "status 502" };
  assert.deepEqual(parseFailure(formatFailure(given)), given);
});

for (const line of ["", "x", "x GET 1 2", "b node1 5.0", `{"right":1}`]) {
  Deno.test(`other lines are not failures: ${JSON.stringify(line)}`, () => assert.equal(parseFailure(line), null));
}

Deno.test("reasons are counted, the most frequent first", () => {
  const post = { ...failure(1, 2), method: "POST", why: "status 502" };
  assert.equal(reasons([post, failure(1, 2), failure(3, 4)]), "2 GET reset, 1 POST status 502");
});
