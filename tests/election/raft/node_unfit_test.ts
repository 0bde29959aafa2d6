import assert from "node:assert/strict";
import type { RaftNodeOptions } from "../../../mod/election/raft/node.ts";
import { RaftCluster } from "../../fakes/raft_cluster.ts";

const IPS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const [IP] = IPS as [string];

/** A cluster of three that leads, and the members whose link is broken. */
async function inCluster(
  options: Partial<RaftNodeOptions>,
  work: (cluster: RaftCluster, unfit: Set<string>) => Promise<void>,
): Promise<void> {
  const cluster = new RaftCluster(["a", "b", "c"], 1, options);
  const unfit = new Set<string>();
  for (const id of cluster.ids) await cluster.start(id, { fit: () => !unfit.has(id) });
  await cluster.advance(3000);
  await work(cluster, unfit);
  assert.deepEqual(cluster.ledger.overlaps, []);
  await cluster.stopAll();
}

function holder(cluster: RaftCluster): string {
  return cluster.ledger.holders(IP).join();
}

function others(cluster: RaftCluster, id: string): [string, string] {
  const [one = "", two = ""] = cluster.ids.filter((other) => other !== id);
  return [one, two];
}

Deno.test("a leader that cannot use its address makes way at once, and not for one that cannot either", () =>
  inCluster({}, async (cluster, unfit) => {
    const first = holder(cluster);
    const [broken, fit] = others(cluster, first);
    unfit.add(broken);
    await cluster.advance(1000);
    assert.equal(holder(cluster), first, "an unfit follower disturbs nobody");
    unfit.add(first);
    const took = await cluster.advanceUntil(() => holder(cluster) === fit, 1000);
    assert(took < 150, `${took} ms`);
    assert.equal(cluster.ledger.events.findLast((event) => event.member === first)?.what, "transfer");
  }));

Deno.test("while no member can use the address nothing moves; the first that mends gets it", () =>
  inCluster({}, async (cluster, unfit) => {
    for (const id of cluster.ids) unfit.add(id);
    await cluster.advance(3000);
    const { leaderChanges } = cluster.node("a").observe().counters;
    const last = holder(cluster);
    await cluster.advance(5000);
    assert.equal(holder(cluster), last);
    assert.equal(cluster.node("a").observe().counters.leaderChanges, leaderChanges);
    const [mended] = others(cluster, last);
    unfit.delete(mended);
    const took = await cluster.advanceUntil(() => holder(cluster) === mended, 3000);
    assert(took < 1200, `${took} ms`);
  }));

Deno.test("an unfit member that is elected because the leader died passes on to the fit one", () =>
  inCluster({}, async (cluster, unfit) => {
    const first = holder(cluster);
    const [broken, fit] = others(cluster, first);
    unfit.add(broken);
    await cluster.advance(1000);
    cluster.kill(first);
    const took = await cluster.advanceUntil(() => holder(cluster) === fit, 2000);
    assert(took < 800, `${took} ms`);
    await cluster.advance(3000);
    assert.equal(holder(cluster), fit);
  }));

Deno.test("with the only fit member dead, an unfit one leads on and changes nothing", () =>
  inCluster({}, async (cluster, unfit) => {
    const first = holder(cluster);
    for (const id of others(cluster, first)) unfit.add(id);
    await cluster.advance(1000);
    cluster.kill(first);
    await cluster.advance(2000);
    const second = holder(cluster);
    assert.notEqual(second, "");
    await cluster.advance(5000);
    assert.equal(holder(cluster), second);
  }));

Deno.test("a member that comes back unfit, where all are, is not given leadership, whenever it is heard first", async () => {
  // It says what it is twice a second: the words of its first turns are lost in each case.
  for (let deafMs = 20; deafMs < 1100; deafMs += 60) {
    await inCluster({}, async (cluster, unfit) => {
      for (const id of cluster.ids) unfit.add(id);
      await cluster.advance(3000);
      const first = holder(cluster);
      const [back] = others(cluster, first);
      cluster.kill(back);
      await cluster.advance(5000);
      const since = cluster.ledger.events.length;
      cluster.network.isolate(back);
      await cluster.start(back, { fit: () => false });
      await cluster.advance(deafMs);
      cluster.network.heal();
      await cluster.advance(3000);
      const moved = cluster.ledger.events.slice(since).filter(({ what }) => what === "transfer");
      assert.deepEqual(moved, [], `deaf for ${deafMs} ms`);
    });
  }
});

Deno.test("a transfer without a name, and a stop, go to a member that can use the address", () =>
  inCluster({}, async (cluster, unfit) => {
    for (let turn = 0; turn < 4; turn++) {
      const first = holder(cluster);
      const [broken, fit] = others(cluster, first);
      unfit.clear();
      unfit.add(broken);
      await cluster.advance(1000);
      const node = cluster.node(first);
      if (turn < 3) assert.deepEqual(await cluster.during(node.transfer(null)), { outcome: "transferred", to: fit });
      else await cluster.during(node.stop());
      await cluster.advance(500);
      assert.equal(holder(cluster), fit, `turn ${turn}`);
    }
  }));

Deno.test("spread leaves the unfit out, be it the leader, without disturbing the others, and takes them in again", () =>
  inCluster({ placement: "spread", addresses: IPS }, async (cluster, unfit) => {
    const spread = (): string[] => IPS.flatMap((ip) => cluster.ledger.holders(ip)).sort();
    assert.deepEqual(spread(), ["a", "b", "c"]);
    const [leader = ""] = cluster.leaders();
    for (const id of [leader, others(cluster, leader)[0]]) {
      unfit.add(id);
      const kept = IPS.filter((ip) => cluster.ledger.holders(ip).join() !== id);
      const since = cluster.ledger.events.length;
      const took = await cluster.advanceUntil(() => spread().length === 3 && !spread().includes(id), 1000);
      assert(took < 300, `${took} ms`);
      const revoked = cluster.ledger.events.slice(since).filter((event) => event.what !== "granted");
      assert(!revoked.some((event) => event.scopes.some((ip) => kept.includes(ip))), "others keep what they have");
      assert.deepEqual(cluster.leaders(), [leader]);
      unfit.delete(id);
      await cluster.advance(1000);
      assert.deepEqual(spread(), ["a", "b", "c"]);
    }
    for (const id of cluster.ids) unfit.add(id);
    await cluster.advance(1000);
    const before = IPS.map((ip) => cluster.ledger.holders(ip).join());
    await cluster.advance(3000);
    assert.deepEqual(IPS.map((ip) => cluster.ledger.holders(ip).join()), before, "all unfit: as it is");
  }));
