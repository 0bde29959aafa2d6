import assert from "node:assert/strict";
import type { Clock } from "../../mod/base/clock.ts";
import type { WatchRequest } from "../../mod/kube/api.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { FakeApiServer, type FakeObject, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, MemoryFiles, NODES, Told } from "./kit.ts";

/** Time of the tests: waits take a fiftieth, deadlines and silence stay as they are asked for. */
const hurried: Clock = {
  now: () => systemClock.now(),
  after: (delayMs, fire) =>
    systemClock.after(delayMs >= 10_000 || delayMs === SILENCE_MS ? delayMs : delayMs / 50, fire),
};
/** Longer than a busy machine stands still; no other delay is the same. */
const SILENCE_MS = 1250;

interface Followed {
  readonly api: FakeApiServer;
  readonly told: Told;
  set(name: string, v: string): void;
  end(): Promise<void>;
}

/** A server with the node n1, and a client that follows the nodes. */
async function following(request: Partial<WatchRequest> = {}): Promise<Followed> {
  const api = FakeApiServer.start();
  const set = setter(api);
  set("n1", "1");
  const client = clientOf(api.url, { clock: hurried });
  const told = new Told();
  client.watch({ path: NODES, ...request }, told);
  await told.until("following");
  const end = async (): Promise<void> => {
    client.close();
    await api.stop();
  };
  return { api, told, set, end };
}

function setter(api: FakeApiServer): (name: string, v: string) => void {
  return (name, v) => {
    const path = parsePath(`${NODES}/${name}`);
    assert.ok(path);
    const object: FakeObject = { metadata: { name, labels: { v } } };
    if (api.store.get(path) === null) api.store.create(path, object);
    else api.store.mergePatch(path, object);
  };
}

Deno.test("A watch that is cut off is resumed, with what happened in between, without a new list", async () => {
  const { api, told, set, end } = await following();
  const again = api.fault({ kind: "hang" }, { verb: "watch" });
  api.watches.cut();
  set("n1", "2");
  set("n2", "1");
  again.end();
  await told.until("changed n2=1");
  assert.deepEqual(told.lines, ["listed n1=1", "following", "changed n1=2", "changed n2=1"]);
  assert.equal(api.count("list"), 1);
  await end();
});

Deno.test("A watch that the server ends is opened again from the last bookmark", async () => {
  const { api, told, set, end } = await following();
  api.store.bump();
  api.watches.bookmark();
  set("n1", "2");
  await told.until("changed n1=2");
  api.store.bump();
  const version = String(api.store.version);
  api.watches.bookmark();
  api.store.compact();
  const reopened = api.request((request) => request.verb === "watch");
  api.watches.finish();
  assert.equal((await reopened).query.get("resourceVersion"), version);
  set("n1", "3");
  await told.until("changed n1=3");
  assert.equal(api.count("list"), 1);
  await end();
});

Deno.test("A version that the server has forgotten leads to a new list", async () => {
  const { api, told, set, end } = await following();
  const held = api.fault({ kind: "status", status: 503 }, { verb: "watch", times: 1 });
  api.watches.cut();
  set("n2", "1");
  api.store.compact();
  await told.until("listed n1=1 n2=1");
  set("n2", "2");
  await told.until("changed n2=2");
  assert.equal(api.count("list"), 2);
  held.end();
  await end();
});

Deno.test("410 as an event leads to a new list too", async () => {
  const { api, told, end } = await following();
  api.watches.send({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } });
  await told.until("listed n1=1", 2);
  assert.deepEqual(told.causes.filter((cause) => cause !== ""), []);
  await end();
});

Deno.test("A connection that has fallen silent is made anew", async () => {
  const { api, told, set, end } = await following({ silenceMs: SILENCE_MS });
  api.watches.silence();
  set("n1", "2");
  const reopened = api.request((request) => request.verb === "watch");
  await reopened;
  api.watches.speak();
  await told.until("changed n1=2");
  assert.equal(api.count("list"), 1);
  await end();
});

Deno.test("Bookmarks are heard: with them a quiet watch stays", async () => {
  const { api, told, set, end } = await following({ silenceMs: SILENCE_MS });
  const beats = setInterval(() => api.watches.bookmark(), SILENCE_MS / 5);
  const quiet = Promise.withResolvers<void>();
  const enough = setTimeout(quiet.resolve, 3 * SILENCE_MS);
  await quiet.promise;
  set("n1", "2");
  await told.until("changed n1=2");
  clearInterval(beats);
  clearTimeout(enough);
  assert.equal(api.count("watch"), 1);
  await end();
});

Deno.test("A half-open server is noticed by silence, told as broken, and followed again when it is back", async () => {
  const { api, told, set, end } = await following({ silenceMs: SILENCE_MS });
  const refusing = api.fault({ kind: "status", status: 500, reason: "InternalError" }, { verb: "watch" });
  api.freeze();
  set("n1", "2");
  await api.request((request) => request.verb === "watch");
  api.thaw();
  await told.until("broken");
  refusing.end();
  await told.until("following", 2);
  // After three failures the version is doubted, so the change comes as an event or as a list.
  await Promise.race([told.until("changed n1=2"), told.until("listed n1=2")]);
  await end();
});

Deno.test("Throttling and errors of the server are waited out", async () => {
  const { api, told, set, end } = await following();
  api.fault({ kind: "status", status: 429, reason: "TooManyRequests", retryAfterSeconds: 1 }, {
    verb: "watch",
    times: 1,
  });
  api.fault({ kind: "status", status: 503 }, { verb: "watch", times: 1 });
  api.watches.cut();
  set("n1", "2");
  await told.until("changed n1=2");
  assert.deepEqual(told.lines, ["listed n1=1", "following", "broken", "following", "changed n1=2"]);
  assert.deepEqual([api.count("watch"), api.count("list")], [4, 1]);
  await end();
});

Deno.test("A server that restarts empty-handed is followed again from a new list", async () => {
  const { api, told, end } = await following();
  const { port } = api;
  for (let changes = 0; changes < 50; changes++) api.store.bump();
  api.watches.bookmark();
  api.watches.finish();
  await api.stop();
  await told.until("broken");
  const next = FakeApiServer.start({ port });
  setter(next)("n9", "1");
  await told.until("listed n9=1");
  await end();
  await next.stop();
});

Deno.test("Events spread over chunks, inside characters too, come out whole", async () => {
  const { api, told, end } = await following();
  const line = `${JSON.stringify({ type: "ADDED", object: object("nä€𝄞") })}\n`;
  for (const byte of new TextEncoder().encode(line)) api.watches.raw(new Uint8Array([byte]));
  await told.until("changed nä€𝄞=");
  await end();
});

function object(name: string): FakeObject {
  return { metadata: { name, resourceVersion: "2000" } };
}

Deno.test("A line without end, and one that is no JSON, end the watch and not the following", async () => {
  for (const bytes of [new Uint8Array(5 * 1024 * 1024).fill(0x61), new TextEncoder().encode("{oops\n")]) {
    const { api, told, set, end } = await following();
    api.watches.raw(bytes);
    await told.until("listed n1=1", 2);
    set("n1", "2");
    await told.until("changed n1=2");
    assert.deepEqual(told.lines, ["listed n1=1", "following", "broken", "listed n1=1", "following", "changed n1=2"]);
    await end();
  }
});

Deno.test("A long collection is listed in pages, and told in one piece", async () => {
  const api = FakeApiServer.start({ window: 5000 });
  const set = setter(api);
  for (let i = 0; i < 1200; i++) set(`n${i}`, "1");
  const client = clientOf(api.url, { clock: hurried });
  const told = new Told();
  client.watch({ path: NODES }, told);
  await told.until("following");
  assert.equal(told.lines.length, 2);
  assert.equal(told.lines[0]?.split(" ").length, 1201);
  assert.equal(api.count("list"), 3);
  client.close();
  await api.stop();
});

Deno.test("A refused token is read again, and the watch goes on", async () => {
  const api = FakeApiServer.start({ tokens: ["old"] });
  const files = new MemoryFiles({ "/token": "old" });
  const access = { authorization: { kind: "token-file", path: "/token" } } as const;
  const client = clientOf(api.url, { clock: hurried, files, access });
  const told = new Told();
  client.watch({ path: NODES }, told);
  await told.until("following");
  api.tokens = ["new"];
  files.content.set("/token", "new");
  api.watches.cut();
  setter(api)("n1", "1");
  await told.until("changed n1=1");
  assert.deepEqual(told.lines, ["listed", "following", "changed n1=1"]);
  client.close();
  await api.stop();
});

Deno.test("After a stop in the middle of what came together, nothing more is told", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url, { clock: hurried });
  const told = new Told();
  const watch = client.watch({ path: NODES }, {
    listed: (objects) => told.listed(objects),
    changed: (changed) => {
      watch.stop();
      told.changed(changed);
    },
    deleted: () => {},
    health: (state, cause) => told.health(state, cause),
  });
  await told.until("following");
  const line = (name: string): string => `${JSON.stringify({ type: "ADDED", object: object(name) })}\n`;
  api.watches.raw(new TextEncoder().encode(line("a") + line("b")));
  await told.until("changed a=");
  client.close();
  await api.stop();
  assert.deepEqual(told.lines, ["listed", "following", "changed a="]);
});
