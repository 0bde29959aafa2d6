import assert from "node:assert/strict";
import { DeadlineError, withDeadline } from "../../mod/runtime/deadline.ts";
import { VirtualClock } from "../fakes/clock.ts";

Deno.test("work that ends in time gives its result and leaves no timer", async () => {
  const clock = new VirtualClock();
  assert.equal(await withDeadline(Promise.resolve(7), { clock, limitMs: 100, what: "the answer" }), 7);
  assert.equal(clock.pending, 0);
});

Deno.test("work that fails passes its error on and leaves no timer", async () => {
  const clock = new VirtualClock();
  await assert.rejects(
    withDeadline(Promise.reject(new Error("no")), { clock, limitMs: 100, what: "the answer" }),
    /^Error: no$/,
  );
  assert.equal(clock.pending, 0);
});

Deno.test("work that takes too long is given up by name", async () => {
  const clock = new VirtualClock();
  const waiting = withDeadline(new Promise(() => {}), { clock, limitMs: 100, what: "the answer" });
  const outcome = assert.rejects(
    waiting,
    (error: unknown) => error instanceof DeadlineError && error.message === "Gave up on the answer after 100 ms",
  );
  clock.advance(100);
  await outcome;
});
