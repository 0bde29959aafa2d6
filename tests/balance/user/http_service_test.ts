import assert from "node:assert/strict";
import { httpConfig, tcpConfig } from "../kit.ts";
import { FORWARDED_GET, GET, HttpRig, OK, statusOf, TIMES } from "./http_rig.ts";

Deno.test("a drain closes who rests, lets the others finish, and keeps nothing", () => {
  const rig = new HttpRig();
  const { client: resting, backend: kept } = rig.served();
  const [busy, beginning] = [rig.client(), rig.client()];
  busy.give(GET);
  assert.equal(kept.take(), FORWARDED_GET);
  beginning.give("GET / HT");
  rig.service.drain("close");
  assert.deepEqual([resting.ending, busy.ending, beginning.ending, kept.ending], ["close", "", "", ""]);
  kept.give(OK);
  assert.equal(statusOf(busy.take()), "200 close");
  assert.deepEqual([busy.ending, kept.ending], ["finish", "close"]);
  beginning.give("TP/1.1\r\nHost: a\r\n\r\n");
  rig.opened(2).give(OK);
  assert.equal(statusOf(beginning.take()), "200 close");
  rig.assertSettled();
});

Deno.test("a patient drain answers whoever rests or has not asked yet once more, then closes; or closes in the end", () => {
  const rig = new HttpRig();
  const { client: resting, backend } = rig.served();
  const [silent, fresh] = [rig.client(), rig.client()];
  silent.give(GET);
  assert.equal(backend.take(), FORWARDED_GET);
  backend.give(OK);
  assert.equal(silent.take(), OK);
  rig.service.drain("wait");
  assert.deepEqual([resting.ending, silent.ending, fresh.ending], ["", "", ""]);
  for (const [n, client] of [resting, fresh].entries()) {
    client.give(GET);
    rig.opened(2 + n).give(OK);
    assert.equal(statusOf(client.take()), "200 close");
    assert.equal(client.ending, "finish");
  }
  rig.service.drain("close");
  assert.equal(silent.ending, "close");
  rig.assertSettled();
});

Deno.test("a cut resets the clients of an address and what they have to do with backends", () => {
  const rig = new HttpRig();
  const [here, there] = [rig.client(), rig.client()];
  here.local = { ip: "192.0.2.77", port: 80 };
  here.give(GET);
  const backend = rig.opened(1);
  there.give(GET);
  rig.opened(2).give(OK);
  rig.service.cut("192.0.2.77");
  assert.deepEqual([here.ending, backend.ending, there.ending], ["reset", "reset", ""]);
  rig.service.cut(null);
  assert.equal(there.ending, "reset");
  assert.ok(rig.loop.flows.every(({ isClosed }) => isClosed), "nothing is kept");
  rig.assertSettled();
});

Deno.test("of a backend that is down nothing is kept", () => {
  const rig = new HttpRig();
  const { backend } = rig.served();
  rig.service.forget(0);
  assert.equal(backend.ending, "close");
});

Deno.test("an update counts for the next request", () => {
  const rig = new HttpRig();
  const { client, backend } = rig.served();
  rig.service.update(httpConfig([8001], { ...TIMES, maxHeadBytes: 64 }));
  client.give(GET);
  assert.equal(backend.take(), FORWARDED_GET);
  backend.give(OK);
  assert.equal(statusOf(client.take()), "200");
  client.give(GET.replace("\r\n\r\n", `\r\nX: ${"x".repeat(64)}\r\n\r\n`));
  assert.equal(statusOf(client.take()), "431 close");
  assert.throws(() => rig.service.update(tcpConfig([8001])), TypeError);
});

Deno.test("what is moved is counted for the backend", () => {
  const rig = new HttpRig();
  rig.served();
  assert.equal(rig.backends.movedBytes, GET.length + OK.length);
});

Deno.test("a fault of the program with one request ends that one, on both sides, and is told", () => {
  for (const side of ["client", "backend"] as const) {
    const rig = new HttpRig();
    const { client, backend } = rig.served();
    const { backends } = rig;
    const [moved, pick] = [backends.moved, backends.pick];
    const fault = (): never => {
      backends.moved = moved;
      backends.pick = pick;
      throw new Error("a fault");
    };
    if (side === "client") backends.pick = fault;
    else backends.moved = fault;
    assert.throws(() => {
      client.give(GET);
      backend.give(OK);
    }, /a fault/);
    assert.equal(client.isClosed, true, side);
    rig.assertSettled();
    const other = rig.client();
    other.give(GET);
    if (backend.isClosed) rig.opened(2);
    rig.loop.latest.give(OK);
    assert.equal(other.take(), OK, "others go on");
  }
});
