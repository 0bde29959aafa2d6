import assert from "node:assert/strict";
import { SendWatch } from "../../mod/bgp/send_watch.ts";

Deno.test("nothing is watched as long as the kernel takes everything", () => {
  const watch = new SendWatch(30_000);
  watch.sent(100, 0, { now: 0 });
  assert.equal(watch.nextCheck(), null);
  assert.equal(watch.check(0, 100_000), "moving");
});

Deno.test("a queue that stands still for the whole time is stuck, not before", () => {
  const watch = new SendWatch(30_000);
  watch.sent(100, 40, { now: 1000 });
  assert.equal(watch.nextCheck(), 31_000);
  watch.sent(19, 59, { now: 20_000 });
  assert.equal(watch.nextCheck(), 31_000, "more was queued, nothing was taken");
  assert.equal(watch.check(59, 30_999), "moving");
  assert.equal(watch.check(59, 31_000), "stuck");
});

Deno.test("every byte that is taken begins the time anew", () => {
  const watch = new SendWatch(30_000);
  watch.sent(100, 100, { now: 0 });
  watch.sent(19, 118, { now: 10_000 });
  assert.equal(watch.nextCheck(), 40_000);
  assert.equal(watch.check(117, 40_000), "moving");
  assert.equal(watch.nextCheck(), 70_000);
  assert.equal(watch.check(0, 70_000), "moving");
  assert.equal(watch.nextCheck(), null);
});
