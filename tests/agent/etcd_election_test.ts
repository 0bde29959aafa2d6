import assert from "node:assert/strict";
import { etcdElection, type EtcdElectionParts } from "../../mod/agent/etcd_election.ts";
import type { Election } from "../../mod/agent/manager_election.ts";
import { EtcdTlsError } from "../../mod/election/etcd/gateway.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { quietPort } from "../fakes/ports.ts";
import { IP, Nodes, TIMES } from "./election_kit.ts";
import { EtcdFront } from "./etcd_front.ts";

const NO_TLS = { caPath: null, certPath: null, keyPath: null };

/** Nodes that elect by one etcd. */
class Cluster {
  readonly front = new EtcdFront();
  readonly nodes = new Nodes();
  readonly #made: Election[] = [];

  make(identity: string, change: Partial<EtcdElectionParts> = {}): Election {
    const election = etcdElection({
      ...this.nodes.parts(identity),
      endpoints: [this.front.url],
      tls: NO_TLS,
      prefix: "kube-system-lock",
      leaseName: "lock",
      times: TIMES,
      preserveOnLoss: false,
      ...change,
    });
    this.#made.push(election);
    return election;
  }

  /** The first holds, the others know. */
  async start(first: Election, ...others: readonly Election[]): Promise<void> {
    await first.elector.start();
    await this.nodes.holds("a");
    for (const other of others) await other.elector.start();
    for (const name of ["b", "c"].slice(0, others.length)) await this.nodes.told(name, "a");
  }

  async close(): Promise<void> {
    for (const election of this.#made) {
      await election.elector.stop();
      await election.close();
    }
    await this.front.stop();
    assert.deepEqual(this.nodes.ledger.overlaps, []);
  }
}

async function withCluster(run: (cluster: Cluster) => Promise<void>): Promise<void> {
  const cluster = new Cluster();
  try {
    await run(cluster);
  } finally {
    await cluster.close();
  }
}

/** Between two looks at what nobody tells of. */
function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function refusal(answer: Awaited<ReturnType<Election["transfer"]>>): string {
  assert.equal(answer.outcome, "refused");
  return answer.why;
}

Deno.test("the first candidate holds, under upstream's keys, and a stop gives its place back", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    await cluster.start(a, b);
    // On a busy machine its right may be over just then, and comes back.
    while (!a.status().leading) await moment();
    assert.deepEqual([b.status().leading, b.status().leader], [false, "a"]);
    assert.deepEqual([a.raft(), a.rejected(), a.leaseName], [null, [], "lock"]);
    while (cluster.front.places.length < 2) await moment();
    for (const [key] of cluster.front.places) assert.match(key, /^kube-system-lock\/[0-9a-f]+$/);
    await a.elector.stop();
    await cluster.nodes.holds("b");
    assert.deepEqual(cluster.front.places.map(([, name]) => name), ["b"]);
  }));

Deno.test("a transfer goes to the next in the queue, and says who that was", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    await cluster.start(a, b);
    // Who else stands is known at a look that comes by itself.
    let answer = await a.transfer(null);
    for (; answer.outcome === "refused"; answer = await a.transfer(null)) {
      assert.equal(answer.why, "There is no other candidate");
      await moment();
    }
    assert.deepEqual(answer, { outcome: "transferred", to: "b" });
    await cluster.nodes.holds("b");
  }));

Deno.test("a transfer without another candidate is refused, and the node holds on", () =>
  withCluster(async (cluster) => {
    const a = cluster.make("a");
    await cluster.start(a);
    assert.equal(refusal(await a.transfer(null)), "There is no other candidate");
    assert.deepEqual(cluster.nodes.ledger.holders(IP), ["a"]);
  }));

Deno.test("a transfer to a name is refused, as is one by a node that does not hold", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    assert.equal(refusal(await a.transfer(null)), "This node does not lead; nobody does");
    await cluster.start(a, b);
    assert.match(refusal(await a.transfer("b")), /name nobody/);
    assert.equal(refusal(await b.transfer(null)), "This node does not lead; a does");
  }));

Deno.test("a node that is not fit leaves the address to one that is", () =>
  withCluster(async (cluster) => {
    let fit = true;
    const [a, b] = [cluster.make("a", { fit: () => fit }), cluster.make("b")];
    await cluster.start(a, b);
    fit = false;
    a.refresh();
    await cluster.nodes.holds("b");
  }));

Deno.test("claims of another node are its own until its lease is surely over", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    await cluster.start(a, b);
    assert.deepEqual(a.elsewhere(IP), { atMs: null, graceMs: 4000 });
    const { atMs } = b.elsewhere(IP);
    assert.ok(atMs !== null && systemClock.now() - atMs < 1000);
  }));

Deno.test("an etcd that is not there is trouble, and no hold; the election still ends in time", () =>
  withCluster(async (cluster) => {
    const a = cluster.make("a", { endpoints: [`http://127.0.0.1:${quietPort()}`] });
    await a.elector.start();
    while (a.status().trouble === null) await moment();
    assert.deepEqual(cluster.nodes.ledger.events, []);
    assert.equal(a.status().goodMs, null);
    await a.elector.stop();
  }));

Deno.test("a file of certificates that cannot be read is told before anything starts", () =>
  withCluster((cluster) => {
    assert.throws(() => cluster.make("a", { tls: { ...NO_TLS, caPath: "/nosuch/ca.crt" } }), EtcdTlsError);
    return Promise.resolve();
  }));
