import assert from "node:assert/strict";
import { Movement } from "../../../mod/balance/user/http_movement.ts";
import { FakeLoop } from "./fake_flow.ts";

const TIME = { idleMs: 500 };

Deno.test("what has moved on either side begins the time anew, once", () => {
  const loop = new FakeLoop();
  const [client, backend] = [loop.flow(), loop.flow()];
  const movement = new Movement();
  movement.note(client, backend);
  assert.ok(movement.restMs(client, backend, TIME) <= 0, "nothing has");
  for (const field of ["receivedBytes", "sentBytes"] as const) {
    for (const flow of [client, backend]) {
      flow[field]++;
      assert.equal(movement.restMs(client, backend, TIME), 500);
      assert.ok(movement.restMs(client, backend, TIME) <= 0);
    }
  }
  client.sentBytes++;
  movement.note(client, backend);
  assert.ok(movement.restMs(client, backend, TIME) <= 0, "that was known");
});

Deno.test("what the kernel still sends of what it was given counts from when it left", () => {
  const loop = new FakeLoop();
  const [client, backend] = [loop.flow(), loop.flow()];
  const movement = new Movement();
  movement.note(client, backend);
  client.sinceSentMs = 200;
  assert.equal(movement.restMs(client, backend, TIME), 300);
  backend.sinceSentMs = 100;
  assert.equal(movement.restMs(client, backend, TIME), 400);
  assert.equal(movement.restMs(client, undefined, TIME), 300);
  client.sinceSentMs = 500;
  assert.equal(movement.restMs(client, undefined, TIME), 0);
});
