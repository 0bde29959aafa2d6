import assert from "node:assert/strict";
import type { MemberId } from "../../../mod/election/raft/types.ts";
import { RaftCluster, TIMING } from "../../fakes/raft_cluster.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

const IP = "10.0.0.1";

async function holder(cluster: RaftCluster): Promise<MemberId> {
  const wait = await cluster.advanceUntil(() => cluster.ledger.holders(IP).length > 0, 3000);
  assert.notEqual(wait, Infinity, "nobody holds");
  return cluster.ledger.holders(IP)[0] ?? "";
}

async function done(cluster: RaftCluster): Promise<void> {
  assert.deepEqual(cluster.ledger.overlaps, []);
  await cluster.stopAll();
}

Deno.test("a member that cannot write does not vote, and does again once it can", async () => {
  const cluster = new RaftCluster(["a", "b", "c"], 3);
  await cluster.startAll();
  const first = await holder(cluster);
  const [failing = "", other = ""] = cluster.ids.filter((id) => id !== first);
  cluster.disk(failing).failing = "no space left on device";
  cluster.kill(first);
  await cluster.advanceUntil(() => cluster.node(failing).observe().storage === "failing", 3000);
  let said = 0;
  cluster.onSend = (from) => void (from === failing && said++);
  await cluster.advance(5000);
  assert.equal(said, 0, "it is silent");
  assert.deepEqual(cluster.ledger.holders(IP), []);
  assert.equal(cluster.node(failing).observe().storage, "failing");
  assert.notEqual(cluster.disk(failing).durable.hard.vote, other);
  cluster.disk(failing).failing = null;
  assert.notEqual(await cluster.advanceUntil(() => cluster.ledger.holders(IP).length > 0, 7000), Infinity);
  assert.equal(cluster.node(failing).observe().storage, "working");
  await done(cluster);
});

Deno.test("a leader that cannot write lets go and gives leadership away", async () => {
  const cluster = new RaftCluster(["a", "b", "c", "d", "e"], 5, { placement: "spread", addresses: [IP, "10.0.0.2"] });
  await cluster.startAll();
  await holder(cluster);
  await cluster.advance(2000);
  const [leader = ""] = cluster.leaders();
  cluster.disk(leader).failing = "input/output error";
  const moved = Object.values(cluster.node(leader).observe().assignment).find((id) => id !== leader) ?? "";
  cluster.kill(moved);
  const changed = await cluster.advanceUntil(() => cluster.leaders().some((id) => id !== leader && id !== moved), 3000);
  assert(changed < 1500, `${changed} ms`);
  await cluster.advance(1000);
  assert.equal(cluster.node(leader).observe().storage, "failing");
  assert.equal(cluster.node(leader).observe().grants.length, 0);
  for (const ip of [IP, "10.0.0.2"]) {
    assert.equal(cluster.ledger.holders(ip).length, 1);
    assert(!cluster.ledger.holders(ip).includes(leader));
  }
  await done(cluster);
});

Deno.test("a member that holds a share and cannot write lets go at once", async () => {
  const addresses = [IP, "10.0.0.2", "10.0.0.3"];
  const cluster = new RaftCluster(["a", "b", "c"], 5, { placement: "spread", addresses });
  await cluster.startAll();
  await holder(cluster);
  await cluster.advance(2000);
  const [leader = ""] = cluster.leaders();
  const [failing = "", other = ""] = cluster.ids.filter((id) => id !== leader);
  cluster.disk(failing).failing = "input/output error";
  cluster.kill(other);
  await cluster.advanceUntil(() => cluster.node(failing).observe().storage === "failing", 3000);
  assert.deepEqual(addresses.filter((ip) => cluster.ledger.holders(ip).includes(failing)), []);
  assert.equal(cluster.ledger.events.findLast((event) => event.member === failing)?.what, "deposed");
  await done(cluster);
});

Deno.test("two members that lost their state do not found a new cluster without the third", async () => {
  const cluster = new RaftCluster(["a", "b", "c"], 2);
  await cluster.startAll();
  await holder(cluster);
  await cluster.advance(500);
  for (const id of cluster.ids) cluster.kill(id);
  await cluster.advance(1000);
  for (const id of ["a", "b"]) {
    cluster.disk(id).damage = "a test said so";
    await cluster.start(id);
  }
  await cluster.advance(5000);
  assert.deepEqual(cluster.ledger.holders(IP), []);
  await done(cluster);
});

Deno.test("a member with damaged state joins again and does not serve alone", async () => {
  const cluster = new RaftCluster(["a", "b", "c"], 9, { startAsLeader: true });
  await cluster.startAll();
  const first = await holder(cluster);
  const [broken = "", other = ""] = cluster.ids.filter((id) => id !== first);
  cluster.kill(broken);
  cluster.disk(broken).damage = "a test said so";
  await cluster.start(broken);
  await cluster.advance(2000);
  assert.equal(cluster.node(broken).observe().role, "follower");
  cluster.kill(other);
  cluster.kill(first);
  cluster.kill(broken);
  cluster.disk(broken).damage = "again";
  await cluster.start(broken);
  await cluster.advance(5000);
  assert.deepEqual(cluster.ledger.holders(IP), []);
  await done(cluster);
});

Deno.test("startAsLeader serves alone after four elections, and lets go as soon as a peer is heard", async () => {
  const cluster = new RaftCluster(["a", "b", "c"], 4, { startAsLeader: true });
  const start = cluster.clock.now();
  await cluster.start("a");
  await cluster.advanceUntil(() => cluster.ledger.holders(IP).length > 0, 3000);
  const after = cluster.clock.now() - start;
  assert(after >= 4 * TIMING.electionMaxMs && after < 4 * TIMING.electionMaxMs + 10, `${after} ms`);
  assert.equal(cluster.node("a").observe().role, "solo");
  await cluster.advance(3000);
  assert.deepEqual(cluster.ledger.holders(IP), ["a"]);
  await cluster.start("b", { startAsLeader: false });
  await cluster.advance(5);
  assert.deepEqual(cluster.ledger.holders(IP), []);
  await holder(cluster);
  for (const id of cluster.ids.slice(0, 2)) cluster.kill(id);
  await cluster.advance(1000);
  await cluster.start("a");
  await cluster.advance(5000);
  assert.deepEqual(cluster.ledger.holders(IP), [], "with state of its own it does not serve alone");
  await done(cluster);
});

Deno.test("startAsLeader does not serve alone while somebody answers for the address", async () => {
  let answers = true;
  const cluster = new RaftCluster(["a", "b", "c"], 4, { startAsLeader: true, soloAllowed: () => !answers });
  await cluster.start("a");
  await cluster.advance(3000);
  assert.deepEqual(cluster.ledger.events, []);
  answers = false;
  await cluster.advance(60);
  assert.deepEqual(cluster.ledger.holders(IP), ["a"]);
  await done(cluster);
});

Deno.test("thirty seconds in which a fifth of all datagrams is lost do not change the holder", async () => {
  const cluster = new RaftCluster(["a", "b", "c"], 6);
  await cluster.startAll();
  const first = await holder(cluster);
  await cluster.advance(500);
  cluster.network.weather = { loss: 0.2, duplication: 0, minDelayMs: 0.2, maxDelayMs: 1 };
  await cluster.advance(30_000);
  assert.deepEqual(cluster.ledger.holders(IP), [first]);
  assert.equal(cluster.ledger.events.filter((event) => event.what !== "granted").length, 0);
  await done(cluster);
});

type Deed = (cluster: RaftCluster, id: MemberId) => Promise<void> | void;

const DEEDS: readonly Deed[] = [
  async (cluster, id) => {
    cluster.kill(id);
    await cluster.start(id);
  },
  async (cluster, id) => {
    cluster.machine(id).pause();
    await cluster.advance(700);
    cluster.machine(id).resume();
  },
  (cluster, id) => cluster.network.isolate(id),
  (cluster, id) => cluster.network.cut(id, cluster.ids.find((other) => other !== id) ?? ""),
  (cluster) => cluster.network.heal(),
  async (cluster, id) => {
    cluster.disk(id).failing = "full";
    await cluster.advance(300);
    cluster.disk(id).failing = null;
  },
  async (cluster, id) => void await cluster.during(cluster.node(id).transfer(null)),
  async (cluster, id) => {
    await cluster.during(cluster.node(id).stop());
    await cluster.start(id);
  },
];

Deno.test("grants never overlap, whatever happens to members, disks and links, and peace brings a holder", async () => {
  const first = seedFromEnv(100);
  let served = 0;
  for (let seed = first; seed < first + 40; seed++) {
    const placement = seed % 2 === 0 ? "leader" : "spread";
    const cluster = new RaftCluster(["a", "b", "c"], seed, { placement, addresses: [IP, "10.0.0.2"] });
    const random = seededRandom(seed);
    cluster.network.weather = {
      loss: random() * 0.2,
      duplication: 0.1,
      minDelayMs: 0.2,
      maxDelayMs: 1 + random() * 20,
    };
    await cluster.startAll();
    for (let turn = 0; turn < 25; turn++) {
      const deed = DEEDS[Math.floor(random() * DEEDS.length)];
      await deed?.(cluster, cluster.ids[Math.floor(random() * 3)] ?? "");
      await cluster.advance(random() * 600);
      served += cluster.ledger.holders(IP).length;
    }
    cluster.network.heal();
    await cluster.advance(8000);
    assert.deepEqual(cluster.ledger.overlaps, [], `seed ${seed}`);
    for (const ip of [IP, "10.0.0.2"]) assert.equal(cluster.ledger.holders(ip).length, 1, `seed ${seed}: ${ip}`);
    await cluster.stopAll();
  }
  assert(served > 250, `served at ${served} of 1000 looks`);
});
