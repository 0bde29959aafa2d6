import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { KubeAnswer, KubeRequest } from "../../mod/kube/api.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import type { FaultKind } from "../fakes/kube/faults.ts";
import { clientOf, LEASES, MemoryFiles, NODES } from "./kit.ts";

const GET: KubeRequest = { method: "GET", path: NODES, limitMs: 5000 };

/** What the first request is answered while the server suffers from `fault`. */
async function answerTo(fault: FaultKind, request: KubeRequest = GET): Promise<KubeAnswer<unknown>> {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const suffered = api.fault(fault);
  const answer = await client.request(request);
  suffered.end();
  client.close();
  await api.stop();
  return answer;
}

Deno.test("A Status object becomes a refusal with its reason, and Retry-After a time", async () => {
  const answer = await answerTo({ kind: "status", status: 429, reason: "TooManyRequests", retryAfterSeconds: 3 });
  const told = { status: 429, reason: "TooManyRequests", message: "Told to fail", retryAfterMs: 3000 };
  assert.deepEqual(answer, { outcome: "refused", ...told });
});

Deno.test("An error of something in between is a refusal without a reason", async () => {
  const answer = await answerTo({ kind: "body", status: 502, body: "<html>Bad gateway</html>" });
  assert.ok(answer.outcome === "refused");
  assert.deepEqual([answer.status, answer.reason, answer.retryAfterMs], [502, "", null]);
});

Deno.test("A success that is no JSON is no success, and its text is not repeated", async () => {
  const answer = await answerTo({ kind: "body", status: 200, body: "{secret" });
  assert.deepEqual(answer, { outcome: "unreachable", cause: "The answer (200, 7 characters) is no JSON" });
  const redirect = await answerTo({ kind: "body", status: 302, body: "" });
  assert.deepEqual(redirect, { outcome: "unreachable", cause: "The server answers with a redirect (302)" });
  const words = await answerTo({ kind: "body", status: 200, body: "ok", contentType: "text/plain" });
  assert.equal(words.outcome, "unreachable");
});

Deno.test("Words are an answer where no objects are", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  assert.deepEqual(await client.request({ ...GET, path: "/livez" }), { outcome: "ok", status: 200, body: "ok" });
  client.close();
  await api.stop();
});

Deno.test("A connection cut in the middle of the body, or before it, is no answer", async () => {
  assert.equal((await answerTo({ kind: "drop" })).outcome, "unreachable");
  const body = { metadata: { name: "a" } };
  const lost = await answerTo({ kind: "lostWrite" }, { method: "POST", path: LEASES, body, limitMs: 5000 });
  // In the words of Deno 2.7 and of 2.9.
  assert.ok(
    lost.outcome === "unreachable" && /connection closed|from connection/.test(lost.cause),
    JSON.stringify(lost),
  );
});

Deno.test("A write whose answer is lost is not sent a second time", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  // On a connection that has already been used, and on a new one.
  await client.request(GET);
  for (const name of ["a", "b"]) {
    api.fault({ kind: "lostWrite" }, { verb: "create", times: 1 });
    const answer = await client.request({ method: "POST", path: LEASES, body: { metadata: { name } }, limitMs: 5000 });
    assert.equal(answer.outcome, "unreachable");
  }
  assert.equal(api.count("create"), 2);
  client.close();
  await api.stop();
});

Deno.test("The deadline counts for the head and for the whole body", async () => {
  const hung = await answerTo({ kind: "hang" }, { ...GET, limitMs: 60 });
  assert.deepEqual(hung, { outcome: "unreachable", cause: `Gave up on GET ${NODES} after 60 ms` });
  const slow = await answerTo({ kind: "slowBody", pieces: 10, pauseMs: 40 }, { ...GET, limitMs: 120 });
  assert.deepEqual(slow, { outcome: "unreachable", cause: `Gave up on GET ${NODES} after 120 ms` });
});

Deno.test("An answer larger than the limit is given up", async () => {
  const answer = await answerTo({ kind: "body", status: 200, body: " ".repeat(33 * 1024 * 1024) });
  assert.deepEqual(answer, { outcome: "unreachable", cause: "The answer is larger than 33554432 bytes" });
});

Deno.test("After a request that was given up none of the old connections is used again", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  // Two at once leave two idle connections behind.
  const delay = api.fault({ kind: "delay", ms: 30 });
  await Promise.all([client.request(GET), client.request(GET)]);
  delay.end();
  const hanging = api.fault({ kind: "hang" }, { times: 1 });
  assert.equal((await client.request({ ...GET, limitMs: 50 })).outcome, "unreachable");
  assert.equal((await client.request(GET)).outcome, "ok");
  assert.equal((await client.request(GET)).outcome, "ok");
  const ports = api.requests.map((request) => request.remotePort);
  const [before, after] = [new Set(ports.slice(0, 3)), new Set(ports.slice(3))];
  assert.deepEqual([before.size, after.size], [2, 1]);
  assert.deepEqual([...after].filter((port) => before.has(port)), []);
  hanging.end();
  client.close();
  await api.stop();
});

Deno.test("A request given up ends no other that is under way", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  api.fault({ kind: "delay", ms: 200 }, { path: LEASES });
  const hanging = api.fault({ kind: "hang" }, { path: NODES });
  const [slow, hung] = await Promise.all([
    client.request({ ...GET, path: LEASES }),
    client.request({ ...GET, limitMs: 50 }),
  ]);
  assert.deepEqual([slow.outcome, hung.outcome], ["ok", "unreachable"]);
  hanging.end();
  client.close();
  await api.stop();
});

Deno.test("On a half-open server every request ends with its deadline, and works again when it is back", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  await client.request(GET);
  api.freeze();
  const answers = await Promise.all([1, 2, 3].map(() => client.request({ ...GET, limitMs: 60 })));
  assert.deepEqual(answers.map((answer) => answer.outcome), ["unreachable", "unreachable", "unreachable"]);
  api.thaw();
  assert.equal((await client.request(GET)).outcome, "ok");
  client.close();
  await api.stop();
});

Deno.test("A server that is not there is unreachable, with the reason of the kernel", async () => {
  const api = FakeApiServer.start();
  await api.stop();
  const client = clientOf(api.url);
  const answer = await client.request(GET);
  assert.ok(answer.outcome === "unreachable" && answer.cause.startsWith("tcp connect error: Connection refused"));
  client.close();
});

Deno.test("A rotated token is read again at once when the old one is refused, and the request sent again", async () => {
  const api = FakeApiServer.start({ tokens: ["old"] });
  const files = new MemoryFiles({ "/token": "old\n" });
  const client = clientOf(api.url, { files, access: { authorization: { kind: "token-file", path: "/token" } } });
  assert.equal((await client.request(GET)).outcome, "ok");
  api.tokens = ["new"];
  const refused = await client.request(GET);
  assert.ok(refused.outcome === "refused" && refused.status === 401);
  files.content.set("/token", "new\n");
  assert.equal((await client.request(GET)).outcome, "ok");
  const body = { metadata: { name: "a" } };
  api.tokens = ["newer"];
  files.content.set("/token", "newer");
  const post = await client.request({ method: "POST", path: LEASES, body, limitMs: 5000 });
  assert.equal(post.outcome, "ok");
  client.close();
  await api.stop();
});

Deno.test("Credentials that cannot be read make a server unreachable, by their path", async () => {
  const client = clientOf("http://127.0.0.1:1", { access: { authorization: { kind: "token-file", path: "/token" } } });
  const answer = await client.request(GET);
  assert.deepEqual(answer, { outcome: "unreachable", cause: 'Cannot read "/token": there is no such file' });
  client.close();
});

Deno.test("Proxies of the environment are not used, and left as they were", async () => {
  // In a process of its own: the environment is one for all threads of this one, and others make clients meanwhile.
  const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", path("../../deno.json"), path("./proxy_child.ts")],
    env: { ["http_proxy"]: "http://127.0.0.1:1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(text, JSON.stringify(["ok", "http://127.0.0.1:1"]), new TextDecoder().decode(stderr));
});
