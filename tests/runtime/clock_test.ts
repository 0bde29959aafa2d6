import assert from "node:assert/strict";
import { systemClock } from "../../mod/runtime/clock.ts";

Deno.test("the clock does not go back and a timer fires no earlier than asked", async () => {
  const startMs = systemClock.now();
  const fired = Promise.withResolvers<number>();
  systemClock.after(20, () => fired.resolve(systemClock.now()));
  assert.ok(await fired.promise - startMs >= 19);
});

Deno.test("a cancelled timer stays silent, a negative delay fires soon", async () => {
  const fired = Promise.withResolvers<string>();
  systemClock.after(-5, () => fired.resolve("soon"));
  const cancelled = systemClock.after(0, () => fired.resolve("cancelled"));
  cancelled.cancel();
  cancelled.cancel();
  assert.equal(await fired.promise, "soon");
});
