import assert from "node:assert/strict";
import { bench, grant, V4 } from "./holder_kit.ts";

/** What it does for links and addresses is in holder_test.ts; the parts only work together. */
Deno.test("lifetimes are renewed by time alone: a heartbeat waits for none", () => {
  const { clock, kernel, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  clock.advance(1);
  kernel.calls.length = 0;
  for (let beat = 0; beat < 100; beat++) holder.granted([grant(clock, 60_000)]);
  assert.equal(kernel.calls.includes(`put ${V4}`), false);
  clock.advance(1100);
  const puts = kernel.calls.filter((call) => call === `put ${V4}`).length;
  assert.equal(puts >= 2 && puts <= 3, true, `${puts} puts in 1.1 s`);
  holder.stop();
});

Deno.test("lost events make it look at everything", () => {
  const { clock, kernel, announcer, holder } = bench();
  holder.start();
  holder.granted([grant(clock, 60_000)]);
  clock.advance(1500);
  kernel.remove(V4, 32, 2);
  announcer.calls.length = 0;
  holder.kernelEvent({ type: "resync" });
  assert.equal(kernel.answers(V4), true);
  assert.deepEqual(announcer.calls, [`announce ${V4}`]);
  holder.stop();
});
