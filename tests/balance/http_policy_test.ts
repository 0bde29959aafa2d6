import assert from "node:assert/strict";
import { drainSteps, isRepeatable, lastRequestMs, type Repeated } from "../../mod/balance/http_policy.ts";

Deno.test("only what does no harm twice, and has no content to lose, is sent once more", () => {
  const get: Repeated = { method: "GET", framing: { kind: "none" }, upgrade: null };
  const rows: [Partial<Repeated>, boolean][] = [
    [{}, true],
    [{ method: "DELETE" }, true],
    [{ method: "POST" }, false],
    [{ method: "PATCH" }, false],
    [{ method: "get" }, false],
    [{ upgrade: "websocket" }, false],
    [{ method: "PUT", framing: { kind: "length", bytes: 1 } }, false],
    [{ framing: { kind: "chunked" } }, false],
  ];
  for (const [change, wanted] of rows) {
    assert.equal(isRepeatable({ ...get, ...change }), wanted, JSON.stringify(change));
  }
});

Deno.test("a last request is waited for a moment, and only while there is time to answer it", () => {
  assert.deepEqual([0, 1, 100, 5000].map(lastRequestMs), [0, 0, 50, 250]);
});

Deno.test("a patient drain closes what is idle near its end, with time for a last request", () => {
  assert.deepEqual(drainSteps(5000, false), [{ idle: "close", forMs: 5000 }]);
  assert.deepEqual(drainSteps(5000, true), [{ idle: "wait", forMs: 4500 }, { idle: "close", forMs: 500 }]);
  for (const drainMs of [0, 1, 2, 3, 499, 500, 501]) {
    const steps = drainSteps(drainMs, true);
    assert.equal(steps.reduce((sum, { forMs }) => sum + forMs, 0), drainMs);
    assert.ok(steps.every(({ forMs }) => forMs >= 0));
  }
});
