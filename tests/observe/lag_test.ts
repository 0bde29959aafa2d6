import assert from "node:assert/strict";
import type { Clock, Timer } from "../../mod/base/clock.ts";
import { LoopLag } from "../../mod/observe/lag.ts";
import { VirtualClock } from "../fakes/clock.ts";

/** A loop that stands still: its timers fire `lateMs` after their time. */
class LateClock implements Clock {
  lateMs = 0;
  readonly inner = new VirtualClock();

  now(): number {
    return this.inner.now();
  }

  after(delayMs: number, fire: () => void): Timer {
    return this.inner.after(delayMs + this.lateMs, fire);
  }
}

Deno.test("lag is how late a timer was, and the largest of the last minute is kept", () => {
  const clock = new LateClock();
  const lag = new LoopLag({ clock, stallMs: 1000 });
  lag.start();
  clock.lateMs = 400;
  clock.inner.advance(250);
  assert.deepEqual(lag.report(), { lastMs: 0, largestMs: 0, stalls: 0 });
  clock.inner.advance(650);
  clock.lateMs = 0;
  assert.deepEqual(lag.report(), { lastMs: 400, largestMs: 400, stalls: 0 });
  clock.inner.advance(58_000);
  assert.equal(lag.report().largestMs, 400);
  clock.inner.advance(7000);
  assert.deepEqual(lag.report(), { lastMs: 0, largestMs: 0, stalls: 0 });
  lag.close();
});

Deno.test("a loop that still stands is judged by how long it has", () => {
  const clock = new LateClock();
  const lag = new LoopLag({ clock, stallMs: 1000 });
  clock.lateMs = 60_000;
  lag.start();
  clock.inner.advance(5250);
  assert.equal(lag.report().largestMs, 5000);
  lag.close();
});

Deno.test("a tick later than the limit is a stall", () => {
  const clock = new LateClock();
  const lag = new LoopLag({ clock, stallMs: 1000 });
  clock.lateMs = 1000.5;
  lag.start();
  clock.inner.advance(1250.5);
  assert.equal(lag.report().stalls, 1);
  lag.close();
});

Deno.test("starting twice measures once, and closing leaves no timer", () => {
  const clock = new VirtualClock();
  const lag = new LoopLag({ clock, stallMs: 1000 });
  lag.start();
  lag.start();
  assert.equal(clock.pending, 1);
  lag.close();
  lag.close();
  assert.equal(clock.pending, 0);
});

Deno.test("memory stays small however long it measures", () => {
  const clock = new VirtualClock();
  const lag = new LoopLag({ clock, stallMs: 1000 });
  lag.start();
  clock.advance(3_600_000);
  assert.deepEqual(lag.report(), { lastMs: 0, largestMs: 0, stalls: 0 });
  lag.close();
});
