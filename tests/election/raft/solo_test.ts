import assert from "node:assert/strict";
import { Solo } from "../../../mod/election/raft/solo.ts";
import { TIMING } from "../../fakes/raft_cluster.ts";

function solo(parts: { enabled?: boolean; allowed?: () => boolean } = {}): Solo {
  const { enabled = true, allowed = (): boolean => true } = parts;
  return new Solo({ enabled, allowed, addresses: ["10.0.0.1", "10.0.0.2"], timing: TIMING, now: 100 });
}

Deno.test("others get four election timeouts to answer, then it serves a lease at a time", () => {
  const alone = solo();
  assert.equal(alone.deadline, 1500);
  alone.tick(1499);
  assert.deepEqual(alone.grants(1499), []);
  alone.tick(1500);
  assert.deepEqual(alone.grants(1500), [{ ip: "10.0.0.1", validUntil: 1700 }, { ip: "10.0.0.2", validUntil: 1700 }]);
  assert.equal(alone.deadline, 1550);
  alone.tick(1550);
  assert.equal(alone.grants(1550)[0]?.validUntil, 1750);
  assert.equal(alone.isServing(1750), false);
});

Deno.test("it ends for good when a peer is heard", () => {
  const alone = solo();
  alone.tick(1500);
  alone.end();
  assert.deepEqual(alone.grants(1500), []);
  alone.tick(9000);
  assert.deepEqual(alone.grants(9000), []);
  assert.equal(alone.deadline, Infinity);
});

Deno.test("it does not begin, and does not go on, while somebody answers for an address", () => {
  let allowed = false;
  const alone = solo({ allowed: () => allowed });
  alone.tick(1500);
  assert.equal(alone.isServing(1500), false);
  allowed = true;
  alone.tick(1550);
  assert.equal(alone.isServing(1550), true);
  allowed = false;
  alone.tick(1600);
  assert.equal(alone.isServing(1600), false);
});

Deno.test("it never begins unless it is wanted", () => {
  const alone = solo({ enabled: false });
  alone.tick(1e9);
  assert.equal(alone.isServing(1e9), false);
  assert.equal(alone.deadline, Infinity);
});
