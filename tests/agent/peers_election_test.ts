import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { Election } from "../../mod/agent/manager_election.ts";
import { peersElection } from "../../mod/agent/peers_election.ts";
import type { Peer } from "../../mod/config/types.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, LEASES } from "../kube/kit.ts";
import { IP, Nodes, TIMES } from "./election_kit.ts";

const TIMING = { beatMs: 50, leaseMs: 200, electionMinMs: 255, electionMaxMs: 350 };

function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** Members on loopback, in one process; those that are never started are just silent. */
class Cluster {
  readonly api = FakeApiServer.start();
  readonly nodes = new Nodes();
  readonly #directory = Deno.makeTempDirSync();
  readonly #client = clientOf(this.api.url);
  readonly #poller = new Poller((error) => assert.fail(String(error)));
  readonly #made: Election[] = [];

  async make(...names: readonly string[]): Promise<Election[]> {
    const peers: Peer[] = [];
    for (const id of names) peers.push({ id, address: "127.0.0.1", port: await freePort() });
    const made = peers.map((localPeer) =>
      peersElection({
        ...this.nodes.parts(localPeer.id),
        election: {
          type: "peers",
          localPeer,
          remotePeers: peers.filter((peer) => peer !== localPeer),
          peerSecret: "open-sesame-open-sesame",
          clusterId: "test",
          timing: TIMING,
        },
        lease: { namespace: null, name: "lock", times: TIMES, annotations: {} },
        namespace: "kube-system",
        client: this.#client,
        poller: this.#poller,
        stateDir: `${this.#directory}/${localPeer.id}`,
      })
    );
    this.#made.push(...made);
    return made;
  }

  async close(): Promise<void> {
    for (const election of this.#made) {
      await election.elector.stop();
      await election.close();
    }
    await this.#poller.close();
    this.#client.close();
    await this.api.stop();
    await Deno.remove(this.#directory, { recursive: true });
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

function only<T>(made: readonly T[]): T {
  const [one] = made;
  assert.ok(one !== undefined);
  return one;
}

Deno.test("a node that is the only member holds, says so, and ends in order", () =>
  withCluster(async (cluster) => {
    const a = only(await cluster.make("a"));
    await a.elector.start();
    await cluster.nodes.holds("a");
    while (a.raft()?.assignment[IP] !== "a") await moment();
    assert.equal(a.leaseName, "lock");
    assert.deepEqual([a.status().leading, a.status().leader], [true, "a"]);
    await a.elector.stop();
    assert.deepEqual(cluster.nodes.ledger.holders(IP), []);
  }));

Deno.test("a member without a majority holds nothing, refuses a transfer, and ends in order", () =>
  withCluster(async (cluster) => {
    const a = only(await cluster.make("a", "b", "c"));
    await a.elector.start();
    assert.deepEqual(await a.transfer(null), { outcome: "refused", why: "This member does not lead; nobody does" });
    assert.deepEqual([a.status().leading, a.status().leader], [false, null]);
    assert.deepEqual(cluster.nodes.ledger.events, []);
    assert.deepEqual(a.rejected(), []);
  }));

Deno.test("members elect one of them, who can hand over; a name that is no member is refused", () =>
  withCluster(async (cluster) => {
    const made = await cluster.make("a", "b", "c");
    await Promise.all(made.map((election) => election.elector.start()));
    assert.equal((await (await leaderOf(made)).transfer("x")).outcome, "refused");
    // On a busy machine the others may be late just then, or lead themselves by now.
    let answer = await (await leaderOf(made)).transfer(null);
    for (let tries = 1; answer.outcome === "refused" && tries < 20; tries++) {
      await moment();
      answer = await (await leaderOf(made)).transfer(null);
    }
    assert.equal(answer.outcome, "transferred");
  }));

Deno.test("nobody holds while the Lease of a stranger is valid, and the leader writes its own after that", () =>
  withCluster(async (cluster) => {
    const path = parsePath(`${LEASES}/lock`);
    assert.ok(path);
    const time = "2026-01-02T03:04:05.000006Z";
    cluster.api.store.create(path, {
      metadata: { name: "lock", namespace: "kube-system" },
      spec: { holderIdentity: "go", leaseDurationSeconds: 1, acquireTime: time, renewTime: time, leaseTransitions: 7 },
    });
    const a = only(await cluster.make("a"));
    const startMs = performance.now();
    const written = cluster.api.request(({ verb, path }) => verb === "update" && path.endsWith("/leases/lock"));
    await a.elector.start();
    await leaderOf([a]);
    assert.match(a.status().trouble ?? "", /^go, who is no member, holds the Lease/);
    assert.deepEqual(cluster.nodes.ledger.events, []);
    await cluster.nodes.holds("a");
    assert.ok(performance.now() - startMs >= 1000);
    assert.equal(a.status().trouble, null);
    await written;
  }));

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function leaderOf(made: readonly Election[]): Promise<Election> {
  for (;;) {
    const leading = made.find((election) => election.status().leading);
    if (leading !== undefined) return leading;
    await moment();
  }
}
