import assert from "node:assert/strict";
import { electionOf } from "../../mod/agent/elections.ts";
import type { Election } from "../../mod/agent/manager_election.ts";
import type { Grant } from "../../mod/election/elector.ts";
import type { ManagerConfig } from "../../mod/config/manager/types.ts";
import type { KubeClient } from "../../mod/kube/api.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { mustLoad, vars } from "../config/manager/helpers.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { clientOf } from "../kube/kit.ts";
import { Nodes } from "./election_kit.ts";
import { EtcdFront } from "./etcd_front.ts";

const NAMESPACE = "control";

function choose(config: ManagerConfig, nodes: Nodes, client: KubeClient | null): Election {
  const poller = new Poller((error) => assert.fail(String(error)));
  return electionOf({ config, client, namespace: NAMESPACE, poller })(nodes.parts("a"), () => null);
}

Deno.test("where every node serves, an address outlives what routers keep of a process that is killed or hangs", async () => {
  const rows: [string[], number][] = [
    [["bgp_graceful_restart=60"], 60_000],
    [["bgp_graceful_restart=0"], 30_000],
    [["bgp_graceful_restart=60", "bgp_hold_time=90"], 90_000],
    [["bgp_graceful_restart=4095"], 4_095_000],
  ];
  for (const [texts, keptMs] of rows) {
    const clock = new VirtualClock(0);
    const env = vars("vip_arp=false", "bgp_enable=true", "bgp_peers=10.0.0.1:65001", ...texts);
    let untilMs = 0;
    const granted = (grants: readonly Grant[]): void => void (untilMs = grants[0]?.validUntil ?? 0);
    const parts = new Nodes().parts("a", { clock, sink: { granted, revoked: () => {} } });
    const poller = new Poller((error) => assert.fail(String(error)));
    const choice = { config: mustLoad({ env }), client: null, namespace: NAMESPACE, poller };
    const election = electionOf(choice)(parts, () => null);
    await election.elector.start();
    for (let step = 0; step < 400; step++) {
      clock.advance(99);
      assert.ok(untilMs - clock.now() > keptMs, `${texts}: ${untilMs - clock.now()} ms at ${clock.now()}`);
    }
    const stopped = election.elector.stop();
    clock.advance(1500);
    await stopped;
  }
});

async function end(election: Election): Promise<void> {
  await election.elector.stop();
  await election.close();
}

Deno.test("the type kubernetes elects by the Lease of the settings, in the namespace that was found for it", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const env = vars("vip_leasename=lock-7", 'vip_leaseannotations={"team":"network"}');
  const election = choose(mustLoad({ env }), new Nodes(), client);
  assert.deepEqual([election.leaseName, election.raft()], ["lock-7", null]);
  const created = api.request(({ verb }) => verb === "create");
  await election.elector.start();
  const { path, body } = await created;
  assert.equal(path, `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`);
  assert.match(JSON.stringify(body), /"name":"lock-7".*"team":"network".*"leaseDurationSeconds":15,/);
  await end(election);
  client.close();
  await api.stop();
});

Deno.test("the type etcd needs no API server and stands under namespace and Lease name", async () => {
  const front = new EtcdFront();
  const nodes = new Nodes();
  const env = vars("vip_leaderelectiontype=etcd", `etcd_endpoints=${front.url}`, "vip_leasename=lock-7");
  const election = choose(mustLoad({ env }), nodes, null);
  assert.deepEqual([election.leaseName, election.raft()], ["lock-7", null]);
  await election.elector.start();
  await nodes.holds("a");
  const [place] = front.places;
  assert.match(place?.[0] ?? "", new RegExp(`^${NAMESPACE}-lock-7/`));
  await end(election);
  await front.stop();
});

Deno.test("the type peers elects by raft among the members of the settings", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const env = vars(
    "vip_leaderelectiontype=peers",
    "vip_localpeer=a:192.0.2.1:10000",
    "vip_peers=b:192.0.2.2:10000,c:192.0.2.3:10000",
    "vip_peersecret=open-sesame-open-sesame",
  );
  const election = choose(mustLoad({ env }), new Nodes(), client);
  assert.deepEqual([election.raft()?.self, election.raft()?.peers.map(({ id }) => id)], ["a", ["b", "c"]]);
  await end(election);
  client.close();
  await api.stop();
});

Deno.test("an election at an API server is not made without one", () => {
  assert.throws(() => choose(mustLoad(), new Nodes(), null), /a Lease has an API server/);
});
