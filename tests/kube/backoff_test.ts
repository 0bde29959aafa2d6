import assert from "node:assert/strict";
import { Backoff } from "../../mod/kube/backoff.ts";

Deno.test("Waits double up to a limit, and begin again after a success", () => {
  const backoff = new Backoff(() => 0.5);
  const waits = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.equal(backoff.failures, 8);
  backoff.reset();
  assert.deepEqual([backoff.failures, backoff.next()], [0, 250]);
});

Deno.test("Chance spreads a wait from half to one and a half", () => {
  assert.equal(new Backoff(() => 0).next(), 125);
  assert.equal(new Backoff(() => 0.999).spread(1000), 1499);
});
