import assert from "node:assert/strict";
import type { GrantSink } from "../../mod/election/elector.ts";
import { EveryNode, type EveryNodeOptions } from "../../mod/election/every_node.ts";
import { VirtualClock } from "../fakes/clock.ts";

const LEASE_MS = 8000;
const SETTLE_MS = 1000;
const DRAIN_MS = 500;

/** A node whose fitness and names are set by the test, and what it did, each line with its millisecond. */
class Bench {
  readonly clock = new VirtualClock(0);
  readonly lines: string[] = [];
  isFit = true;
  addresses = ["10.0.0.1", "2001:db8::1"];
  readonly node: EveryNode;

  constructor(other: Partial<EveryNodeOptions> = {}) {
    const sink: GrantSink = {
      granted: (grants) => {
        const until = grants.map(({ scope, epoch, validUntil }) => `${scope}#${epoch}<${validUntil}`);
        this.#note(`granted ${until.join(" ")}`);
      },
      revoked: (scopes, reason) => this.#note(`revoked ${scopes.join(" ")}: ${reason}`),
    };
    this.node = new EveryNode({
      identity: "node-1",
      addresses: () => this.addresses,
      fit: () => this.isFit,
      leaseMs: LEASE_MS,
      settleMs: SETTLE_MS,
      drainMs: DRAIN_MS,
      onStanding: (standing) => this.#note(standing),
      clock: this.clock,
      sink,
      ...other,
    });
  }

  /** What happened since the last time. */
  taken(): string[] {
    return this.lines.splice(0);
  }

  /** Sets the fitness and tells the node. */
  fit(isFit: boolean): void {
    this.isFit = isFit;
    this.node.refresh();
  }

  #note(what: string): void {
    this.lines.push(`${this.clock.now()} ${what}`);
  }
}

Deno.test("a fit node is granted every address before it serves, and for a whole lease again every half second", async () => {
  const bench = new Bench();
  await bench.node.start();
  await bench.node.start();
  assert.deepEqual(bench.taken(), ["0 granted 10.0.0.1#1<8000 2001:db8::1#1<8000", "0 serving"]);
  bench.clock.advance(1000);
  assert.deepEqual(bench.taken(), [
    "500 granted 10.0.0.1#1<8500 2001:db8::1#1<8500",
    "1000 granted 10.0.0.1#1<9000 2001:db8::1#1<9000",
  ]);
  bench.clock.advance(200);
  bench.node.refresh();
  bench.clock.advance(499);
  assert.deepEqual(bench.taken(), ["1200 granted 10.0.0.1#1<9200 2001:db8::1#1<9200"]);
  assert.equal(bench.clock.pending, 1);
});

Deno.test("a lease that is shorter than two seconds is renewed four times", async () => {
  const bench = new Bench({ leaseMs: 400 });
  await bench.node.start();
  bench.taken();
  bench.clock.advance(100);
  assert.deepEqual(bench.taken(), ["100 granted 10.0.0.1#1<500 2001:db8::1#1<500"]);
});

Deno.test("a node that is not fit withdraws at once, lets go when routers have settled, and begins anew", async () => {
  const bench = new Bench();
  await bench.node.start();
  bench.taken();
  bench.clock.advance(100);
  bench.fit(false);
  bench.node.refresh();
  assert.deepEqual(bench.taken(), ["100 withdrawn"]);
  bench.clock.advance(5000);
  assert.deepEqual(bench.taken(), ["1100 revoked 10.0.0.1 2001:db8::1: unfit"]);
  assert.equal(bench.clock.pending, 1);
  bench.fit(true);
  assert.deepEqual(bench.taken(), ["5100 granted 10.0.0.1#2<13100 2001:db8::1#2<13100", "5100 serving"]);
  assert.equal(bench.clock.pending, 1);
});

Deno.test("a node that is fit again before routers have settled serves on without letting go", async () => {
  const bench = new Bench();
  await bench.node.start();
  bench.taken();
  bench.fit(false);
  bench.clock.advance(999);
  bench.fit(true);
  bench.clock.advance(499);
  assert.deepEqual(bench.taken(), [
    "0 withdrawn",
    "999 granted 10.0.0.1#1<8999 2001:db8::1#1<8999",
    "999 serving",
  ]);
});

Deno.test("a change that nobody told of is noticed at the next look", async () => {
  const bench = new Bench();
  await bench.node.start();
  bench.taken();
  bench.isFit = false;
  bench.clock.advance(2000);
  assert.deepEqual(bench.taken(), ["500 withdrawn", "1500 revoked 10.0.0.1 2001:db8::1: unfit"]);
  bench.isFit = true;
  bench.clock.advance(499);
  assert.deepEqual(bench.taken(), [], "looked at 2000");
  bench.clock.advance(1);
  assert.deepEqual(bench.taken(), ["2500 granted 10.0.0.1#2<10500 2001:db8::1#2<10500", "2500 serving"]);
});

Deno.test("a node that is not fit when it starts serves as soon as it is, whoever says so or nobody", async () => {
  const bench = new Bench();
  bench.isFit = false;
  await bench.node.start();
  bench.clock.advance(400);
  bench.isFit = true;
  bench.clock.advance(100);
  assert.deepEqual(bench.taken(), ["500 granted 10.0.0.1#1<8500 2001:db8::1#1<8500", "500 serving"]);
  bench.isFit = false;
  bench.clock.advance(2000);
  const stopped = bench.node.stop();
  assert.equal(bench.clock.pending, 0);
  await stopped;
});

Deno.test("a node that stops drains, withdraws, waits and lets go, and everybody who waits hears of the end", async () => {
  const bench = new Bench();
  await bench.node.start();
  bench.taken();
  let ended = 0;
  const stops = [bench.node.stop(), bench.node.stop()].map((stop) => stop.then(() => ended++));
  bench.clock.advance(DRAIN_MS + SETTLE_MS - 1);
  await Promise.resolve();
  assert.equal(ended, 0);
  bench.fit(true);
  bench.clock.advance(1);
  await Promise.all(stops);
  assert.deepEqual(bench.taken(), [
    "0 draining",
    "500 withdrawn",
    "1500 revoked 10.0.0.1 2001:db8::1: stopping",
  ]);
  await bench.node.stop();
  await bench.node.start();
  bench.fit(true);
  assert.deepEqual([bench.taken(), bench.clock.pending, ended], [[], 0, 2]);
});

Deno.test("a node that stops when it is not fit does not drain, and one that serves nothing has nothing to wait for", async () => {
  const failing = new Bench();
  await failing.node.start();
  const draining = failing.node.stop();
  failing.taken();
  failing.clock.advance(100);
  failing.fit(false);
  failing.clock.advance(SETTLE_MS);
  await draining;
  assert.deepEqual(failing.taken(), ["100 withdrawn", "1100 revoked 10.0.0.1 2001:db8::1: stopping"]);

  const settling = new Bench();
  await settling.node.start();
  settling.fit(false);
  settling.clock.advance(400);
  settling.taken();
  const settled = settling.node.stop();
  settling.fit(true);
  settling.clock.advance(600);
  await settled;
  assert.deepEqual(settling.taken(), ["1000 revoked 10.0.0.1 2001:db8::1: stopping"]);

  const idle = new Bench();
  await idle.node.stop();
  await idle.node.start();
  const unfit = new Bench();
  unfit.isFit = false;
  await unfit.node.start();
  await unfit.node.stop();
  for (const { lines, clock } of [failing, settling, idle, unfit]) assert.deepEqual([lines, clock.pending], [[], 0]);
});

Deno.test("a drain that takes longer than the rest of a lease does not outlast it", async () => {
  const bench = new Bench({ drainMs: 6000 });
  await bench.node.start();
  bench.clock.advance(1900);
  bench.taken();
  const stopped = bench.node.stop();
  bench.clock.advance(7000);
  await stopped;
  assert.deepEqual(bench.taken(), [
    "1900 granted 10.0.0.1#1<9900 2001:db8::1#1<9900",
    "1900 draining",
    "7900 withdrawn",
    "8900 revoked 10.0.0.1 2001:db8::1: stopping",
  ]);
});

Deno.test("addresses that come are granted, those that go are let go first, and nothing is served twice", async () => {
  const bench = new Bench();
  bench.addresses = [];
  await bench.node.start();
  bench.addresses = ["10.0.0.1"];
  bench.node.refresh();
  bench.clock.advance(10);
  bench.addresses = ["10.0.0.2"];
  bench.node.refresh();
  assert.deepEqual(bench.taken(), [
    "0 serving",
    "0 granted 10.0.0.1#1<8000",
    "10 revoked 10.0.0.1: reassigned",
    "10 granted 10.0.0.2#1<8010",
  ]);
});

Deno.test("the status says who serves, how often it began, and what is wrong", async () => {
  const bench = new Bench();
  const seen = (): unknown[] => {
    const { leader, leading, transitions, goodMs, triedMs, trouble } = bench.node.observe();
    assert.equal(goodMs, triedMs);
    return [leader, leading, transitions, goodMs, trouble];
  };
  assert.deepEqual(seen(), [null, false, 0, null, null]);
  await bench.node.start();
  assert.deepEqual(seen(), ["node-1", true, 1, 0, null]);
  bench.fit(false);
  bench.clock.advance(10);
  assert.deepEqual(seen(), [null, false, 1, 10, "this node is not fit to serve"]);
  bench.clock.advance(2000);
  assert.deepEqual(seen(), [null, false, 1, 2010, "this node is not fit to serve"]);
  bench.fit(true);
  assert.deepEqual(seen(), ["node-1", true, 2, 2010, null]);
  const stopped = bench.node.stop();
  bench.clock.advance(5000);
  await stopped;
  assert.deepEqual(seen(), [null, false, 2, 7010, null]);
});
