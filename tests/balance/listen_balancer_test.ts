import assert from "node:assert/strict";
import { ListenBalancer } from "../../mod/balance/listen_balancer.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { Backend, deadPort, eventually, FakeResetter, portOf, RawConn, tcpConfig } from "./kit.ts";

Deno.test("the status tells what a person may ask", async () => {
  const backend = new Backend(async (conn) => {
    await conn.send(".");
    await conn.rest();
  });
  const config = tcpConfig([backend.port], { bindToVip: true });
  const balancer = new ListenBalancer(config, { clock: systemClock, random: () => 0, resetter: new FakeResetter() });
  await balancer.start();
  balancer.bind("127.0.0.1");
  const client = await RawConn.connect(portOf(balancer));
  await client.until(".");
  assert.deepEqual(balancer.status(), {
    name: "web",
    type: "tcp",
    engine: "listen",
    listening: [`127.0.0.1:${portOf(balancer)}`],
    connections: 1,
    totalConnections: 1,
    backends: [{
      name: `127.0.0.1:${backend.port}`,
      state: "up",
      connections: 1,
      totalConnections: 1,
      failures: 0,
      detail: "",
    }],
  });
  const stops = [balancer.stop(), balancer.stop()];
  assert.equal(stops[0], stops[1], "a stop is one stop");
  await Promise.all(stops);
  balancer.bind("127.0.0.1");
  assert.deepEqual(balancer.status().listening, [], "after it nothing is bound");
  client.close();
  await backend.close();
});

Deno.test("a stopped balancer leaves no timer", async () => {
  const clock = new VirtualClock();
  const health = {
    type: "tcp",
    path: "/",
    expectMin: 200,
    expectMax: 399,
    intervalMs: 1000,
    timeoutMs: 500,
    rise: 1,
    fall: 1,
  } as const;
  const config = tcpConfig([deadPort(), deadPort()], { bindToVip: true, health });
  const balancer = new ListenBalancer(config, { clock, random: () => 0.5, resetter: new FakeResetter() });
  await balancer.start();
  balancer.bind("192.0.2.77");
  assert.equal(clock.pending, 3, "two checks and a bind to come");
  await balancer.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("a resetter that fails takes nothing along", async () => {
  const resetter = {
    reset: (): number => {
      throw new Error("no such call");
    },
    resetOne: (): void => {
      throw new Error("no such call");
    },
  };
  const config = tcpConfig([deadPort()], { bindToVip: true });
  const balancer = new ListenBalancer(config, { clock: systemClock, random: () => 0, resetter });
  await balancer.start();
  balancer.bind("127.0.0.1");
  const client = await RawConn.connect(portOf(balancer));
  assert.equal(await client.rest(), "");
  client.close();
  balancer.release("127.0.0.1");
  await eventually(() => balancer.status().connections === 0, "the session is over");
  await balancer.stop();
});
