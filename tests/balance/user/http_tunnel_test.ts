import assert from "node:assert/strict";
import { ScratchInput } from "../../../mod/balance/user/http_input.ts";
import { Tunnel } from "../../../mod/balance/user/http_tunnel.ts";
import { FakeLoop } from "./fake_flow.ts";
import { HttpRig, TIMES } from "./http_rig.ts";

const UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

Deno.test("bytes go both ways, each direction ends by itself, and the last end is the end", () => {
  const loop = new FakeLoop();
  const [left, right] = [loop.flow(), loop.flow()];
  const tunnel = new Tunnel(left, right, new ScratchInput(loop.scratch));
  left.give("ping");
  right.give("pong");
  assert.equal(tunnel.move(), "open");
  assert.deepEqual([right.take(), left.take()], ["ping", "pong"]);
  left.end();
  assert.equal(tunnel.move(), "open");
  assert.equal(right.ending, "finish");
  right.give("more");
  right.end();
  left.room = 0;
  assert.equal(tunnel.move(), "open", "the last bytes are on their way");
  left.drain();
  assert.equal(tunnel.move(), "ended");
  assert.deepEqual([left.take(), left.ending], ["more", "finish"]);
});

Deno.test("a side that takes no more is not read for, and a broken one is told", () => {
  const loop = new FakeLoop(2048 + 10);
  const [left, right] = [loop.flow(), loop.flow()];
  const tunnel = new Tunnel(left, right, new ScratchInput(loop.scratch));
  right.room = 0;
  left.give("x".repeat(100));
  tunnel.move();
  assert.deepEqual([right.keptBytes, left.waiting], [10, 90]);
  right.drain();
  tunnel.move();
  assert.deepEqual([left.waiting, left.wantsAgain], [10, true], "others have their turn");
  left.close();
  assert.equal(tunnel.move(), "broken");
});

Deno.test("an upgrade that was asked for makes a tunnel, with what came early on both sides", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(`${UPGRADE}early `);
  const backend = rig.opened(1);
  assert.match(backend.take(), /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/);
  backend.give(`${SWITCHED}first `);
  assert.equal(client.take(), `${SWITCHED}first `);
  assert.equal(backend.take(), "early ");
  client.give("frame");
  backend.give("echo");
  assert.deepEqual([backend.take(), client.take()], ["frame", "echo"]);
  client.end();
  assert.equal(backend.ending, "finish");
  backend.end();
  assert.deepEqual([client.ending, backend.ending], ["close", "close"]);
  rig.assertSettled();
});

Deno.test("a tunnel without traffic, or with a broken side, ends with a reset of both", () => {
  for (const how of ["late", "fail"]) {
    const rig = new HttpRig();
    const client = rig.client();
    client.give(UPGRADE);
    const backend = rig.opened(1);
    backend.give(SWITCHED);
    rig.loop.pass(TIMES.idleTimeoutMs - 1);
    client.give("x");
    rig.loop.pass(TIMES.idleTimeoutMs - 1);
    assert.equal(client.ending, "");
    if (how === "late") rig.loop.pass(1);
    else backend.fail();
    assert.equal(client.ending, "reset");
    assert.ok(backend.isClosed);
    rig.assertSettled();
  }
});

Deno.test("an upgrade that nobody asked for is no answer", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const backend = rig.opened(1);
  backend.give(SWITCHED);
  assert.match(client.take(), /^HTTP\/1\.1 502 /);
  assert.ok(backend.isClosed);
  rig.assertSettled();
});
