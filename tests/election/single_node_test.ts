import assert from "node:assert/strict";
import { SingleNode } from "../../mod/election/single_node.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { HoldLedger, Machine } from "../fakes/machine.ts";
import { TIMING } from "../fakes/raft_cluster.ts";

Deno.test("a single node holds everything at once, renews its lease four times in it, and lets go when stopped", async () => {
  const clock = new VirtualClock();
  const ledger = new HoldLedger(clock);
  const node = new SingleNode({
    addresses: ["10.0.0.1", "2001:db8::1"],
    timing: TIMING,
    clock,
    sink: ledger.sink("a"),
  });
  await node.start();
  await node.start();
  assert.deepEqual(ledger.holders("10.0.0.1"), ["a"]);
  clock.advance(10_000);
  assert.deepEqual(ledger.holders("2001:db8::1"), ["a"]);
  assert.equal(ledger.events.length, 21);
  await node.stop();
  await node.stop();
  assert.deepEqual(ledger.holders("10.0.0.1"), []);
  assert.equal(ledger.events.at(-1)?.what, "stopping");
  assert.equal(clock.pending, 0);
});

Deno.test("a single node that is held up for most of two seconds keeps its address, one that hangs does not", async () => {
  const clock = new VirtualClock();
  const ledger = new HoldLedger(clock);
  const machine = new Machine(clock);
  const sink = ledger.sink("a");
  const node = new SingleNode({ addresses: ["10.0.0.1"], timing: TIMING, clock: machine.clock, sink });
  await node.start();
  clock.advance(490);
  machine.pause();
  clock.advance(1500);
  assert.deepEqual(ledger.holders("10.0.0.1"), ["a"]);
  clock.advance(20);
  assert.deepEqual(ledger.holders("10.0.0.1"), []);
  machine.resume();
  assert.deepEqual(ledger.holders("10.0.0.1"), ["a"]);
  await node.stop();
});

Deno.test("a single node that never started has nothing to give back", async () => {
  const clock = new VirtualClock();
  const ledger = new HoldLedger(clock);
  const node = new SingleNode({ addresses: ["10.0.0.1"], timing: TIMING, clock, sink: ledger.sink("a") });
  await node.stop();
  await node.start();
  assert.deepEqual(ledger.events, []);
  assert.equal(clock.pending, 0);
});

Deno.test("a single node whose routes outlast its process keeps its address as long as that", async () => {
  const clock = new VirtualClock();
  const ledger = new HoldLedger(clock);
  const machine = new Machine(clock);
  const sink = ledger.sink("a");
  const node = new SingleNode({
    addresses: ["10.0.0.1"],
    timing: TIMING,
    clock: machine.clock,
    sink,
    leastLeaseMs: 75_000,
  });
  await node.start();
  machine.kill();
  clock.advance(74_000);
  assert.deepEqual(ledger.holders("10.0.0.1"), ["a"]);
  clock.advance(1001);
  assert.deepEqual(ledger.holders("10.0.0.1"), []);
});
