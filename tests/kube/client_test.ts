import assert from "node:assert/strict";
import type { KubeAnswer, KubeObject } from "../../mod/kube/api.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, LEASES, NODES, Told } from "./kit.ts";

const LIMIT_MS = 5000;

function pathOf(text: string): NonNullable<ReturnType<typeof parsePath>> {
  const path = parsePath(text);
  assert.ok(path);
  return path;
}

Deno.test("A client creates, reads, updates, patches and deletes, and is told of conflicts by name", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const body = { metadata: { name: "a" }, spec: { holderIdentity: "n1" } };
  const created = await client.request<KubeObject>({ method: "POST", path: LEASES, body, limitMs: LIMIT_MS });
  assert.ok(created.outcome === "ok" && created.status === 201);
  const again = await client.request({ method: "POST", path: LEASES, body, limitMs: LIMIT_MS });
  assert.equal(reason(again), "409 AlreadyExists");
  const item = `${LEASES}/a`;
  const updated = await client.request({ method: "PUT", path: item, body: created.body, limitMs: LIMIT_MS });
  assert.equal(updated.outcome, "ok");
  const labels = { metadata: { labels: { v: "2" } } };
  const patched = await client.request({ method: "PATCH", path: item, body: labels, limitMs: LIMIT_MS });
  assert.equal(patched.outcome, "ok");
  const late = await client.request({ method: "PUT", path: item, body: created.body, limitMs: LIMIT_MS });
  assert.equal(reason(late), "409 Conflict");
  const deleted = await client.request({ method: "DELETE", path: item, limitMs: LIMIT_MS });
  assert.equal(deleted.outcome, "ok");
  assert.equal(reason(await client.request({ method: "GET", path: item, limitMs: LIMIT_MS })), "404 NotFound");
  assert.equal(api.requests[0]?.headers.get("user-agent"), "kube-vip/1.2.3");
  assert.equal(
    api.requests.find((r) => r.method === "PATCH")?.headers.get("content-type"),
    "application/merge-patch+json",
  );
  client.close();
  await api.stop();
});

function reason(answer: KubeAnswer<unknown>): string {
  return answer.outcome === "refused" ? `${answer.status} ${answer.reason}` : answer.outcome;
}

Deno.test("A watch tells what there is, then every change, until it is stopped", async () => {
  const api = FakeApiServer.start();
  api.store.create(pathOf(NODES), { metadata: { name: "n1", labels: { v: "1" } } });
  const client = clientOf(api.url);
  const told = new Told();
  const watch = client.watch({ path: NODES }, told);
  await told.until("following");
  api.store.mergePatch(pathOf(`${NODES}/n1`), { metadata: { name: "n1", labels: { v: "2" } } });
  api.store.create(pathOf(NODES), { metadata: { name: "n2" } });
  api.store.delete(pathOf(`${NODES}/n1`));
  await told.until("deleted n1");
  assert.deepEqual(told.lines, ["listed n1=1", "following", "changed n1=2", "changed n2=", "deleted n1"]);
  watch.stop();
  watch.stop();
  api.store.delete(pathOf(`${NODES}/n2`));
  client.close();
  await api.stop();
  assert.equal(told.lines.length, 5);
});

Deno.test("A fork has connections of its own, and outlives the client it came from", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const fork = client.fork();
  await client.request({ method: "GET", path: NODES, limitMs: LIMIT_MS });
  await fork.request({ method: "GET", path: NODES, limitMs: LIMIT_MS });
  client.close();
  await fork.request({ method: "GET", path: NODES, limitMs: LIMIT_MS });
  const [first, second, third] = api.requests.map((request) => request.remotePort);
  assert.notEqual(first, second);
  assert.equal(second, third);
  fork.close();
  await api.stop();
});

Deno.test("A client at another server asks that one", async () => {
  const [here, there] = [FakeApiServer.start(), FakeApiServer.start()];
  const client = clientOf(here.url);
  const other = client.at(`${there.url}/`);
  assert.equal(other.server, there.url);
  assert.equal((await other.request({ method: "GET", path: NODES, limitMs: LIMIT_MS })).outcome, "ok");
  assert.deepEqual([here.requests.length, there.requests.length], [0, 1]);
  client.close();
  other.close();
  await Promise.all([here.stop(), there.stop()]);
});

Deno.test("Closing ends watches and requests under way; later ones fail at once", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const told = new Told();
  client.watch({ path: NODES }, told);
  await told.until("following");
  api.fault({ kind: "hang" }, { verb: "get" });
  const arrived = api.request((request) => request.verb === "get");
  const running = client.request({ method: "GET", path: `${NODES}/a`, limitMs: LIMIT_MS });
  await arrived;
  client.close();
  client.close();
  assert.deepEqual(await running, { outcome: "unreachable", cause: "The client was closed" });
  const later = await client.request({ method: "GET", path: NODES, limitMs: LIMIT_MS });
  assert.deepEqual(later, { outcome: "unreachable", cause: "The client is closed" });
  client.watch({ path: NODES }, told).stop();
  assert.deepEqual(told.lines, ["listed", "following"]);
  await api.stop();
});

Deno.test("What a listener throws is logged, and following goes on", async () => {
  const api = FakeApiServer.start();
  const logged: string[] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warning: () => {},
    error: (message: string) => void logged.push(message),
  };
  const client = clientOf(api.url, { log });
  const told = new Told();
  client.watch({ path: NODES }, {
    listed: () => {
      throw new Error("Boom");
    },
    changed: (object) => told.changed(object),
    deleted: () => {},
    health: (state, cause) => told.health(state, cause),
  });
  await told.until("following");
  api.store.create(pathOf(NODES), { metadata: { name: "n1" } });
  await told.until("changed n1=");
  assert.deepEqual(logged, ["Listener of a watch failed"]);
  client.close();
  await api.stop();
});
