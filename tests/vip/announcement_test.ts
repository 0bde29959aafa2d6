import assert from "node:assert/strict";
import { Announcements, BURST_MS } from "../../mod/vip/announcement.ts";

/** Every moment at which `ip` was announced until `untilMs`, stepping from deadline to deadline. */
function moments(plan: Announcements, fromMs: number, untilMs: number): number[] {
  const seen: number[] = [];
  let now: number | null = fromMs;
  while (now !== null && now <= untilMs) {
    for (const _ of plan.take(now)) seen.push(now);
    now = plan.nextDeadline();
  }
  return seen;
}

Deno.test("announcer: repeats while holding, a burst first and then periodically", () => {
  const plan = new Announcements(3000);
  plan.begin("10.0.0.9", 500);
  assert.deepEqual(moments(plan, 500, 10_600), [500, 550, 650, 900, 1500, 4500, 7500, 10_500]);
  assert.equal(BURST_MS.length, 5);
});

Deno.test("a new beginning restarts the burst", () => {
  const plan = new Announcements(3000);
  plan.begin("a", 0);
  moments(plan, 0, 2000);
  plan.begin("a", 2000);
  assert.deepEqual(moments(plan, 2000, 3000), [2000, 2050, 2150, 2400, 3000]);
});

Deno.test("after a pause an address is due once", () => {
  const plan = new Announcements(3000);
  plan.begin("a", 0);
  assert.deepEqual(plan.take(0), ["a"]);
  assert.deepEqual(plan.take(20_000), ["a"]);
  assert.deepEqual(plan.take(20_000), []);
  assert.equal(plan.nextDeadline(), 23_000);
});

Deno.test("an ended address is silent", () => {
  const plan = new Announcements(3000);
  plan.begin("a", 0);
  plan.begin("b", 10);
  plan.end("a");
  assert.deepEqual(plan.take(10), ["b"]);
  plan.end("b");
  assert.equal(plan.nextDeadline(), null);
});
