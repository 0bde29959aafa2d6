import assert from "node:assert/strict";
import { HoldRecords } from "../../mod/agent/hold_records.ts";
import { addressLeaseName } from "../../mod/kube/address_lease.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, LEASES, NODES } from "../kube/kit.ts";

const V4 = "10.98.0.200";
const V6 = "fd98::200";
const EVENTS = "/api/v1/namespaces/kube-system/events";

function path(text: string): NonNullable<ReturnType<typeof parsePath>> {
  const parsed = parsePath(text);
  assert.ok(parsed, text);
  return parsed;
}

Deno.test("who holds is written as Leases, a label and Events, and the label goes with the address", async () => {
  const api = FakeApiServer.start();
  api.store.create(path(NODES), { metadata: { name: "node1", labels: { "kube-vip.io/has-ip": "left-by-a-crash" } } });
  const client = clientOf(api.url);
  const records = new HoldRecords({
    client,
    nodeName: "node1",
    nodeLabeling: true,
    elects: true,
    lease: { name: "plndr-cp-lock", namespace: "kube-system" },
    clock: systemClock,
  });
  const patched = (label: string): Promise<unknown> =>
    api.request(({ verb, body }) => verb === "patch" && JSON.stringify(body).includes(label));
  const cleaned = patched("null");
  records.start();
  await cleaned;
  const created = [V4, V6].map((ip) =>
    api.request(({ verb, body }) => verb === "create" && JSON.stringify(body).includes(addressLeaseName(ip)))
  );
  const labelled = patched("10.98.0.200_");
  records.leads(true);
  records.held(V4);
  records.held(V6);
  await Promise.all([...created, labelled]);
  const unlabelled = patched("null");
  records.released(V4);
  records.released(V6);
  records.released(V6);
  records.leads(false);
  await unlabelled;
  await records.stop();
  for (const ip of [V4, V6]) {
    const lease = api.store.get(path(`${LEASES}/${addressLeaseName(ip)}`));
    assert.equal((lease?.["spec"] as { holderIdentity: string }).holderIdentity, "node1");
  }
  assert.deepEqual(api.store.get(path(`${NODES}/node1`))?.metadata.labels ?? {}, {});
  const notes = api.store.list(path(EVENTS)).map((event) => `${event["reason"]}: ${event["message"]}`).sort();
  assert.deepEqual(notes, [
    "LeaderElection: node1 became leader",
    "LeaderElection: node1 stopped leading",
    `VIPReleased: node1 has given back ${V4}`,
    `VIPReleased: node1 has given back ${V6}`,
    `VIPTaken: node1 holds ${V4}`,
    `VIPTaken: node1 holds ${V6}`,
  ]);
  client.close();
  await api.stop();
});

Deno.test("an API server that is gone keeps nobody: records end within their limit", async () => {
  const client = clientOf("http://127.0.0.1:9");
  const lease = { name: "plndr-cp-lock", namespace: "kube-system" };
  const records = new HoldRecords({
    client,
    nodeName: "node1",
    nodeLabeling: true,
    elects: true,
    lease,
    clock: systemClock,
  });
  records.start();
  records.leads(true);
  records.held(V4);
  const startMs = performance.now();
  await records.stop();
  assert.ok(performance.now() - startMs < 10_000);
  client.close();
});
