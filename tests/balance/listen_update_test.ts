/** A balancer of the engine `listen` goes over to another configuration: what of it only this engine has. */
import assert from "node:assert/strict";
import { ListenBalancer } from "../../mod/balance/listen_balancer.ts";
import type { BalancerConfig, HealthCheckConfig } from "../../mod/config/types.ts";
import { VirtualClock } from "../fakes/clock.ts";
import {
  Backend,
  deadPort,
  eventually,
  FakeResetter,
  httpBackend,
  httpConfig,
  okResponse,
  portOf,
  RawConn,
  tcpConfig,
  withBalancer,
} from "./kit.ts";

const CHECK: HealthCheckConfig = {
  type: "tcp",
  path: "/",
  expectMin: 200,
  expectMax: 399,
  intervalMs: 20,
  timeoutMs: 500,
  rise: 1,
  fall: 1,
};

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** One request on a connection that stays; gives the answer's content. */
async function get(client: RawConn): Promise<string> {
  await client.send(REQUEST);
  const head = await client.until("\r\n\r\n");
  return await client.exactly(Number(/content-length: (\d+)/i.exec(head)?.[1]));
}

/** An http server that says how many of its connections are open. */
function countingBackend(name: string): { backend: Backend; open: () => number } {
  let open = 0;
  const backend = new Backend(async (conn) => {
    open++;
    try {
      for (;;) {
        await conn.until("\r\n\r\n");
        await conn.send(okResponse(name));
      }
    } finally {
      open--;
    }
  });
  return { backend, open: () => open };
}

Deno.test("connections kept to a backend that is gone are closed, and its place is another's", async () => {
  const [a, b, c] = ["a", "b", "c"].map(countingBackend);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  await withBalancer(httpConfig([a.backend.port, b.backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    assert.deepEqual([await get(client), await get(client)], ["a", "b"]);
    assert.deepEqual([a.open(), b.open()], [1, 1], "both are kept");
    balancer.update(httpConfig([b.backend.port]));
    await eventually(() => a.open() === 0, "the one to a is closed");
    balancer.update(httpConfig([c.backend.port, b.backend.port]));
    const names = [await get(client), await get(client), await get(client), await get(client)];
    assert.deepEqual(names, ["c", "b", "c", "b"], "on the same client's connection");
    assert.deepEqual([b.backend.accepted, c.backend.accepted], [1, 1], "what is kept is used again");
    client.close();
  });
  await Promise.all([a, b, c].map(({ backend }) => backend.close()));
});

Deno.test("an answer under way comes from the backend that is gone; its connection is not kept for whoever has its place", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const slow = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    asked.resolve();
    await answer.promise;
    await conn.send(okResponse("slow"));
    await conn.rest();
  });
  const next = httpBackend(() => okResponse("next"));
  await withBalancer(httpConfig([slow.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    const got = get(client);
    await asked.promise;
    balancer.update(httpConfig([next.port]));
    assert.match(balancer.status().backends[1]?.detail ?? "", /removed, 1 connection left/);
    answer.resolve();
    assert.equal(await got, "slow");
    await eventually(() => balancer.status().backends.length === 1, "it is gone with its last request");
    balancer.update(httpConfig([next.port, deadPort()]));
    assert.deepEqual([await get(client), await get(client)], ["next", "next"]);
    client.close();
  });
  await Promise.all([slow.close(), next.close()]);
});

Deno.test("limits and times that changed count for the next connection", async () => {
  const backend = new Backend(async (conn) => {
    await conn.send(".");
    await conn.rest();
  });
  const config = tcpConfig([backend.port], { maxConnections: 1 });
  await withBalancer(config, async (balancer) => {
    const first = await RawConn.connect(portOf(balancer));
    await first.until(".");
    const second = await RawConn.connect(portOf(balancer));
    balancer.update({ ...config, maxConnections: 2, idleTimeoutMs: 700 });
    await second.until(".");
    assert.equal(await second.rest(), "", "the new one ends by its idle time");
    assert.equal(balancer.config.maxConnections, 2);
    await first.send("x");
    assert.equal(balancer.status().connections, 1, "the old one goes on");
    first.close();
    second.close();
  });
  await backend.close();
});

Deno.test("checks come and go with the configuration", async () => {
  const dead = deadPort();
  const config = tcpConfig([dead]);
  await withBalancer(config, async (balancer) => {
    balancer.update({ ...config, health: CHECK });
    await eventually(() => balancer.status().backends[0]?.state === "down", "a check has found it dead");
    balancer.update(config);
    assert.equal(balancer.status().backends[0]?.state, "up", "nobody checks any more");
    balancer.update({ ...config, health: CHECK });
    await eventually(() => balancer.status().backends[0]?.state === "down", "and again");
  });
});

Deno.test("a balancer that was stopped after a change leaves no timer", async () => {
  const clock = new VirtualClock();
  const config: BalancerConfig = tcpConfig([deadPort()], { bindToVip: true, health: CHECK });
  const balancer = new ListenBalancer(config, { clock, random: () => 0.5, resetter: new FakeResetter() });
  await balancer.start();
  balancer.update({ ...config, health: { ...CHECK, type: "http" } });
  balancer.update({ ...config, health: null });
  balancer.update(config);
  assert.equal(clock.pending, 1);
  await balancer.stop();
  balancer.update({ ...config, maxConnections: 7 });
  assert.equal(clock.pending, 0);
});

Deno.test("another front is refused", async () => {
  const config = tcpConfig([deadPort()], { bindToVip: true });
  await withBalancer(config, (balancer) => {
    assert.throws(() => balancer.update({ ...config, port: 81 }), /another front/);
    return Promise.resolve();
  });
});

Deno.test("a balancer whose port another one has by now cuts only what came to it", async () => {
  const backend = new Backend(async (conn) => {
    await conn.send(".");
    await conn.rest();
  });
  for (const isSucceeded of [false, true]) {
    await withBalancer(tcpConfig([backend.port], { drainMs: 500 }), async (balancer, resetter) => {
      const client = await RawConn.connect(portOf(balancer));
      await client.until(".");
      const stopped = balancer.stop({ succeeded: () => isSucceeded });
      await eventually(() => balancer.status().listening.length === 0, "the port is free while connections finish");
      assert.equal(balancer.status().connections, 1);
      await stopped;
      assert.equal(await client.rest(), "");
      assert.equal(resetter.all.length, isSucceeded ? 0 : 1, "by address and port it would hit the other's as well");
      client.close();
    });
  }
  await backend.close();
});
