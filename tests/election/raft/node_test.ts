import assert from "node:assert/strict";
import type { RaftNodeOptions } from "../../../mod/election/raft/node.ts";
import { StorageError } from "../../../mod/election/raft/storage.ts";
import type { MemberId } from "../../../mod/election/raft/types.ts";
import { decodeMessage } from "../../../mod/election/raft/wire.ts";
import { RaftCluster, TIMING } from "../../fakes/raft_cluster.ts";

const IPS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const [IP] = IPS as [string];
const SPREAD: Partial<RaftNodeOptions> = { placement: "spread", addresses: IPS };

async function inCluster(
  ids: string[],
  options: Partial<RaftNodeOptions>,
  { seed = 1, work }: { seed?: number; work: (cluster: RaftCluster) => Promise<void> },
): Promise<void> {
  const cluster = new RaftCluster(ids, seed, options);
  await work(cluster);
  assert.deepEqual(cluster.ledger.overlaps, []);
  await cluster.stopAll();
  await cluster.advance(100);
  assert.equal(cluster.clock.pending, 0, "timers after the stop");
}

async function leader(cluster: RaftCluster): Promise<MemberId> {
  const found = (): MemberId | undefined => cluster.leaders().find((id) => cluster.ledger.holders(IP).length > 0 && id);
  assert.notEqual(await cluster.advanceUntil(() => found() !== undefined, 3000), Infinity, "nobody leads");
  return found() ?? "";
}

function others(cluster: RaftCluster, id: MemberId): MemberId[] {
  return cluster.ids.filter((other) => other !== id);
}

Deno.test("a leader that loses its majority lets go within its lease and says why", () =>
  inCluster(["a", "b", "c"], {}, {
    work: async (cluster) => {
      await cluster.startAll();
      const holder = await leader(cluster);
      for (const id of others(cluster, holder)) cluster.kill(id);
      const took = await cluster.advanceUntil(() => cluster.ledger.holders(IP).length === 0, 1000);
      assert(took <= TIMING.leaseMs + TIMING.beatMs, `${took} ms`);
      await cluster.advance(2000);
      assert.deepEqual(cluster.ledger.holders(IP), []);
      const last = cluster.ledger.events.at(-1);
      assert.deepEqual([last?.member, last?.what], [holder, "quorum-lost"]);
    },
  }));

Deno.test("transfer hands over to the member named within milliseconds, and refuses what cannot be", () =>
  inCluster(["a", "b", "c"], {}, {
    work: async (cluster) => {
      await cluster.startAll();
      const holder = await leader(cluster);
      const [to = "", third = ""] = others(cluster, holder);
      assert.deepEqual(await cluster.during(cluster.node(third).transfer(null)), {
        outcome: "not-leader",
        leader: holder,
      });
      assert.deepEqual(await cluster.during(cluster.node(holder).transfer("nobody")), { outcome: "no-target" });
      assert.deepEqual(cluster.ledger.holders(IP), [holder], "a refused wish changes nothing");
      const start = cluster.clock.now();
      assert.deepEqual(await cluster.during(cluster.node(holder).transfer(to)), { outcome: "transferred", to });
      await cluster.advanceUntil(() => cluster.ledger.holders(IP).includes(to), 100);
      assert(cluster.clock.now() - start < 15, `${cluster.clock.now() - start} ms`);
      const what = cluster.ledger.events.findLast((event) => event.member === holder)?.what;
      assert.equal(what, "transfer");
      const led = cluster.node(holder).elsewhereMs(IP);
      assert(led !== null && led >= start, "it knows when another held");
    },
  }));

Deno.test("nothing that lets another take over leaves before this member has let go", () =>
  inCluster(["a", "b", "c"], {}, {
    work: async (cluster) => {
      let looked = 0;
      cluster.onSend = (from, payload) => {
        if (payload[0] !== 0) return;
        const { type } = decodeMessage(payload.subarray(1));
        if (type !== "timeoutNow" && type !== "resign") return;
        looked++;
        assert(!cluster.ledger.holders(IP).includes(from), `${from} sends ${type} while it may answer`);
      };
      await cluster.startAll();
      for (let turn = 0; turn < 3; turn++) {
        const holder = await leader(cluster);
        // With the log settled the offer leaves in the very turn of the command.
        await cluster.advance(500);
        await cluster.during(cluster.node(holder).transfer(null));
      }
      const holder = await leader(cluster);
      for (const id of others(cluster, holder)) cluster.network.cut(id, holder);
      await cluster.advance(1000);
      cluster.network.heal();
      await cluster.during(cluster.node(await leader(cluster)).stop());
      assert(looked >= 6, `${looked} messages looked at`);
    },
  }));

Deno.test("a transfer to a member that does not answer is given up, and this member holds on", () =>
  inCluster(["a", "b", "c"], {}, {
    work: async (cluster) => {
      await cluster.startAll();
      const holder = await leader(cluster);
      const [to = ""] = others(cluster, holder);
      await cluster.advance(100);
      cluster.kill(to);
      const result = await cluster.during(cluster.node(holder).transfer(to));
      assert.equal(result.outcome, "not-taken");
      const next = await leader(cluster);
      await cluster.advance(1000);
      const since = cluster.ledger.events.length;
      assert.equal((await cluster.during(cluster.node(next).transfer(to))).outcome, "no-target", "known to be silent");
      const ended = cluster.ledger.events.slice(since).filter((event) => event.what !== "granted");
      assert.deepEqual(ended, [], "a refused wish costs nothing");
      await cluster.advance(1000);
      assert.equal(cluster.ledger.holders(IP).length, 1);
    },
  }));

Deno.test("a whole cluster that was killed is served again once two members are back", () =>
  inCluster(["a", "b", "c"], {}, {
    work: async (cluster) => {
      await cluster.startAll();
      const term = cluster.node(await leader(cluster)).observe().term;
      for (const id of cluster.ids) cluster.kill(id);
      await cluster.advance(3000);
      await cluster.start("b");
      await cluster.start("c");
      const took = await cluster.advanceUntil(() => cluster.ledger.holders(IP).length > 0, 3000);
      assert(took < 1000, `${took} ms`);
      assert(cluster.node(await leader(cluster)).observe().term > term);
    },
  }));

Deno.test("addresses are spread over the members, follow them when they go, and return when they come back", () =>
  inCluster(["a", "b", "c"], SPREAD, {
    work: async (cluster) => {
      const spread = (): string[] => IPS.flatMap((ip) => cluster.ledger.holders(ip)).sort();
      await cluster.startAll();
      const first = await leader(cluster);
      await cluster.advance(2000);
      assert.deepEqual(spread(), ["a", "b", "c"]);
      const [gone = "", kept = ""] = others(cluster, first);
      const assigned = cluster.node(kept).observe().assignment;
      assert.deepEqual(new Set(Object.values(assigned)), new Set(cluster.ids), "recorded on every member");
      for (let turn = 0; turn < 5; turn++) {
        cluster.kill(gone);
        const took = await cluster.advanceUntil(() => spread().length === 3 && !spread().includes(gone), 1000);
        assert(took <= 2 * TIMING.leaseMs + 2 * TIMING.beatMs, `${took} ms`);
        await cluster.start(gone);
        await cluster.advance(3000);
        assert.deepEqual(spread(), ["a", "b", "c"], `return ${turn}`);
      }
    },
  }));

Deno.test("a leader knows of each address until when another member held it", () =>
  inCluster(["a", "b", "c"], SPREAD, {
    work: async (cluster) => {
      await cluster.startAll();
      const first = await leader(cluster);
      await cluster.advance(3000);
      const node = cluster.node(first);
      const [gone = ""] = others(cluster, first);
      const heldBy = (id: string): string => IPS.find((ip) => cluster.ledger.holders(ip).includes(id)) ?? "";
      const [own, share] = [heldBy(first), heldBy(gone)];
      assert.equal(node.elsewhereMs(share), cluster.clock.now());
      const ownMs = node.elsewhereMs(own);
      assert(ownMs === null || ownMs < cluster.clock.now() - 1000, `${ownMs}`);
      cluster.kill(gone);
      const killedAt = cluster.clock.now();
      await cluster.advanceUntil(() => !cluster.ledger.holders(share).includes(gone), 1000);
      const lastMs = node.elsewhereMs(share) ?? 0;
      assert(lastMs >= cluster.clock.now() - TIMING.beatMs && lastMs > killedAt, "until its last grant ran out");
      await cluster.advance(2000);
      assert((node.elsewhereMs(share) ?? 0) <= lastMs + TIMING.leaseMs);
      assert.equal(node.elsewhereMs(own), ownMs);
    },
  }));

Deno.test("a member that stops gives its share back at once", () =>
  inCluster(["a", "b", "c"], SPREAD, {
    work: async (cluster) => {
      await cluster.startAll();
      const [stopping = ""] = others(cluster, await leader(cluster));
      await cluster.advance(2000);
      const share = IPS.find((ip) => cluster.ledger.holders(ip).includes(stopping)) ?? "";
      const start = cluster.clock.now();
      await cluster.during(cluster.node(stopping).stop());
      await cluster.advanceUntil(() => cluster.ledger.holders(share).length > 0, 1000);
      assert(cluster.clock.now() - start < 15, `${cluster.clock.now() - start} ms`);
    },
  }));

Deno.test("a whole cluster stops in well under the time a successor is waited for", () =>
  inCluster(["a", "b", "c"], SPREAD, {
    work: async (cluster) => {
      await cluster.startAll();
      await leader(cluster);
      await cluster.advance(2000);
      const start = cluster.clock.now();
      for (const id of cluster.ids) await cluster.during(cluster.node(id).stop());
      assert(cluster.clock.now() - start < 1000, `one after the other: ${cluster.clock.now() - start} ms`);
      for (const id of cluster.ids) await cluster.start(id);
      await leader(cluster);
      const again = cluster.clock.now();
      await cluster.during(Promise.all(cluster.ids.map((id) => cluster.node(id).stop())));
      assert(cluster.clock.now() - again < 1000, `all at once: ${cluster.clock.now() - again} ms`);
    },
  }));

Deno.test("two hundred transfers later the log is still short and the members agree", () =>
  inCluster(["a", "b", "c"], SPREAD, {
    work: async (cluster) => {
      await cluster.startAll();
      for (let turn = 0; turn < 200; turn++) {
        await cluster.during(cluster.node(await leader(cluster)).transfer(null));
        await cluster.advance(20);
      }
      await cluster.advance(1000);
      for (const id of cluster.ids) {
        const { lastIndex, commitIndex } = cluster.node(id).observe();
        assert(lastIndex > 200 && commitIndex === lastIndex, `${id}: ${commitIndex} of ${lastIndex}`);
        const { snapshot, entries } = cluster.disk(id).durable;
        assert(snapshot !== null && entries.length <= 64, `${id}: ${entries.length} entries`);
      }
    },
  }));

Deno.test("a state directory in use stops the start and leaves nothing behind", async () => {
  const cluster = new RaftCluster(["a", "b", "c"], 1);
  cluster.disk("a").locked = true;
  await assert.rejects(cluster.start("a"), StorageError);
  await cluster.node("a").stop();
  assert.equal(cluster.node("a").observe().role, "stopped");
  assert.equal(cluster.clock.pending, 0);
});

Deno.test("what is not a message is counted and changes nothing", () =>
  inCluster(["a", "b", "c"], {}, {
    work: async (cluster) => {
      await cluster.startAll();
      const holder = await leader(cluster);
      const stranger = cluster.network.join("x");
      await stranger.start();
      stranger.send(holder, Uint8Array.of(0, 1, 99));
      stranger.send(holder, Uint8Array.of(2, 7));
      await cluster.advance(10);
      assert.equal(cluster.node(holder).observe().counters.malformedMessages, 1);
      assert.deepEqual(cluster.ledger.holders(IP), [holder]);
    },
  }));
