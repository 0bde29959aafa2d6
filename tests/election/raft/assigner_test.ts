import assert from "node:assert/strict";
import { Assigner } from "../../../mod/election/raft/assigner.ts";
import { Assignment } from "../../../mod/election/raft/assignment.ts";
import { RaftCore } from "../../../mod/election/raft/core.ts";
import { PeerWatch } from "../../../mod/election/raft/peer_watch.ts";
import type { Message, Snapshot } from "../../../mod/election/raft/types.ts";
import { RaftCluster, TIMING } from "../../fakes/raft_cluster.ts";
import { seededRandom } from "../../fakes/random.ts";

const IPS = ["10.0.0.1", "10.0.0.2"];

interface Bench {
  readonly core: RaftCore;
  readonly assigner: Assigner;
  /** Snapshots that went to the disk. */
  readonly snapshots: Snapshot[];
  /** Lets the core and the assigner do all they have to do. */
  run(now: number): void;
}

/** The only voter of a cluster: leads as soon as its vote is on disk. */
function bench(): Bench {
  const core = new RaftCore({ id: "a", voters: ["a"], timing: TIMING, stored: null, now: 0, random: seededRandom(1) });
  const watch = new PeerWatch([], TIMING);
  const assigner = new Assigner({
    self: "a",
    policy: "spread",
    addresses: IPS,
    timing: TIMING,
    watch,
    unfit: () => new Set(),
  });
  const snapshots: Snapshot[] = [];
  const run = (now: number): void => {
    core.tick(now);
    assigner.turn(now, core);
    while (core.hasReady()) {
      const ready = core.ready(now);
      if (ready.batch?.snapshot) snapshots.push(ready.batch.snapshot);
      if (ready.batch !== null) core.persisted(now, ready.batch.seq);
      assigner.apply(ready, core);
      assigner.turn(now, core);
    }
  };
  return { core, assigner, snapshots, run };
}

Deno.test("a leader assigns every address and records it once", () => {
  const { core, assigner, run } = bench();
  run(1);
  run(2);
  assert.equal(core.role, "leader");
  assert.deepEqual([...assigner.recorded], [["10.0.0.1", "a"], ["10.0.0.2", "a"]]);
  assert.deepEqual(core.grants(3).map((each) => each.ip), IPS);
  const { lastIndex } = core;
  for (let now = 3; now < 2000; now += 10) run(now);
  assert.equal(core.lastIndex, lastIndex, "nothing changes, nothing is recorded");
});

Deno.test("the log gives way to a snapshot that restores the same assignment", () => {
  const { core, assigner, snapshots, run } = bench();
  run(1);
  for (let now = 2; snapshots.length === 0 && now < 200; now++) {
    core.propose(now, Uint8Array.of(1, 0, 0));
    run(now);
  }
  const [snapshot] = snapshots;
  assert(snapshot !== undefined && snapshot.index >= 64 && core.logLength < 64, `${core.logLength} entries in memory`);
  const copy = bench();
  copy.assigner.apply({ restore: snapshot, committed: [] }, copy.core);
  assert.deepEqual(copy.assigner.recorded, assigner.recorded);
});

Deno.test("a new leader waits a beat for holders it has not heard, but not for the leader before", () => {
  const voters = ["a", "b", "c", "d", "e"];
  const addresses = voters.map((_, i) => `10.0.0.${i + 1}`);
  const stored = { hard: { term: 1, vote: null, joining: false }, snapshot: null, entries: [] };
  const core = new RaftCore({ id: "a", voters, timing: TIMING, stored, now: 0, random: seededRandom(1) });
  const watch = new PeerWatch(voters.slice(1), TIMING);
  const assigner = new Assigner({
    self: "a",
    policy: "spread",
    addresses,
    timing: TIMING,
    watch,
    unfit: () => new Set(),
  });
  const recorded = new Assignment().entryTowards(new Map(addresses.map((ip, i) => [ip, voters[i] ?? ""])));
  assigner.apply({ restore: { index: 0, term: 0, data: recorded ?? new Uint8Array() }, committed: [] }, core);
  const turn = (now: number): void => {
    assigner.turn(now, core);
    while (core.hasReady()) {
      const { batch } = core.ready(now);
      if (batch !== null) core.persisted(now, batch.seq);
    }
  };
  const hear = (now: number, from: string, message: Message): void => {
    watch.heard(now, from);
    core.step(now, from, message);
    turn(now);
  };
  const beat = {
    type: "beat",
    term: 1,
    round: 1,
    commit: 0,
    lastIndex: 0,
    echoMs: null,
    leaseLeftMs: 0,
    graceMs: 0,
    holds: [],
  } as const;
  hear(10, "b", beat);
  core.tick(700);
  turn(700);
  for (const from of ["d", "e"]) hear(700, from, { type: "preVoteReply", term: 2, granted: true });
  for (const from of ["d", "e"]) hear(701, from, { type: "voteReply", term: 2, granted: true });
  assert.equal(core.role, "leader");
  assert.deepEqual(Object.values(Object.fromEntries(core.holders())).sort(), ["a", "a", "c", "d", "e"]);
  assert.equal(core.holders().get("10.0.0.3"), "c");
  for (const from of ["d", "e"]) watch.heard(701 + TIMING.beatMs, from);
  core.tick(701 + TIMING.beatMs);
  turn(701 + TIMING.beatMs);
  assert.notEqual(core.holders().get("10.0.0.3"), "c");
});

Deno.test("when the leader dies, the other members keep the addresses they have", async () => {
  const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
  for (let seed = 1; seed <= 10; seed++) {
    const cluster = new RaftCluster(["a", "b", "c", "d", "e"], seed, { placement: "spread", addresses });
    await cluster.startAll();
    await cluster.advance(4000);
    const [leader = ""] = cluster.leaders();
    const before = new Map(addresses.map((ip) => [ip, cluster.ledger.holders(ip)[0] ?? ""]));
    assert.equal(new Set(before.values()).size, 5, `seed ${seed}`);
    const killedAt = cluster.clock.now();
    cluster.kill(leader);
    await cluster.advance(2000);
    for (const event of cluster.ledger.events) {
      if (event.atMs < killedAt || event.what !== "granted" || event.member === leader) continue;
      for (const ip of event.scopes) {
        assert(
          before.get(ip) === leader || before.get(ip) === event.member,
          `seed ${seed}: ${ip} went to ${event.member}`,
        );
      }
    }
    for (const ip of addresses) assert.equal(cluster.ledger.holders(ip).length, 1, `seed ${seed}: ${ip}`);
    await cluster.stopAll();
  }
});
