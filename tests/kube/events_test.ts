import assert from "node:assert/strict";
import { EventRecorder, leaseReference } from "../../mod/kube/events.ts";
import type { Log } from "../../mod/observe/log.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeApiServer } from "../fakes/kube/api_server.ts";
import { seededRandom } from "../fakes/random.ts";
import { clientOf, noLog } from "./kit.ts";
import { refusal, settled, StubClient, UNREACHABLE } from "./stub_client.ts";

const LEASE = leaseReference("kube-system", "plndr-cp-lock");
const EVENTS = "/api/v1/namespaces/kube-system/events";
const WALL_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

interface Kit {
  readonly clock: VirtualClock;
  readonly client: StubClient;
  readonly recorder: EventRecorder;
  readonly warnings: string[];
}

function make(): Kit {
  const clock = new VirtualClock();
  const client = new StubClient(clock);
  const warnings: string[] = [];
  const log: Log = { ...noLog, warning: (message) => void warnings.push(message) };
  const random = seededRandom(3);
  const recorder = new EventRecorder({ client, node: "node1", clock, wallNow: () => WALL_MS, random, log });
  return { clock, client, recorder, warnings };
}

/** Records events with these messages. */
function note(recorder: EventRecorder, ...messages: readonly string[]): void {
  for (const message of messages) recorder.record({ type: "Normal", reason: "VIPTaken", message, about: LEASE });
}

/** The messages of what was asked of the server. */
function messages(client: StubClient): string[] {
  return client.requests.map(({ body }) => (body as { message: string }).message);
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(Math.min(100, ms - passed));
    await settled();
  }
}

Deno.test("an event names what it is about, who says so, and when", async () => {
  const { client, recorder } = make();
  note(recorder, "node1 holds 10.0.0.1");
  await settled();
  const [request] = client.requests;
  assert.equal(request?.method, "POST");
  assert.equal(request?.path, EVENTS);
  const { metadata, ...rest } = request?.body as { metadata: { name: string; namespace: string } };
  assert.match(metadata.name, /^plndr-cp-lock\.[0-9a-f]{16}$/);
  assert.deepEqual(rest, {
    apiVersion: "v1",
    kind: "Event",
    involvedObject: {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      namespace: "kube-system",
      name: "plndr-cp-lock",
    },
    reason: "VIPTaken",
    message: "node1 holds 10.0.0.1",
    type: "Normal",
    source: { component: "kube-vip", host: "node1" },
    firstTimestamp: "2026-01-02T03:04:05Z",
    lastTimestamp: "2026-01-02T03:04:05Z",
    count: 1,
    reportingComponent: "kube-vip",
    reportingInstance: "node1",
  });
});

Deno.test("long names and texts are cut to what the API takes", async () => {
  const { client, recorder } = make();
  const about = leaseReference("kube-system", "n".repeat(250));
  recorder.record({ type: "Warning", reason: "x", message: "m".repeat(5000), about });
  await settled();
  assert.equal(client.requests[0]?.path, "/api/v1/namespaces/kube-system/events");
  const body = client.requests[0]?.body as { message: string; metadata: { name: string } };
  assert.equal(body.message.length, 1024);
  assert.ok(body.metadata.name.length <= 253);
});

Deno.test("an API server takes the events, each under a name of its own", async () => {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const recorder = new EventRecorder({
    client,
    node: "node1",
    clock: new VirtualClock(),
    wallNow: () => WALL_MS,
    random: seededRandom(3),
    log: noLog,
  });
  note(recorder, "one", "two");
  await recorder.close();
  assert.equal(api.requests.filter(({ path, verb }) => path === EVENTS && verb === "create").length, 2);
  client.close();
  await api.stop();
});

Deno.test("what fails is tried again, the same event under the same name, until it is written", async () => {
  const { client, recorder, clock } = make();
  client.answers.push(UNREACHABLE, refusal(503, "ServiceUnavailable"), refusal(409, "AlreadyExists"));
  note(recorder, "one", "two");
  await pass(clock, 5000);
  assert.deepEqual(messages(client), ["one", "one", "one", "two"]);
  const names = client.requests.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
  assert.equal(new Set(names).size, 2);
  assert.equal(clock.pending, 0);
});

Deno.test("a server that asks for patience gets it", async () => {
  const { client, recorder, clock } = make();
  client.answers.push(refusal(429, "TooManyRequests", 7000));
  note(recorder, "one");
  await pass(clock, 6900);
  assert.equal(client.requests.length, 1);
  await pass(clock, 200);
  assert.equal(client.requests.length, 2);
});

Deno.test("a server that has just started and knows no roles yet gets the event again", async () => {
  const { client, recorder, warnings, clock } = make();
  client.answers.push(refusal(403, "Forbidden"), refusal(403, "Forbidden"));
  note(recorder, "one");
  await pass(clock, 2000);
  assert.deepEqual([messages(client), warnings.length], [["one", "one", "one"], 0]);
});

Deno.test("what is forbidden for long is said once and dropped, and then at once", async () => {
  const { client, recorder, warnings, clock } = make();
  client.usual = refusal(403, "Forbidden");
  note(recorder, "one", "two", "three");
  await pass(clock, 60_000);
  assert.deepEqual(messages(client), [...Array(7).fill("one"), "two", "three"]);
  assert.equal(warnings.length, 1);
});

Deno.test("a refusal is said once, and the event is dropped", async () => {
  const { client, recorder, warnings, clock } = make();
  client.usual = refusal(422, "Invalid");
  note(recorder, "one", "two", "three");
  await pass(clock, 1000);
  assert.deepEqual(messages(client), ["one", "two", "three"]);
  assert.equal(warnings.length, 1);
});

Deno.test("twenty go at once, then one in ten seconds", async () => {
  const { client, recorder, clock } = make();
  note(recorder, ...Array.from({ length: 23 }, (_, at) => String(at)));
  await settled();
  await pass(clock, 9900);
  assert.equal(client.requests.length, 20);
  await pass(clock, 100);
  assert.equal(client.requests.length, 21);
  await pass(clock, 20_000);
  assert.equal(client.requests.length, 23);
  await pass(clock, 300_000);
  note(recorder, ...Array.from({ length: 30 }, (_, at) => String(at)));
  await pass(clock, 100);
  assert.equal(client.requests.length, 43);
});

Deno.test("of more than fifty that wait the oldest go, and what waited five minutes is dropped", async () => {
  const { client, recorder, clock } = make();
  client.usual = "hangs";
  note(recorder, ...Array.from({ length: 60 }, (_, at) => String(at)));
  await pass(clock, 200_000);
  client.usual = { outcome: "ok", status: 201, body: {} };
  const before = client.requests.length;
  await pass(clock, 20_000);
  assert.equal(messages(client)[before], "10");
  await pass(clock, 400_000);
  const late = make();
  late.client.usual = UNREACHABLE;
  note(late.recorder, "old");
  await pass(late.clock, 320_000);
  assert.equal(late.clock.pending, 0);
  const tried = late.client.requests.length;
  assert.ok(tried > 15 && tried < 60, `${tried} tries`);
});

Deno.test("closing writes what is left, for a second at most, and takes in nothing more", async () => {
  const { client, recorder, clock } = make();
  note(recorder, "one", "two");
  await recorder.close();
  assert.deepEqual(messages(client), ["one", "two"]);
  note(recorder, "three");
  await recorder.close();
  assert.equal(client.requests.length, 2);
  const stuck = make();
  stuck.client.usual = "hangs";
  note(stuck.recorder, "one");
  let closed = false;
  const closing = stuck.recorder.close().then(() => void (closed = true));
  await pass(stuck.clock, 900);
  assert.equal(closed, false);
  await pass(stuck.clock, 200);
  assert.equal(closed, true);
  await closing;
  const down = make();
  down.client.usual = UNREACHABLE;
  note(down.recorder, "one");
  const ending = down.recorder.close();
  await pass(down.clock, 1100);
  await ending;
  assert.ok(down.client.requests.length < 5);
  assert.deepEqual([clock.pending, down.clock.pending], [0, 0]);
});
