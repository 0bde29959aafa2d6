import assert from "node:assert/strict";
import { RetryPlan } from "../../mod/bgp/retry_plan.ts";
import { seededRandom } from "../fakes/random.ts";
import { SEED } from "./session_kit.ts";

const most = { random: () => 0.999_999 };

Deno.test("after an orderly end the next attempt follows within a second, never at once, however often", () => {
  const random = seededRandom(SEED);
  const plan = new RetryPlan();
  for (let i = 0; i < 200; i += 1) {
    const wait = plan.ended("other", 0, { random });
    assert(wait.ms >= 250 && wait.ms <= 1000 && !wait.isDamped, `seed ${SEED}: ${wait.ms}`);
  }
});

Deno.test("after errors the wait doubles from one second to thirty", () => {
  const plan = new RetryPlan();
  const waits = Array.from({ length: 8 }, () => Math.round(plan.ended("protocol-error", 500, most).ms / 1000));
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
});

Deno.test("a session that lasted a minute forgets the errors before it", () => {
  const plan = new RetryPlan();
  for (let i = 0; i < 5; i += 1) plan.ended("protocol-error", 59_999, most);
  assert.equal(Math.round(plan.ended("protocol-error", 60_000, most).ms), 1000);
  assert.equal(Math.round(plan.ended("protocol-error", 0, most).ms), 2000);
  plan.reset();
  assert.equal(Math.round(plan.ended("protocol-error", 0, most).ms), 1000);
});

Deno.test("orderly ends between errors neither damp nor forget", () => {
  const plan = new RetryPlan();
  plan.ended("protocol-error", 0, most);
  assert.equal(plan.ended("other", 10, most).isDamped, false);
  const wait = plan.ended("protocol-error", 0, most);
  assert.deepEqual([Math.round(wait.ms), wait.isDamped], [2000, true]);
});
