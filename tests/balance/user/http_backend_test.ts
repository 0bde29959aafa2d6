import assert from "node:assert/strict";
import { BackendConnection, type BackendUser, KeptBackends } from "../../../mod/balance/user/http_backend.ts";
import { type FakeFlow, FakeLoop } from "./fake_flow.ts";
import { destination } from "./kit.ts";

/** Remembers what it was told. */
class Listener implements BackendUser {
  readonly told: string[] = [];
  isFaulty = false;
  backendOpened(backend: BackendConnection): void {
    this.told.push(`opened ${backend.index}`);
  }
  backendReadable(): void {
    this.told.push("readable");
  }
  backendDrained(): void {
    this.told.push("drained");
  }
  backendFailed(errno: number): void {
    this.told.push(`failed ${errno}`);
  }
  backendExpired(): void {
    this.told.push("expired");
    if (this.isFaulty) throw new Error("a fault");
  }
  backendFault(): void {
    this.told.push("fault");
  }
}

const TO = "127.0.0.1:8000";

function connected(loop: FakeLoop, kept: KeptBackends, index = 0): { backend: BackendConnection; flow: FakeFlow } {
  const backend = new BackendConnection(index, new Listener(), { kept, target: null });
  assert.ok(backend.connect(loop, destination(8000 + index)) !== null);
  return { backend, flow: loop.latest };
}

Deno.test("who uses a connection is told what happens to it", () => {
  const loop = new FakeLoop();
  const user = new Listener();
  const backend = new BackendConnection(3, user, { kept: new KeptBackends(loop), target: null });
  assert.throws(() => backend.flow);
  backend.connect(loop, destination(8000));
  loop.latest.open();
  loop.latest.give("x");
  loop.latest.expireIn(5);
  loop.pass(5);
  loop.latest.drain();
  loop.latest.fail(104);
  assert.deepEqual(user.told, ["opened 3", "readable", "expired", "drained", "failed 104"]);
});

Deno.test("a user that throws is told so, and so is the loop", () => {
  const loop = new FakeLoop();
  const user = new Listener();
  user.isFaulty = true;
  new BackendConnection(0, user, { kept: new KeptBackends(loop), target: null }).connect(loop, destination(8000));
  loop.latest.expireIn(5);
  assert.throws(() => loop.pass(5), /a fault/);
  assert.deepEqual(user.told, ["expired", "fault"]);
});

Deno.test("the connection used last is taken first, while it is fresh", () => {
  const loop = new FakeLoop();
  const kept = new KeptBackends(loop);
  const [first, second, other] = [connected(loop, kept), connected(loop, kept), connected(loop, kept, 1)];
  assert.equal(first.backend.isReused, false);
  for (const { backend } of [first, second, other]) {
    kept.put(backend);
    loop.pass(100);
  }
  assert.equal(kept.take(0, TO, 199), null);
  assert.equal(kept.take(0, TO, 200), second.backend);
  assert.ok(second.backend.isReused);
  assert.equal(kept.take(0, TO, Infinity), first.backend);
  assert.equal(kept.take(0, TO, Infinity), null);
  assert.equal(kept.size, 1);
});

Deno.test("one whose end has come is not taken for what could not be repeated, told or not", () => {
  const loop = new FakeLoop();
  const kept = new KeptBackends(loop);
  const { backend, flow } = connected(loop, kept);
  kept.put(backend);
  const idle = (): void => {};
  // The loop comes to it later.
  flow.owner = { opened: idle, readable: idle, drained: idle, failed: idle, expired: idle };
  flow.end();
  assert.equal(flow.isClosed, false);
  assert.equal(kept.take(0, TO, 1000), null);
  assert.ok(flow.isClosed);
  assert.equal(kept.size, 0);
});

Deno.test("who has the index of another one now gets none of its connections", () => {
  const loop = new FakeLoop();
  const kept = new KeptBackends(loop);
  const { backend, flow } = connected(loop, kept);
  kept.put(backend);
  assert.equal(kept.take(0, "127.0.0.1:8001", Infinity), null);
  assert.deepEqual([kept.size, flow.ending], [0, "close"]);
});

Deno.test("whatever happens to a kept connection ends it", () => {
  const ways: ((flow: FakeFlow, loop: FakeLoop) => void)[] = [
    (flow) => flow.give("unasked"),
    (flow) => flow.end(),
    (flow) => flow.fail(),
    (_flow, loop) => loop.pass(60_000),
  ];
  for (const happen of ways) {
    const loop = new FakeLoop();
    const kept = new KeptBackends(loop);
    const { backend, flow } = connected(loop, kept);
    kept.put(backend);
    happen(flow, loop);
    assert.ok(flow.isClosed);
    assert.equal(kept.take(0, TO, Infinity), null);
  }
});

Deno.test("only so many are kept, none of a backend that is down, and none after the end", () => {
  const loop = new FakeLoop();
  const kept = new KeptBackends(loop);
  for (let n = 0; n < 65; n++) kept.put(connected(loop, kept).backend);
  assert.equal(loop.latest.ending, "close");
  assert.equal(kept.size, 64);
  const other = connected(loop, kept, 1);
  kept.put(other.backend);
  kept.forget(0);
  assert.deepEqual([kept.size, other.flow.ending], [1, ""]);
  kept.close();
  assert.equal(other.flow.ending, "close");
  const late = connected(loop, kept);
  kept.put(late.backend);
  assert.equal(late.flow.ending, "close");
});
