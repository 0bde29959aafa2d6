import assert from "node:assert/strict";
import type { KubeClient } from "../../mod/kube/api.ts";
import { type Annotations, NodeAnnotationsWatch } from "../../mod/kube/node_annotations.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, NODES, noLog } from "./kit.ts";

const PREFIX = "bgp.example";

/** What was told, as text; a test waits for the next one. */
class Kit {
  readonly api = FakeApiServer.start();
  readonly client: KubeClient = clientOf(this.api.url);
  readonly told: (Annotations | null)[] = [];
  readonly watch: NodeAnnotationsWatch;
  #next = Promise.withResolvers<void>();

  constructor(node = "n1") {
    const onChange = (annotations: Annotations | null): void => {
      this.told.push(annotations);
      this.#next.resolve();
      this.#next = Promise.withResolvers();
    };
    this.watch = new NodeAnnotationsWatch({ client: this.client, node, prefix: PREFIX, onChange, log: noLog });
  }

  /** Resolves when it is told something by what `act` does. */
  async telling(act: () => void): Promise<Annotations | null> {
    const { promise } = this.#next;
    act();
    await promise;
    return this.told.at(-1) ?? null;
  }

  /** Writes a Node; annotations without a prefix get the usual one. */
  set(name: string, annotations: Record<string, string | null>, host = name): void {
    const path = parsePath(`${NODES}/${name}`) ?? assert.fail();
    const keyed = Object.fromEntries(
      Object.entries(annotations).map(([key, text]) => [key.includes("/") ? key : `${PREFIX}/${key}`, text]),
    );
    const object = { metadata: { name, labels: { "kubernetes.io/hostname": host }, annotations: keyed } };
    const body = JSON.parse(JSON.stringify(object));
    if (this.api.store.get(path) === null) this.api.store.create(path, body);
    else this.api.store.mergePatch(path, body);
  }

  remove(name: string): void {
    this.api.store.delete(parsePath(`${NODES}/${name}`) ?? assert.fail());
  }

  async end(): Promise<void> {
    this.watch.close();
    this.client.close();
    await this.api.stop();
  }
}

Deno.test("the annotations of the own Node are told at the start and at each change of them", async () => {
  const kit = new Kit();
  kit.set("n1", { "peer-ip": "10.0.0.1", "other.io/x": "1" });
  kit.set("n2", { "peer-ip": "10.0.0.2" });
  assert.deepEqual(await kit.telling(() => kit.watch.start()), { [`${PREFIX}/peer-ip`]: "10.0.0.1" });
  kit.set("n1", { "other.io/x": "2" });
  kit.set("n2", { "peer-ip": "10.0.0.22" });
  const changed = await kit.telling(() => kit.set("n1", { "peer-ip": "10.0.0.3", "node-asn": "65000" }));
  assert.deepEqual(changed, { [`${PREFIX}/node-asn`]: "65000", [`${PREFIX}/peer-ip`]: "10.0.0.3" });
  assert.deepEqual(await kit.telling(() => kit.set("n1", { "peer-ip": null })), { [`${PREFIX}/node-asn`]: "65000" });
  assert.equal(kit.told.length, 3, "what others changed is not told");
  const selectors = kit.api.requests.map(({ query }) => query.get("fieldSelector"));
  assert.deepEqual([...new Set(selectors)], ["metadata.name=n1"]);
  await kit.end();
});

Deno.test("a Node of another name is found by the name of its host", async () => {
  const kit = new Kit("host-1");
  kit.set("i-0abc", { "node-asn": "1" }, "host-1");
  kit.set("i-0def", { "node-asn": "2" }, "host-2");
  assert.deepEqual(await kit.telling(() => kit.watch.start()), { [`${PREFIX}/node-asn`]: "1" });
  assert.deepEqual(await kit.telling(() => kit.set("i-0abc", { "node-asn": "3" }, "host-1")), {
    [`${PREFIX}/node-asn`]: "3",
  });
  await kit.end();
});

Deno.test("a Node that is not there yet, or any more, is told as none", async () => {
  const kit = new Kit();
  assert.equal(await kit.telling(() => kit.watch.start()), null);
  assert.deepEqual(await kit.telling(() => kit.set("n1", {})), {});
  assert.equal(await kit.telling(() => kit.remove("n1")), null);
  assert.deepEqual(kit.told, [null, {}, null]);
  await kit.end();
});

Deno.test("a name that no label can have is only looked for as a name", async () => {
  const kit = new Kit(`${"x".repeat(40)}.${"y".repeat(40)}`);
  assert.equal(await kit.telling(() => kit.watch.start()), null);
  assert.ok(kit.api.requests.every(({ query }) => query.get("labelSelector") === null));
  await kit.end();
});

Deno.test("after it was closed nothing is told, and what was never started need not be closed", async () => {
  const kit = new Kit();
  kit.set("n1", { "node-asn": "1" });
  await kit.telling(() => kit.watch.start());
  kit.watch.close();
  kit.watch.close();
  kit.watch.start();
  kit.set("n1", { "node-asn": "2" });
  await kit.end();
  assert.equal(kit.told.length, 1);
  await new Kit().end();
});
