import assert from "node:assert/strict";
import { jittered, Timers } from "../../mod/bgp/timers.ts";

Deno.test("the earliest timer is next, and a timer that is due is taken once", () => {
  const timers = new Timers();
  assert.equal(timers.next(), null);
  timers.start("keepalive", 300);
  timers.start("hold", 900);
  assert.equal(timers.next(), 300);
  assert.equal(timers.takeDue(299), null);
  assert.equal(timers.takeDue(300), "keepalive");
  assert.equal(timers.takeDue(300), null);
  assert.deepEqual([timers.runs("keepalive"), timers.runs("hold"), timers.deadline("hold")], [false, true, 900]);
});

Deno.test("of timers that are due together the one that ends the session comes first", () => {
  const timers = new Timers();
  timers.start("keepalive", 100);
  timers.start("hold", 100);
  assert.equal(timers.takeDue(200), "hold");
  assert.equal(timers.takeDue(200), "keepalive");
});

Deno.test("a timer can be started anew and stopped", () => {
  const timers = new Timers();
  timers.start("hold", 100);
  timers.start("hold", 200);
  assert.equal(timers.takeDue(100), null);
  timers.stop("hold");
  timers.start("keepalive", 50);
  timers.stopAll();
  assert.equal(timers.takeDue(1000), null);
});

Deno.test("jitter takes up to a quarter away (RFC 4271 §10)", () => {
  assert.equal(jittered(1000, 0), 750);
  assert.equal(jittered(1000, 0.5), 875);
  assert(jittered(1000, 0.999999) <= 1000);
});
