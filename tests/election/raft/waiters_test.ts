import assert from "node:assert/strict";
import { Waiters } from "../../../mod/election/raft/waiters.ts";
import { VirtualClock } from "../../fakes/clock.ts";

Deno.test("a wait ends when its condition holds at a check, or at its limit", async () => {
  const clock = new VirtualClock();
  const waiters = new Waiters(clock);
  let met = false;
  const order: string[] = [];
  const first = waiters.until(() => met, 100).then(() => order.push("met"));
  const second = waiters.until(() => false, 200).then(() => order.push("limit"));
  await waiters.until(() => true, 100);
  assert.equal(clock.pending, 2);
  waiters.check();
  met = true;
  waiters.check();
  await first;
  assert.equal(clock.pending, 1);
  clock.advance(200);
  await second;
  assert.deepEqual(order, ["met", "limit"]);
  assert.equal(clock.pending, 0);
});
