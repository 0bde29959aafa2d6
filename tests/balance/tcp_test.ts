import assert from "node:assert/strict";
import { Backend, eventually, portOf, RawConn, tcpConfig, withBalancer } from "./kit.ts";

Deno.test("what a client sent before a backend was found arrives there", async () => {
  const backend = new Backend(async (conn) => {
    await conn.send(`got ${await conn.until(".")}`);
  });
  await withBalancer(tcpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send("early words.");
    assert.equal(await client.rest(), "got early words.");
    client.close();
  });
  await backend.close();
});

Deno.test("a client that vanishes while a backend sends leaves nothing behind", async () => {
  const block = new Uint8Array(1024 * 1024);
  const backend = new Backend(async (conn) => {
    for (;;) await conn.sendBytes(block);
  });
  await withBalancer(tcpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.read();
    client.close();
    await eventually(() => balancer.status().connections === 0, "the session ends");
    assert.equal(balancer.status().backends[0]?.connections, 0);
  });
  await backend.close();
});

Deno.test("a stop cuts a client that does not read, in bounded time", async () => {
  const block = new Uint8Array(1024 * 1024);
  const backend = new Backend(async (conn) => {
    for (;;) await conn.sendBytes(block);
  });
  await withBalancer(tcpConfig([backend.port]), async (balancer, resetter) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.read();
    const port = portOf(balancer);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const fromMs = performance.now();
    await balancer.stop();
    assert.ok(performance.now() - fromMs < 1500);
    assert.deepEqual(resetter.all, [`127.0.0.1:${port}`], "its connection was given to the resetter");
    client.close();
    await eventually(() => balancer.status().connections === 0, "the session ends with its client");
  });
  await backend.close();
});
