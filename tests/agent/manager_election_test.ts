import assert from "node:assert/strict";
import { Others } from "../../mod/agent/manager_election.ts";
import { VirtualClock } from "../fakes/clock.ts";

Deno.test("claims of the node that holds are no stranger's, until its Lease is surely over", () => {
  const clock = new VirtualClock();
  const others = new Others({ identity: "a", clock, leaseMs: 15_000 });
  assert.deepEqual(others.elsewhere(), { atMs: null, graceMs: 16_000 });
  others.holds("b");
  clock.advance(5000);
  assert.equal(others.elsewhere().atMs, clock.now());
  others.holds(null);
  const lastMs = clock.now();
  clock.advance(1000);
  others.holds("a");
  clock.advance(1000);
  assert.equal(others.elsewhere().atMs, lastMs);
});
