import assert from "node:assert/strict";
import { HAS_IP_LABEL, labelValue, NodeLabel } from "../../mod/kube/node_label.ts";
import type { Log } from "../../mod/observe/log.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import type { ResourcePath } from "../fakes/kube/paths.ts";
import { seededRandom } from "../fakes/random.ts";
import { clientOf, noLog } from "./kit.ts";
import { refusal, settled, StubClient, UNREACHABLE } from "./stub_client.ts";

function at(path: string): ResourcePath {
  const parsed = parsePath(path);
  assert.ok(parsed !== null);
  return parsed;
}

interface Kit {
  readonly clock: VirtualClock;
  readonly client: StubClient;
  readonly label: NodeLabel;
  readonly warnings: string[];
}

function make(): Kit {
  const clock = new VirtualClock();
  const client = new StubClient(clock);
  const warnings: string[] = [];
  const log: Log = { ...noLog, warning: (message) => void warnings.push(message) };
  const label = new NodeLabel({ client, node: "node1", clock, random: seededRandom(3), log });
  return { clock, client, label, warnings };
}

/** The values that were written. */
function written(client: StubClient): (string | null | undefined)[] {
  return client.requests.map(({ body }) =>
    (body as { metadata: { labels: Record<string, string | null> } }).metadata.labels[HAS_IP_LABEL]
  );
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  await settled();
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(Math.min(50, ms - passed));
    await settled();
  }
}

Deno.test("addresses are legal values of a label", () => {
  const cases: readonly (readonly [readonly string[], string | null])[] = [
    [[], null],
    [["10.0.0.1"], "10.0.0.1"],
    [["fd98::200"], "fd980000000000000000000000000200"],
    [["10.0.0.1", "fd98::1"], "10.0.0.1_fd980000000000000000000000000001"],
    [["10.0.0.1", "10.0.0.2", "10.0.0.3"], "10.0.0.1_10.0.0.2_10.0.0.3"],
  ];
  for (const [addresses, value] of cases) assert.equal(labelValue(addresses), value);
});

Deno.test("what is too long for a label is cut and ends in a hash of all of it", () => {
  const long = ["fd98::1", "fd98::2", "10.0.0.1"];
  const value = labelValue(long) ?? "";
  assert.equal(value, "fd980000000000000000000000000001_fd9800000000000000000-f9225570");
  assert.notEqual(value, labelValue(["fd98::1", "fd98::2", "10.0.0.2"]));
  const dots = Array.from({ length: 12 }, (_, at) => `10.0.0.${at}`);
  for (const addresses of [long, dots, dots.slice(1), ["10.0.0.1", ...long]]) {
    assert.match(labelValue(addresses) ?? "", /^[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]$/);
  }
});

Deno.test("the label comes with the addresses, changes with them and goes with them", async () => {
  const { client, label, clock } = make();
  label.start();
  await settled();
  for (const addresses of [["10.0.0.1"], ["10.0.0.1"], ["10.0.0.2"], []]) {
    label.hold(addresses);
    await settled();
  }
  assert.deepEqual(written(client), [null, "10.0.0.1", "10.0.0.2", null]);
  assert.equal(client.requests[0]?.path, "/api/v1/nodes/node1");
  assert.equal(client.requests[0]?.method, "PATCH");
  await label.stop();
  assert.equal(client.requests.length, 4, "nothing is left to take off");
  assert.equal(clock.pending, 0);
});

Deno.test("an API server merges the label into the node, and what a crash left goes at the start", async () => {
  const api = FakeApiServer.start();
  const node = (): Readonly<Record<string, string>> | undefined =>
    api.store.get(at("/api/v1/nodes/node1"))?.metadata?.labels;
  api.store.create(at("/api/v1/nodes"), {
    metadata: { name: "node1", labels: { [HAS_IP_LABEL]: "10.0.0.9", other: "stays" } },
  });
  const client = clientOf(api.url);
  const label = new NodeLabel({
    client,
    node: "node1",
    clock: new VirtualClock(),
    random: seededRandom(3),
    log: noLog,
  });
  const first = api.request((request) => request.verb === "patch");
  label.start();
  await first;
  const second = api.request((request) => request.verb === "patch");
  label.hold(["10.0.0.1"]);
  await second;
  await label.stop();
  assert.deepEqual(node(), { other: "stays" });
  const bodies = api.requests.map(({ body }) => JSON.stringify(body));
  assert.deepEqual(bodies.map((body) => /"kube-vip.io\/has-ip":("[^"]*"|null)/.exec(body)?.[1]), [
    "null",
    `"10.0.0.1"`,
    "null",
  ]);
  client.close();
  await api.stop();
});

Deno.test("what changes while a write is under way is written after it, only the last of it", async () => {
  const { client, label, clock } = make();
  client.usual = "hangs";
  label.start();
  label.hold(["10.0.0.1"]);
  label.hold(["10.0.0.2"]);
  await settled();
  assert.deepEqual(written(client), [null]);
  client.usual = { outcome: "ok", status: 200, body: {} };
  await pass(clock, 6000);
  assert.deepEqual(written(client), [null, "10.0.0.2"]);
  await label.stop();
});

Deno.test("what fails is tried again with pauses that grow", async () => {
  const { client, label, clock } = make();
  client.usual = UNREACHABLE;
  label.start();
  await pass(clock, 60_000);
  assert.ok(client.requests.length > 6 && client.requests.length < 20, `${client.requests.length} tries`);
  client.usual = { outcome: "ok", status: 200, body: {} };
  await pass(clock, 25_000);
  const tries = client.requests.length;
  await pass(clock, 60_000);
  assert.equal(client.requests.length, tries);
  await label.stop();
});

Deno.test("a server that has just started and knows no roles yet is asked again soon", async () => {
  const { client, label, clock } = make();
  client.answers.push(refusal(403, "Forbidden"), refusal(403, "Forbidden"));
  label.start();
  label.hold(["10.0.0.1"]);
  await pass(clock, 2000);
  assert.equal(client.requests.length, 3);
  await label.stop();
});

Deno.test("what is forbidden for long is said once and tried once a minute", async () => {
  const { client, label, clock, warnings } = make();
  client.usual = refusal(403, "Forbidden");
  label.start();
  label.hold(["10.0.0.1"]);
  await pass(clock, 30_000);
  const tries = client.requests.length;
  await pass(clock, 180_000);
  assert.equal(client.requests.length, tries + 3);
  assert.equal(warnings.length, 1);
  await label.stop();
  assert.equal(client.requests.length, tries + 4);
  assert.equal(clock.pending, 0);
});

Deno.test("stopping takes the label off within two seconds or not at all", async () => {
  const { client, label, clock } = make();
  label.start();
  label.hold(["10.0.0.1"]);
  await settled();
  client.usual = "hangs";
  let stopped = false;
  const stopping = label.stop().then(() => void (stopped = true));
  await pass(clock, 1950);
  assert.equal(stopped, false);
  await pass(clock, 100);
  assert.equal(stopped, true);
  await stopping;
  const flaky = make();
  flaky.label.start();
  flaky.label.hold(["10.0.0.1"]);
  await settled();
  flaky.client.answers.push(UNREACHABLE, UNREACHABLE);
  const ending = flaky.label.stop();
  await pass(flaky.clock, 500);
  await ending;
  assert.deepEqual(written(flaky.client), [null, "10.0.0.1", null, null, null]);
  const idle = make();
  await idle.label.stop();
  idle.label.start();
  idle.label.hold(["10.0.0.1"]);
  assert.equal(idle.client.requests.length, 0);
});
