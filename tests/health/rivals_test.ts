import assert from "node:assert/strict";
import { RivalWatch } from "../../mod/health/rivals.ts";
import { SLICES_PATH } from "../../mod/health/slices.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { type Behaviour, GONE, OBJECT, OK, pass, refusal, StubServers } from "./stub_client.ts";

const LOCAL = "https://127.0.0.1:6443";
const [A, B] = ["https://10.0.0.2:6443", "https://10.0.0.3:6443"];

class Scene {
  readonly clock = new VirtualClock();
  readonly behaviours = new Map<string, Behaviour>([[LOCAL, OK], [A, OK], [B, OK]]);
  readonly addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  /** Servers whose `/livez` is well and whose reads hang. */
  readonly withoutEtcd = new Set<string>();
  readonly servers = new StubServers(this.clock, (server, { path }) => {
    if (path !== "/livez" && this.withoutEtcd.has(server)) return "hangs";
    const behaviour = this.behaviours.get(server) ?? GONE;
    const isList = path === SLICES_PATH && behaviour === OK;
    return isList ? { outcome: "ok", status: 200, body: this.#list() } : behaviour;
  });
  readonly watch: RivalWatch;
  readonly heard: (string | null)[] = [];

  constructor() {
    const client = this.servers.client(LOCAL);
    const own = new Set(["10.0.0.1"]);
    this.watch = new RivalWatch({ client, clock: this.clock, objectPath: OBJECT, own: () => own });
    this.watch.onChange = (rival) => this.heard.push(rival);
    client.close();
  }

  /** With the servers learnt and the local one gone. */
  async lost(): Promise<void> {
    this.watch.start();
    await pass(this.clock, 100);
    this.behaviours.set(LOCAL, GONE);
  }

  asked(server: string): number {
    return this.servers.asked.filter((one) => one === `${server}/livez`).length;
  }

  #list(): unknown {
    return { items: [{ endpoints: [{ addresses: this.addresses }], ports: [{ name: "https", port: 6443 }] }] };
  }
}

Deno.test("a node that lost its server knows a healthy other one at once, and asks nobody before", async () => {
  const scene = new Scene();
  await scene.lost();
  await pass(scene.clock, 5000);
  assert.deepEqual([scene.watch.servers(), scene.watch.rival()], [[A, B], null]);
  assert.equal(scene.asked(A) + scene.asked(B), 0);
  scene.watch.needed(true);
  await pass(scene.clock, 0);
  assert.equal(scene.watch.rival(), A);
  assert.deepEqual(scene.heard, [A]);
  scene.watch.close();
});

Deno.test("a server that hangs does not delay one that answers", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.behaviours.set(A, "hangs");
  scene.watch.needed(true);
  await pass(scene.clock, 0);
  assert.equal(scene.watch.rival(), B);
  scene.watch.close();
});

Deno.test("nobody is a rival while every other server is gone or ailing, and the first that comes back is one", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.behaviours.set(A, "hangs").set(B, refusal(500));
  scene.watch.needed(true);
  await pass(scene.clock, 5000);
  assert.equal(scene.watch.rival(), null);
  assert.deepEqual(scene.heard, []);
  scene.behaviours.set(B, OK);
  await pass(scene.clock, 1000);
  assert.equal(scene.watch.rival(), B);
  scene.watch.close();
});

Deno.test("a server whose etcd is gone is no rival, and stops being one, though its /livez is well", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.withoutEtcd.add(A);
  scene.watch.needed(true);
  await pass(scene.clock, 3000);
  assert.equal(scene.watch.rival(), B);
  scene.withoutEtcd.add(B);
  await pass(scene.clock, 2050);
  assert.equal(scene.watch.rival(), null);
  scene.withoutEtcd.delete(A);
  await pass(scene.clock, 2050);
  assert.equal(scene.watch.rival(), A);
  assert.deepEqual(scene.heard, [B, null, A]);
  scene.watch.close();
});

Deno.test("a rival stays chosen while it is well; when it fails, the next takes its place", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.behaviours.set(A, GONE);
  scene.watch.needed(true);
  await pass(scene.clock, 500);
  scene.behaviours.set(A, OK);
  await pass(scene.clock, 2000);
  assert.equal(scene.watch.rival(), B);
  scene.behaviours.set(B, GONE);
  await pass(scene.clock, 1000);
  assert.equal(scene.watch.rival(), A);
  scene.behaviours.set(A, GONE);
  await pass(scene.clock, 1000);
  assert.equal(scene.watch.rival(), null);
  assert.deepEqual(scene.heard, [B, A, null]);
  scene.watch.close();
});

Deno.test("each server is asked once a second, and no question twice at a time", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.behaviours.set(B, "hangs");
  scene.watch.needed(true);
  await pass(scene.clock, 9950);
  assert.equal(scene.asked(A), 10);
  assert.ok(scene.asked(B) >= 5 && scene.asked(B) <= 10);
  assert.equal(scene.servers.most, 1);
  scene.watch.close();
});

Deno.test("when no rival is needed any more, connections and questions end, and there is none", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.watch.needed(true);
  scene.watch.needed(true);
  await pass(scene.clock, 500);
  assert.equal(scene.servers.open, 3);
  scene.watch.needed(false);
  assert.deepEqual([scene.watch.rival(), scene.servers.open], [null, 1]);
  const asked = scene.asked(A);
  await pass(scene.clock, 3000);
  assert.equal(scene.asked(A), asked);
  assert.deepEqual(scene.heard, [A, null]);
  scene.watch.needed(true);
  await pass(scene.clock, 0);
  assert.equal(scene.watch.rival(), A);
  scene.watch.close();
});

Deno.test("an answer to an earlier need is not heard", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.watch.needed(true);
  scene.watch.needed(false);
  await pass(scene.clock, 0);
  assert.equal(scene.watch.rival(), null);
  assert.deepEqual(scene.heard, []);
  scene.watch.close();
});

Deno.test("addresses are read again every minute, and remembered while they cannot be", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.watch.needed(true);
  await pass(scene.clock, 200_000, 500);
  assert.deepEqual(scene.watch.servers(), [A, B]);
  scene.behaviours.set(LOCAL, OK);
  scene.addresses.splice(1, 1);
  await pass(scene.clock, 61_000, 500);
  assert.deepEqual(scene.watch.servers(), [B]);
  assert.equal(scene.watch.rival(), B);
  scene.watch.close();
});

Deno.test("a node that may not read the addresses has no rival, and goes on trying", async () => {
  const scene = new Scene();
  scene.behaviours.set(LOCAL, refusal(403, "endpointslices is forbidden"));
  scene.watch.start();
  scene.watch.needed(true);
  await pass(scene.clock, 25_000, 500);
  assert.equal(scene.watch.rival(), null);
  assert.equal(scene.servers.asked.filter((one) => one === LOCAL + SLICES_PATH).length, 3);
  scene.behaviours.set(LOCAL, OK);
  await pass(scene.clock, 11_000, 500);
  assert.equal(scene.watch.rival(), A);
  scene.watch.close();
});

Deno.test("closing ends timers and connections, and nothing is told any more", async () => {
  const scene = new Scene();
  await scene.lost();
  scene.behaviours.set(A, "hangs");
  scene.watch.needed(true);
  await pass(scene.clock, 500);
  scene.watch.close();
  scene.watch.close();
  scene.watch.needed(true);
  assert.equal(scene.servers.open, 0);
  await pass(scene.clock, 5000);
  assert.equal(scene.clock.pending, 0);
  assert.deepEqual(scene.heard, [B]);
});
