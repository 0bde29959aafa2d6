import assert from "node:assert/strict";
import { Progress } from "../../../mod/election/raft/progress.ts";

Deno.test("what is matched moves forward, and a duplicate is not news", () => {
  const progress = new Progress(1);
  progress.pendingSince = 10;
  assert.ok(progress.matched(5));
  assert.deepEqual([progress.match, progress.next, progress.pendingSince], [5, 6, null]);
  progress.pendingSince = 20;
  assert.ok(!progress.matched(5));
  assert.equal(progress.pendingSince, 20);
});

Deno.test("a follower that lost what it acknowledged is served again, up to what it had and beyond", () => {
  const progress = new Progress(1);
  progress.matched(50);
  progress.refused(10, 60);
  assert.equal(progress.next, 11);
  assert.ok(progress.matched(26), "news although less than the match");
  assert.deepEqual([progress.match, progress.next], [50, 27]);
  assert.ok(!progress.matched(26));
});

Deno.test("a hint beyond the leader's log leads to its end", () => {
  const progress = new Progress(4);
  progress.refused(100, 7);
  assert.equal(progress.next, 8);
});

Deno.test("an append is idle when none is under way or it has been for long", () => {
  const progress = new Progress(1);
  assert.ok(progress.isIdle(0, 50));
  progress.pendingSince = 100;
  assert.ok(!progress.isIdle(149, 50));
  assert.ok(progress.isIdle(150, 50));
});
