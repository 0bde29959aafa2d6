import assert from "node:assert/strict";
import { type ControlPlaneNode, ControlPlaneNodes } from "../../mod/kube/control_plane_nodes.ts";
import { FakeApiServer, type FakeObject, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, NODES, noLog } from "./kit.ts";

const ROLE = "node-role.kubernetes.io/control-plane";

/** What was told, as `name addresses`; a test waits for the next one. */
class Kit {
  readonly api = FakeApiServer.start();
  readonly client = clientOf(this.api.url);
  readonly told: string[] = [];
  #next = Promise.withResolvers<void>();
  readonly nodes = new ControlPlaneNodes({ client: this.client, onChange: (ready) => this.#tell(ready), log: noLog });

  #tell(ready: readonly ControlPlaneNode[]): void {
    this.told.push(ready.map(({ name, addresses }) => `${name} ${addresses.join(" ")}`).join("; "));
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  async telling(act: () => void): Promise<string | undefined> {
    const { promise } = this.#next;
    act();
    await promise;
    return this.told.at(-1);
  }

  set(name: string, changes: { labels?: Record<string, string | null>; status?: unknown }): void {
    const path = parsePath(`${NODES}/${name}`) ?? assert.fail();
    const { labels = {}, status } = changes;
    const body = JSON.parse(JSON.stringify({ metadata: { name, labels }, status })) as FakeObject;
    if (this.api.store.get(path) === null) this.api.store.create(path, body);
    else this.api.store.mergePatch(path, body);
  }

  remove(name: string): void {
    this.api.store.delete(parsePath(`${NODES}/${name}`) ?? assert.fail());
  }

  async end(): Promise<void> {
    this.nodes.close();
    this.client.close();
    await this.api.stop();
  }
}

function status(ready: string, ...internal: readonly unknown[]): unknown {
  return {
    conditions: [{ type: "MemoryPressure", status: "True" }, { type: "Ready", status: ready }],
    addresses: [
      { type: "Hostname", address: "x" },
      { type: "ExternalIP", address: "192.0.2.1" },
      ...internal.map((address) => ({ type: "InternalIP", address })),
    ],
  };
}

Deno.test("ready Nodes of the control plane are told with their internal addresses, and every change of these", async () => {
  const kit = new Kit();
  kit.set("b", { labels: { [ROLE]: "" }, status: status("True", "10.0.0.2", "FD00:0::2", "10.0.0.2") });
  kit.set("a", { labels: { [ROLE]: "true" }, status: status("True", "10.0.0.1") });
  kit.set("worker", { status: status("True", "10.0.0.9") });
  kit.set("new", { labels: { [ROLE]: "" } });
  assert.equal(await kit.telling(() => kit.nodes.start()), "a 10.0.0.1; b 10.0.0.2 fd00::2");
  kit.set("a", { labels: { other: "1" } });
  assert.equal(await kit.telling(() => kit.set("a", { status: status("Unknown", "10.0.0.1") })), "b 10.0.0.2 fd00::2");
  assert.equal(await kit.telling(() => kit.set("b", { labels: { [ROLE]: null } })), "");
  assert.equal(await kit.telling(() => kit.set("worker", { labels: { [ROLE]: "" } })), "worker 10.0.0.9");
  assert.equal(
    await kit.telling(() => kit.set("new", { status: status("True", "10.0.0.3") })),
    "new 10.0.0.3; worker 10.0.0.9",
  );
  assert.equal(await kit.telling(() => kit.remove("worker")), "new 10.0.0.3");
  assert.equal(kit.told.length, 6, "what others changed is not told");
  const [first] = kit.api.requests;
  assert.equal(first?.query.get("labelSelector"), ROLE);
  await kit.end();
});

Deno.test("what no Node should say is passed over", async () => {
  const kit = new Kit();
  kit.set("a", { labels: { [ROLE]: "" }, status: status("True", 7, "nonsense", null, "10.0.0.1") });
  kit.set("b", { labels: { [ROLE]: "" }, status: { conditions: "Ready", addresses: {} } });
  assert.equal(await kit.telling(() => kit.nodes.start()), "a 10.0.0.1");
  await kit.end();
});

Deno.test("no Node at all is told too, and nothing after it was closed", async () => {
  const kit = new Kit();
  assert.equal(await kit.telling(() => kit.nodes.start()), "");
  kit.nodes.close();
  kit.nodes.close();
  kit.nodes.start();
  kit.set("a", { labels: { [ROLE]: "" }, status: status("True", "10.0.0.1") });
  await kit.end();
  assert.deepEqual(kit.told, [""]);
});
