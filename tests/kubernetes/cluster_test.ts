import assert from "node:assert/strict";
import { Network } from "../lab/network.ts";
import { station } from "../lab/plan.ts";
import { within } from "../lab/time.ts";
import type { WatchEvent } from "./api_client.ts";
import { countCalls } from "./audit.ts";
import { ApiServerCluster } from "./cluster.ts";
import { KUBERNETES_VERSION } from "./build.ts";
import { withCluster } from "./kit.ts";
import { CONTROL_PLANE_LEASE, leasesPath, leasesVersion, microTime, readLease, watchPath } from "./lease.ts";
import { withApiServers } from "./needs.ts";
import type { ApiServer } from "./server.ts";
import { nodeUser } from "./users.ts";

const LEASES = leasesPath(CONTROL_PLANE_LEASE.namespace);
const LEASE = `${LEASES}/${CONTROL_PLANE_LEASE.name}`;
const LIMIT_MS = 10_000;

function spec(holder: string): Record<string, unknown> {
  const now = microTime(Date.now());
  return { holderIdentity: holder, leaseDurationSeconds: 15, acquireTime: now, renewTime: now, leaseTransitions: 0 };
}

function three(cluster: ApiServerCluster): [ApiServer, ApiServer, ApiServer] {
  const [first, second, third] = cluster.servers;
  assert.ok(first && second && third);
  return [first, second, third];
}

async function oneStore(cluster: ApiServerCluster): Promise<void> {
  const [first, second, third] = three(cluster);
  const body = { metadata: { name: CONTROL_PLANE_LEASE.name }, spec: spec("node1") };
  await first.client(nodeUser(first.machine)).demand("POST", LEASES, { body });
  const stale = await readLease(second.client(), CONTROL_PLANE_LEASE);
  assert.equal(stale?.spec.holderIdentity, "node1");
  const update = (server: ApiServer): Promise<{ status: number; body: unknown }> => {
    const metadata = { name: CONTROL_PLANE_LEASE.name, resourceVersion: stale?.resourceVersion };
    return server.client(nodeUser(server.machine)).request("PUT", LEASE, {
      body: { metadata, spec: spec(server.name) },
    });
  };
  assert.equal((await update(third)).status, 200);
  const late = await update(second);
  assert.equal(late.status, 409);
  assert.equal((late.body as { reason: string }).reason, "Conflict");
  assert.equal((await readLease(first.client(), CONTROL_PLANE_LEASE))?.spec.holderIdentity, "node3");
}

async function watching(cluster: ApiServerCluster): Promise<void> {
  const [first, second] = three(cluster);
  const at = await leasesVersion(first.client(), CONTROL_PLANE_LEASE.namespace);
  const ended = new AbortController();
  const client = second.clientOnNode(nodeUser(second.machine));
  const events = client.watch(watchPath(CONTROL_PLANE_LEASE, at), ended.signal);
  const next = events.next();
  const body = { spec: { holderIdentity: "node1" } };
  await first.client().demand("PATCH", LEASE, { body, contentType: "application/merge-patch+json" });
  const { value } = await within(next, LIMIT_MS, "a change seen by a watch at another server");
  const { type, object } = value as WatchEvent;
  assert.equal(type, "MODIFIED");
  assert.equal((object as { spec: { holderIdentity: string } }).spec.holderIdentity, "node1");
  ended.abort();
  assert.equal((await events.next()).done, true);
}

async function rights(cluster: ApiServerCluster): Promise<void> {
  const [first] = three(cluster);
  const node = first.client(nodeUser(first.machine));
  const stranger = first.client("stranger");
  const status = async (client: typeof node, method: string, path: string, body?: unknown): Promise<number> =>
    (await client.request(method, path, body === undefined ? {} : { body })).status;
  assert.equal(await status(node, "GET", "/api/v1/nodes"), 200);
  assert.equal(await status(node, "GET", "/apis/discovery.k8s.io/v1/endpointslices"), 200);
  assert.equal(await status(node, "GET", "/api/v1/secrets"), 403);
  assert.equal(await status(node, "DELETE", LEASE), 403);
  assert.equal(await status(stranger, "GET", LEASE), 403);
  const event = {
    metadata: { name: "taken.1" },
    involvedObject: { kind: "Lease", namespace: "kube-system", name: "plndr-cp-lock" },
    reason: "Taken",
  };
  assert.equal(await status(node, "POST", "/api/v1/namespaces/kube-system/events", event), 201);
}

async function identities(cluster: ApiServerCluster): Promise<void> {
  const [first] = three(cluster);
  const who = async (authorization: string): Promise<unknown> => {
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: authorization } };
    const path = "/apis/authentication.k8s.io/v1/tokenreviews";
    const body = await first.client().demand("POST", path, { body: review });
    return (body as { status: { user?: { username: string } } }).status.user?.username;
  };
  assert.equal(await who(cluster.users.token("kube-vip-node2")), "kube-vip-node2");
  assert.equal(await who("not a token"), undefined);
}

/** With the real client of Kubernetes, from within the node and from another one. */
function byKubectl(cluster: ApiServerCluster, kubectl: string): void {
  const [first, second] = three(cluster);
  const path = Deno.makeTempFileSync();
  const ask = (from: ApiServer, host: string): string => {
    Deno.writeTextFileSync(path, first.kubeconfig("admin", host));
    const words = ["get", "lease", CONTROL_PLANE_LEASE.name, "-n", CONTROL_PLANE_LEASE.namespace, "-o", "name"];
    const command = new Deno.Command(kubectl, { args: ["--kubeconfig", path, "--cache-dir", `${path}.d`, ...words] });
    const { stdout, stderr } = from.machine.inside(() => command.outputSync());
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  const { ip4, ip6 } = first.machine.station;
  try {
    assert.equal(ask(first, "127.0.0.1"), "lease.coordination.k8s.io/plndr-cp-lock\n");
    assert.equal(ask(second, ip4), "lease.coordination.k8s.io/plndr-cp-lock\n");
    assert.equal(ask(second, ip6), "lease.coordination.k8s.io/plndr-cp-lock\n");
  } finally {
    Deno.removeSync(path);
    Deno.removeSync(`${path}.d`, { recursive: true });
  }
}

async function counted(cluster: ApiServerCluster): Promise<void> {
  const [first, second] = three(cluster);
  await cluster.admin.request("GET", LEASE);
  cluster.audit.mark();
  const node = (server: ApiServer): ReturnType<ApiServer["client"]> => server.client(nodeUser(server.machine));
  for (let times = 0; times < 3; times++) await node(first).demand("GET", LEASE);
  await node(second).demand("GET", LEASES);
  await node(second).request("GET", "/api/v1/secrets");
  const calls = cluster.audit.calls();
  assert.deepEqual(countCalls(calls), {
    "kube-vip-node1 get leases": 3,
    "kube-vip-node2 list leases": 1,
    "kube-vip-node2 list secrets": 1,
  });
  assert.deepEqual(calls.map(({ code }) => code), [200, 200, 200, 200, 403]);
  assert.equal(calls[0]?.name, CONTROL_PLANE_LEASE.name);
}

async function killed(cluster: ApiServerCluster): Promise<void> {
  const [first, second] = three(cluster);
  await first.kill();
  assert.equal(first.running, false);
  await assert.rejects(first.client().request("GET", "/readyz"));
  await assert.rejects(first.clientOnNode().request("GET", "/readyz"));
  assert.equal(await cluster.admin.request("GET", LEASE).then(({ status }) => status), 200);
  assert.ok(await readLease(second.client(), CONTROL_PLANE_LEASE));
  first.start();
  await first.ready(30_000);
  assert.ok(await readLease(first.clientOnNode(), CONTROL_PLANE_LEASE));
}

withApiServers("three API servers on one etcd behave as those of a cluster", async (paths, t) => {
  await withCluster(paths, 3, async (cluster) => {
    const version = await cluster.admin.demand("GET", "/version");
    assert.equal((version as { gitVersion: string }).gitVersion, `v${KUBERNETES_VERSION}`);
    await t.step(
      "what is written at one is read at another, and a stale update is a conflict",
      () => oneStore(cluster),
    );
    await t.step("a watch at one sees a change made at another", () => watching(cluster));
    await t.step("a node's user may do what the product does and no more", () => rights(cluster));
    await t.step("each node's user has a token", () => identities(cluster));
    await t.step("kubectl reaches one from its node and from another", () => byKubectl(cluster, paths.kubectl));
    await t.step("requests are counted by user, verb and resource", () => counted(cluster));
    await t.step("one that was killed refuses, the others go on, and it comes back", () => killed(cluster));
  });
});

withApiServers(
  "etcd may be on the laboratory's own network, and is out of reach for a node without its cable",
  async (paths) => {
    const network = Network.create();
    try {
      const machine = network.connect(station("node1", 1));
      const etcd = network.connect(station("etcd", 60));
      await ApiServerCluster.with({ paths, machines: [machine], etcd }, async (cluster) => {
        const [server] = cluster.servers;
        assert.ok(server);
        const list = (deadlineMs: number): Promise<unknown> =>
          server.clientOnNode().demand("GET", "/apis/coordination.k8s.io/v1/leases", { deadlineMs });
        await list(LIMIT_MS);
        network.cut(machine);
        await assert.rejects(list(1000), { name: "TimeoutError" });
        network.mend(machine);
        await list(LIMIT_MS);
      });
    } finally {
      network.close();
    }
  },
);
