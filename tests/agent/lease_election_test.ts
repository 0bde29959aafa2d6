import assert from "node:assert/strict";
import { leaseElection, type LeaseElectionParts } from "../../mod/agent/lease_election.ts";
import type { Election } from "../../mod/agent/manager_election.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { clientOf } from "../kube/kit.ts";
import { Relay } from "../kubernetes/relay.ts";
import { IP, Nodes, TIMES } from "./election_kit.ts";

/** Nodes that elect by one Lease, each over a client of its own. */
class Cluster {
  readonly api = FakeApiServer.start();
  readonly nodes = new Nodes();
  readonly #ends: (() => Promise<void>)[] = [];
  /** Another way to the API server, which can be blocked. */
  readonly relay = new Relay(
    Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    () => Deno.connect({ hostname: "127.0.0.1", port: this.api.port }),
  );

  make(identity: string, change: Partial<LeaseElectionParts> & { readonly server?: string } = {}): Election {
    const { server = this.api.url, ...parts } = change;
    const client = clientOf(server);
    const election = leaseElection({
      ...this.nodes.parts(identity),
      lease: { namespace: null, name: "lock", times: TIMES, annotations: { team: "network" } },
      namespace: "kube-system",
      client,
      rivalServer: () => null,
      preserveOnLoss: false,
      ...parts,
    });
    this.#ends.push(async () => {
      await election.elector.stop();
      await election.close();
      client.close();
    });
    return election;
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
    await this.relay.close();
    await this.api.stop();
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

Deno.test("the first node holds, and both know who does", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    await a.elector.start();
    await cluster.nodes.holds("a");
    await b.elector.start();
    await cluster.nodes.told("b", "a");
    assert.deepEqual([a.status().leading, b.status().leading, b.status().leader], [true, false, "a"]);
    assert.deepEqual([a.raft(), a.rejected(), a.leaseName], [null, [], "lock"]);
    assert.deepEqual(cluster.api.requests.find(({ verb }) => verb === "create")?.path.split("/").at(-2), "kube-system");
  }));

Deno.test("a transfer goes to whoever is fastest, and says who that was", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    await a.elector.start();
    await cluster.nodes.holds("a");
    await b.elector.start();
    await cluster.nodes.told("b", "a");
    assert.deepEqual(await a.transfer(null), { outcome: "transferred", to: "b" });
    assert.deepEqual(cluster.nodes.ledger.holders(IP), ["b"]);
  }));

Deno.test("a transfer to a name is refused, as is one by a node that does not hold", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    assert.match(refusal(await a.transfer(null)), /^This node does not hold the Lease; nobody does$/);
    await a.elector.start();
    await cluster.nodes.holds("a");
    await b.elector.start();
    await cluster.nodes.told("b", "a");
    assert.match(refusal(await a.transfer("b")), /name nobody/);
    assert.match(refusal(await b.transfer(null)), /^This node does not hold the Lease; a does$/);
    assert.deepEqual(cluster.nodes.ledger.holders(IP), ["a"]);
  }));

function refusal(answer: Awaited<ReturnType<Election["transfer"]>>): string {
  assert.equal(answer.outcome, "refused");
  return answer.why;
}

Deno.test("where nobody follows, a transfer says so and the node takes the Lease again", () =>
  withCluster(async (cluster) => {
    const a = cluster.make("a");
    await a.elector.start();
    await cluster.nodes.holds("a");
    assert.equal(refusal(await a.transfer(null)), "Given up here, and nobody was seen to take over in time");
    await cluster.nodes.holds("a");
    const said = cluster.nodes.ledger.events.map(({ what }) => what);
    assert.ok(said.includes("transfer"));
  }));

Deno.test("a transfer whose release is not answered says that the Lease has to run out", () =>
  withCluster(async (cluster) => {
    const a = cluster.make("a");
    await a.elector.start();
    await cluster.nodes.holds("a");
    cluster.api.freeze();
    assert.match(refusal(await a.transfer(null)), /could not be released/);
    assert.deepEqual(cluster.nodes.ledger.holders(IP), []);
    cluster.api.thaw();
  }));

Deno.test("a node whose API server is silent releases at another one that is well", () =>
  withCluster(async (cluster) => {
    const own = `http://127.0.0.1:${cluster.relay.port}`;
    const a = cluster.make("a", { server: own, rivalServer: () => cluster.api.url });
    const b = cluster.make("b");
    await a.elector.start();
    await cluster.nodes.holds("a");
    await b.elector.start();
    await cluster.nodes.told("b", "a");
    cluster.relay.become({ kind: "silent" });
    const released = cluster.api.request(({ verb, body }) =>
      verb === "update" && JSON.stringify(body).includes('"holderIdentity":""')
    );
    // Who follows it cannot see any more.
    const answer = a.transfer(null);
    await released;
    await cluster.nodes.holds("b");
    assert.equal(refusal(await answer), "Given up here, and nobody was seen to take over in time");
  }));

Deno.test("claims of another node are its own until its Lease is surely over", () =>
  withCluster(async (cluster) => {
    const [a, b] = [cluster.make("a"), cluster.make("b")];
    await a.elector.start();
    await cluster.nodes.holds("a");
    assert.deepEqual(a.elsewhere(IP), { atMs: null, graceMs: 4000 });
    await b.elector.start();
    await cluster.nodes.told("b", "a");
    const { atMs } = b.elsewhere(IP);
    assert.ok(atMs !== null && systemClock.now() - atMs < 1000);
    await a.elector.stop();
    await cluster.nodes.holds("b");
    const overMs = b.elsewhere(IP).atMs;
    assert.ok(overMs !== null && overMs >= atMs);
    assert.equal(b.elsewhere(IP).atMs, overMs);
  }));

Deno.test("times too short for a machine without nftables are refused at the start", () =>
  withCluster(async (cluster) => {
    const times = { durationMs: 2100, renewDeadlineMs: 1000, retryMs: 500 };
    const lease = { namespace: null, name: "lock", times, annotations: {} };
    const unfenced = cluster.make("a", { fence: () => "lifetime", lease });
    await assert.rejects(unfenced.elector.start(), /without nftables/);
    await cluster.make("b", { lease }).elector.start();
    await cluster.nodes.holds("b");
  }));
