import assert from "node:assert/strict";
import { DeadlineSet } from "../../mod/balance/deadlines.ts";
import { VirtualClock } from "../fakes/clock.ts";

Deno.test("a deadline fires once, not before its time and at most the granularity later", () => {
  const clock = new VirtualClock();
  const set = new DeadlineSet(clock, 10);
  const deadline = set.add();
  let fired = 0;
  deadline.in(25, () => fired++);
  clock.advance(24);
  assert.equal(fired, 0);
  clock.advance(11);
  assert.equal(fired, 1);
  clock.advance(100);
  assert.equal(fired, 1);
});

Deno.test("moving a deadline forgets where it was", () => {
  const clock = new VirtualClock();
  const set = new DeadlineSet(clock, 10);
  const deadline = set.add();
  const fired: string[] = [];
  deadline.in(20, () => fired.push("first"));
  clock.advance(15);
  deadline.in(40, () => fired.push("second"));
  clock.advance(30);
  assert.deepEqual(fired, []);
  clock.advance(30);
  assert.deepEqual(fired, ["second"]);
});

Deno.test("cleared and removed deadlines do not fire, and an empty set has no timer", () => {
  const clock = new VirtualClock();
  const set = new DeadlineSet(clock, 10);
  const [cleared, removed] = [set.add(), set.add()];
  cleared.in(5, () => assert.fail("was cleared"));
  removed.in(5, () => assert.fail("was removed"));
  cleared.clear();
  removed.remove();
  clock.advance(100);
  assert.equal(set.size, 1);
  assert.equal(clock.pending, 1);
  cleared.remove();
  assert.equal(clock.pending, 0);
});

Deno.test("a deadline may remove itself and add others while it fires", () => {
  const clock = new VirtualClock();
  const set = new DeadlineSet(clock, 10);
  const first = set.add();
  let fired = false;
  first.in(5, () => {
    first.remove();
    const next = set.add();
    next.in(5, () => {
      fired = true;
      next.remove();
    });
  });
  clock.advance(50);
  assert.ok(fired);
  assert.equal(clock.pending, 0);
});
