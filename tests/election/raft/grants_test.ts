import assert from "node:assert/strict";
import { EchoClock, LeaderGrants, MemberGrants } from "../../../mod/election/raft/grants.ts";
import type { Beat } from "../../../mod/election/raft/types.ts";

const map = (...pairs: [string, string][]): Map<string, string> => new Map(pairs);

/** A leader "a" whose round 1 gave `ip` to `holder` until 200. */
function placed(holder: string): LeaderGrants {
  const grants = new LeaderGrants("a");
  grants.assign(map(["ip", holder]));
  grants.plan(0, 1);
  grants.sent(holder, 200);
  return grants;
}

Deno.test("a new leader places at once", () => {
  const grants = new LeaderGrants("a");
  grants.assign(map(["ip1", "a"], ["ip2", "b"], ["ip3", "b"]));
  assert.deepEqual(grants.listFor("b"), [], "what a round says is fixed when it begins");
  grants.plan(0, 1);
  assert.deepEqual([grants.listFor("a"), grants.listFor("b")], [["ip1"], ["ip2", "ip3"]]);
});

Deno.test("an address moves after its holder acknowledged a round without it", () => {
  const grants = placed("b");
  grants.assign(map(["ip", "c"]));
  grants.plan(10, 2);
  assert.deepEqual([grants.listFor("b"), grants.listFor("c")], [[], []]);
  assert.ok(!grants.acknowledged("b", 1), "a round that still named it");
  assert.ok(!grants.acknowledged("c", 2), "somebody else");
  grants.plan(20, 3);
  assert.deepEqual(grants.listFor("c"), []);
  assert.ok(grants.acknowledged("b", 2));
  grants.plan(30, 4);
  assert.deepEqual(grants.listFor("c"), ["ip"]);
});

Deno.test("an address moves after the last grant of a silent holder ran out", () => {
  const grants = placed("b");
  grants.assign(map(["ip", "c"]));
  grants.plan(10, 2);
  assert.equal(grants.nextExpiry(), 200);
  grants.plan(199, 3);
  assert.deepEqual([grants.listFor("c"), [...grants.holders()]], [[], [["ip", "b"]]]);
  grants.plan(200, 4);
  assert.deepEqual(grants.listFor("c"), ["ip"]);
  assert.equal(grants.nextExpiry(), Infinity);
});

Deno.test("what the leader holds itself moves at once, what was never granted too", () => {
  const own = placed("a");
  own.assign(map(["ip", "b"]));
  own.plan(10, 2);
  assert.deepEqual([own.listFor("a"), own.listFor("b")], [[], ["ip"]]);
  own.assign(map(["ip", "c"]));
  own.plan(20, 3);
  assert.deepEqual(own.listFor("c"), ["ip"]);
});

Deno.test("an assignment taken back before the holder let go stays where it is", () => {
  const grants = placed("b");
  grants.assign(map(["ip", "c"]));
  grants.plan(10, 2);
  grants.assign(map(["ip", "b"]));
  grants.plan(20, 3);
  assert.deepEqual(grants.listFor("b"), ["ip"]);
  assert.ok(!grants.acknowledged("b", 3));
});

Deno.test("a release is settled when every member acknowledged or timed out; resuming places again", () => {
  const grants = placed("b");
  grants.releaseAll();
  grants.plan(10, 2);
  assert.ok(!grants.isSettled(10) && grants.isSettled(200));
  grants.acknowledged("b", 2);
  assert.ok(grants.isSettled(11));
  grants.plan(12, 3);
  assert.deepEqual(grants.listFor("b"), []);
  grants.resume();
  grants.plan(13, 4);
  assert.deepEqual(grants.listFor("b"), ["ip"]);
});

function beat(round: number, leaseLeftMs: number, ...holds: string[]): Beat {
  return { type: "beat", term: 1, round, commit: 0, lastIndex: 0, echoMs: 0, leaseLeftMs, graceMs: 0, holds };
}

Deno.test("a member holds for the rest of the lease from its own echo, shortened by the tolerance", () => {
  const held = new MemberGrants();
  held.onBeat(beat(1, 204, "ip"), 1000);
  assert.deepEqual(held.grants(1100), [{ ip: "ip", validUntil: 1200 }]);
  assert.deepEqual(held.grants(1200), []);
});

Deno.test("without an echo of this life, or without a lease, nothing is held", () => {
  const held = new MemberGrants();
  held.onBeat(beat(1, 204, "ip"), null);
  held.onBeat(beat(2, 0, "ip"), 1000);
  assert.deepEqual(held.grants(1000), []);
});

Deno.test("a late beat of an older round gives nothing back, not even after the leader was forgotten", () => {
  const held = new MemberGrants();
  held.onBeat(beat(2, 204), 1000);
  held.onBeat(beat(1, 204, "ip"), 1000);
  assert.deepEqual(held.grants(1000), []);
  held.clear();
  held.onBeat(beat(1, 204, "ip"), 1000);
  assert.deepEqual(held.grants(1000), []);
  held.newTerm();
  held.onBeat(beat(1, 204, "ip"), 1000);
  assert.equal(held.grants(1000).length, 1);
});

Deno.test("a late echo never shortens a hold, and an address that is new does not inherit one", () => {
  const held = new MemberGrants();
  held.onBeat(beat(1, 204, "ip"), 1000);
  held.onBeat(beat(2, 102, "ip", "new"), 1000);
  assert.deepEqual(held.grants(1000).map((grant) => grant.validUntil), [1200, 1100]);
});

Deno.test("only an echo of this life is read", () => {
  const clock = new EchoClock(5000, 0.25);
  assert.equal(clock.read(5200, clock.show(5100)), 5100);
  assert.equal(clock.read(5200, null), null);
  assert.equal(clock.read(5200, clock.show(5201)), null, "from the future");
  assert.equal(clock.read(5200, clock.show(4999)), null, "from before the start");
  assert.equal(clock.read(5200, new EchoClock(5000, 0.75).show(5100)), null, "from another life");
});
