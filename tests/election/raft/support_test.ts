import assert from "node:assert/strict";
import { Support } from "../../../mod/election/raft/support.ts";

Deno.test("a promise forbids votes until it ends", () => {
  const support = new Support(0, -Infinity);
  support.promise(5, 1000);
  assert.ok(support.forbids(999, 6, false));
  assert.ok(!support.forbids(1000, 6, false));
});

Deno.test("a later promise never shortens an earlier one", () => {
  const support = new Support(5, 1000);
  support.promise(6, 900);
  assert.equal(support.untilMs, 1000);
  assert.ok(support.forbids(950, 7, false));
});

Deno.test("a start forbids votes as if a leader had just been heard", () => {
  assert.ok(new Support(3, 250).forbids(100, 4, false));
});

Deno.test("the leader's own release ends the promise, that of an older leader does not", () => {
  const support = new Support(0, -Infinity);
  support.promise(5, 1000);
  support.release(4);
  assert.ok(support.forbids(500, 6, false));
  support.release(5);
  assert.ok(!support.forbids(500, 6, false));
  assert.ok(support.isReleased(5) && support.isReleased(4) && !support.isReleased(6));
});

Deno.test("a candidate that knows of the release may have the vote of the very next term, not of a later one's leader", () => {
  const support = new Support(0, -Infinity);
  support.promise(5, 1000);
  assert.ok(!support.forbids(500, 6, true));
  support.promise(6, 1000);
  assert.ok(support.forbids(500, 6, true), "the lease of term 6 itself is not over");
});
