import assert from "node:assert/strict";
import { LeaseFence } from "../../../mod/election/lease/fence.ts";
import type { LeaseRecord } from "../../../mod/election/lease/store.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { SHORT } from "../../fakes/lease_cluster.ts";
import { MemoryLease, MemoryLeaseStore } from "../../fakes/lease_store.ts";
import { settle } from "../../fakes/raft_cluster.ts";
import { seededRandom } from "../../fakes/random.ts";

const STRANGER: LeaseRecord = {
  holder: "up",
  durationSeconds: 5,
  acquireTime: "t0",
  renewTime: "t1",
  transitions: 2,
  mark: null,
};

/** Members of one cluster and the Lease. */
class Lab {
  readonly clock = new VirtualClock();
  readonly lease = new MemoryLease();
  readonly stores: MemoryLeaseStore[] = [];
  readonly changes: boolean[] = [];
  readonly leaders: (string | null)[] = [];
  readonly #random = seededRandom(5);

  fence(identity: string): LeaseFence {
    const store = new MemoryLeaseStore(this.lease, this.clock);
    this.stores.push(store);
    const fence = new LeaseFence({
      identity,
      clusterId: "c",
      times: SHORT,
      store,
      clock: this.clock,
      wallNow: () => this.clock.now(),
      random: this.#random,
      onChange: (open) => this.changes.push(open),
      onLeader: (holder) => this.leaders.push(holder),
    });
    fence.start();
    return fence;
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5) {
      this.clock.advance(Math.min(5, left));
      await settle();
    }
  }

  get record(): LeaseRecord | null {
    return this.lease.stored?.record ?? null;
  }

  /** A stranger that renews. */
  renew(): void {
    this.lease.edit({ renewTime: `t${this.clock.now()}` });
  }
}

async function inLab(work: (lab: Lab) => Promise<readonly LeaseFence[]>): Promise<void> {
  const lab = new Lab();
  const fences = await work(lab);
  const stops = Promise.all(fences.map((fence) => fence.stop()));
  await lab.advance(1100);
  await stops;
  await lab.advance(10_000);
  for (const store of lab.stores) store.close();
  assert.equal(lab.clock.pending, 0, "timers after the stop");
}

Deno.test("a fence that has read nothing is open: the API server need not be up to elect", () =>
  inLab(async (lab) => {
    const fence = lab.fence("a");
    assert(fence.open());
    const [store] = lab.stores;
    assert(store !== undefined);
    store.faults.isCut = true;
    fence.leading(true);
    await lab.advance(20_000);
    assert(fence.open());
    assert.notEqual(fence.observe().trouble, null);
    return [fence];
  }));

Deno.test("the raft leader writes the Lease and renews it; the next one takes it over at once", () =>
  inLab(async (lab) => {
    const [a, b] = [lab.fence("a"), lab.fence("b")];
    a.leading(true);
    await lab.advance(100);
    assert.equal(lab.record?.holder, "a");
    assert.equal(lab.record?.mark, "peers:c");
    const { renewTime } = lab.record ?? STRANGER;
    await lab.advance(1100);
    assert.notEqual(lab.record?.renewTime, renewTime);
    a.leading(false);
    b.leading(true);
    await lab.advance(50);
    assert.equal(lab.record?.holder, "b");
    assert.equal(lab.record?.transitions, 1);
    assert(a.open() && b.open());
    assert.deepEqual(lab.changes, [], "members are no strangers");
    assert.equal(a.observe().leader, "b");
    return [a, b];
  }));

Deno.test("a fence is closed while a stranger's Lease is valid, and opens when a member has it", () =>
  inLab(async (lab) => {
    lab.lease.create(STRANGER);
    const fence = lab.fence("a");
    fence.leading(true);
    await lab.advance(20);
    assert(!fence.open());
    for (let turn = 0; turn < 5; turn++) {
      await lab.advance(2000);
      lab.renew();
    }
    await lab.advance(4900);
    assert(!fence.open());
    assert.equal(lab.record?.holder, "up");
    await lab.advance(200);
    assert.equal(lab.record?.holder, "a");
    assert.equal(lab.record?.transitions, 3);
    assert(fence.open());
    assert.deepEqual(lab.changes, [false, true]);
    assert.deepEqual(lab.leaders, ["up", "a"]);
    return [fence];
  }));

Deno.test("a stranger that appears closes the fence at once, and its release opens it", () =>
  inLab(async (lab) => {
    const fence = lab.fence("a");
    fence.leading(true);
    await lab.advance(100);
    lab.lease.edit(STRANGER);
    await lab.advance(5);
    assert(!fence.open());
    lab.lease.edit({ holder: "", durationSeconds: 1, renewTime: "t2" });
    await lab.advance(20);
    assert(fence.open());
    assert.equal(lab.record?.holder, "a");
    return [fence];
  }));

Deno.test("a stranger's Lease that cannot be watched any more opens the fence when it has run out, and a period more", () =>
  inLab(async (lab) => {
    lab.lease.create(STRANGER);
    const fence = lab.fence("a");
    await lab.advance(20);
    const [store] = lab.stores;
    assert(store !== undefined && !fence.open());
    store.faults.isCut = true;
    await lab.advance(5900);
    assert(!fence.open());
    await lab.advance(200);
    assert(fence.open());
    return [fence];
  }));

Deno.test("a read that is older than what the watch has shown does not open the fence", () =>
  inLab(async (lab) => {
    const fence = lab.fence("a");
    fence.leading(true);
    await lab.advance(100);
    fence.leading(false);
    const [store] = lab.stores;
    assert(store !== undefined);
    store.faults.backMs = 400;
    while (store.underWay === 0) await lab.advance(5);
    await lab.advance(5);
    store.faults.backMs = 1;
    lab.lease.edit(STRANGER);
    await lab.advance(10);
    assert(!fence.open());
    for (let turn = 0; turn < 100; turn++) {
      await lab.advance(5);
      assert(!fence.open());
    }
    return [fence];
  }));

Deno.test("a member's Lease that was blanked closes nothing and is written again", () =>
  inLab(async (lab) => {
    const [leader, follower] = [lab.fence("a"), lab.fence("b")];
    leader.leading(true);
    await lab.advance(500);
    lab.lease.edit({ holder: "", durationSeconds: 0, acquireTime: "", renewTime: "", transitions: 0, mark: null });
    await lab.advance(500);
    assert.equal(lab.record?.holder, "a");
    assert.deepEqual([lab.changes, leader.open(), follower.open()], [[], true, true]);
    return [leader, follower];
  }));

Deno.test("a member's Lease that was deleted closes nothing and is written again", () =>
  inLab(async (lab) => {
    const [a, b] = [lab.fence("a"), lab.fence("b")];
    a.leading(true);
    await lab.advance(500);
    lab.lease.delete();
    await lab.advance(50);
    assert.equal(lab.record?.holder, "a");
    assert.deepEqual(lab.changes, []);
    return [a, b];
  }));

Deno.test("the Lease is released at the end only by whoever leads to the last", () =>
  inLab(async (lab) => {
    const [a, b] = [lab.fence("a"), lab.fence("b")];
    a.leading(true);
    await lab.advance(100);
    const stopB = b.stop();
    await lab.advance(50);
    await stopB;
    assert.equal(lab.record?.holder, "a");
    const stopA = a.stop();
    await lab.advance(400);
    await stopA;
    assert.equal(lab.record?.holder, "");
    assert.equal(lab.record?.durationSeconds, 1);
    return [a, b];
  }));

Deno.test("a stop ends in time although the server does not answer", () =>
  inLab(async (lab) => {
    const fence = lab.fence("a");
    fence.leading(true);
    await lab.advance(100);
    const [store] = lab.stores;
    assert(store !== undefined);
    store.faults.isCut = true;
    await lab.advance(950);
    let over = false;
    const stop = fence.stop().then(() => over = true);
    await lab.advance(1030);
    assert(over);
    await stop;
    return [];
  }));
