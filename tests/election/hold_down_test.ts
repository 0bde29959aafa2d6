import assert from "node:assert/strict";
import { HoldDown } from "../../mod/election/hold_down.ts";

/** How long a node has to be fit until it may serve, asked every 100 ms from `now` on. */
function waitMs(holdDown: HoldDown, now: number): number {
  for (let passed = 0;; passed += 100) {
    if (holdDown.allows(true, now + passed)) return passed;
    assert.ok(passed <= 60_000);
  }
}

Deno.test("a node that served for long serves again as soon as it is fit", () => {
  const holdDown = new HoldDown();
  assert.equal(waitMs(holdDown, 0), 0);
  holdDown.begins(0);
  holdDown.fails(60_000);
  assert.equal(holdDown.allows(false, 61_000), false);
  assert.equal(waitMs(holdDown, 62_000), 0);
});

Deno.test("one that comes and goes waits longer each time, half a minute at most, and is forgiven once it is steady", () => {
  const holdDown = new HoldDown();
  const waits: number[] = [];
  let now = 0;
  for (let turn = 0; turn < 8; turn++) {
    holdDown.begins(now);
    now += 5000;
    holdDown.fails(now);
    waits.push(waitMs(holdDown, now));
    now += waits.at(-1) ?? 0;
  }
  assert.deepEqual(waits, [0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  holdDown.begins(now);
  holdDown.fails(now + 60_000);
  assert.equal(waitMs(holdDown, now + 60_000), 0);
});

Deno.test("only fitness without a break counts", () => {
  const holdDown = new HoldDown();
  for (const now of [0, 500]) {
    holdDown.begins(now);
    holdDown.fails(now + 500);
  }
  assert.equal(holdDown.allows(true, 1100), false);
  assert.equal(holdDown.allows(false, 1900), false);
  assert.equal(holdDown.allows(true, 2200), false);
  assert.equal(holdDown.allows(true, 3100), false);
  assert.equal(holdDown.allows(true, 3200), true);
});
