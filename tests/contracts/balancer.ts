/**
 * What every engine promises for connections as they are; run by each engine's test. Some promises only an engine with sockets of its own can
 * keep ({@link Ability}): an engine says which of these it has.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../mod/runtime/clock.ts";
import {
  assertRefused,
  Backend,
  deadPort,
  endOf,
  eventually,
  FakeResetter,
  listenAt,
  type Maker,
  pattern,
  portOf,
  RawConn,
  readBytes,
  sha256,
  tcpConfig,
  withBalancer,
} from "../balance/kit.ts";
import { type Ability, CHECKS, echo, greeting, named, type Promised } from "./balancer_kit.ts";
import { UPDATE_PROMISES } from "./balancer_update.ts";

/** What is promised, and the test that shows it for an engine. */
const promises: Promised[] = [...UPDATE_PROMISES];

function promise(name: string, run: (make: Maker) => Promise<void>, ability: Ability | null = null): void {
  promises.push({ name, run, ability });
}

promise("connections go round the backends by weight", async (make) => {
  const [a, b] = [named("a"), named("b")];
  const config = tcpConfig([a.port, b.port]);
  const backends = config.backends.map((one, at) => ({ ...one, weight: at === 0 ? 3 : 1 }));
  await withBalancer({ ...config, backends }, async (balancer) => {
    const names: string[] = [];
    for (let n = 0; n < 8; n++) names.push(await greeting(portOf(balancer)));
    assert.equal(names.filter((name) => name === "a").length, 6, names.join(" "));
    assert.equal(balancer.status().totalConnections, 8);
    assert.deepEqual(balancer.status().backends.map((one) => one.totalConnections), [6, 2]);
  }, make);
  await Promise.all([a.close(), b.close()]);
});

promise("a backend that refuses is passed over without the client noticing", async (make) => {
  const alive = named("alive");
  await withBalancer(tcpConfig([deadPort(), alive.port]), async (balancer) => {
    for (let n = 0; n < 4; n++) assert.equal(await greeting(portOf(balancer)), "alive");
    assert.ok((balancer.status().backends[0]?.failures ?? 0) >= 2);
  }, make);
  await alive.close();
}, "own-connections");

promise("without any backend the client's connection ends", async (make) => {
  await withBalancer(tcpConfig([deadPort(), deadPort()]), async (balancer, resetter) => {
    const end = await endOf(portOf(balancer));
    assert.ok(end === "ConnectionReset" || end === "end" && resetter.one.length === 1, `with a reset: ${end}`);
    await eventually(() => balancer.status().connections === 0, "nothing is left");
  }, make);
}, "own-connections");

promise("a client hears the refusal of the backend that it was given to", async (make) => {
  const alive = named("alive");
  await withBalancer(tcpConfig([deadPort(), alive.port]), async (balancer) => {
    const tries = Array.from({ length: 4 }, () => greeting(portOf(balancer)).catch((error: Error) => error.name));
    assert.deepEqual((await Promise.all(tries)).sort(), ["ConnectionRefused", "ConnectionRefused", "alive", "alive"]);
  }, make);
  await alive.close();
}, "passes-refusals");

promise("without any usable backend a client is refused", async (make) => {
  const health = { ...CHECKS, type: "tcp" } as const;
  await withBalancer(tcpConfig([deadPort(), deadPort()], { health }), async (balancer) => {
    await eventually(() => balancer.status().backends.every(({ state }) => state === "down"), "both are down");
    await assert.rejects(RawConn.connect(portOf(balancer)), Deno.errors.ConnectionRefused);
  }, make);
}, "passes-refusals");

promise("a backend whose connects fail is ejected", async (make) => {
  const [alive, dead] = [named("alive"), deadPort()];
  const config = tcpConfig([dead, alive.port], { ejection: { failures: 2, restMs: 60_000 } });
  await withBalancer(config, async (balancer) => {
    for (let n = 0; n < 6; n++) await greeting(portOf(balancer));
    const [first] = balancer.status().backends;
    assert.equal(first?.state, "ejected");
    assert.equal(first?.failures, 2);
    assert.match(first?.detail ?? "", /refused/i);
  }, make);
  await alive.close();
}, "own-connections");

promise("active checks take a backend down and bring it back", async (make) => {
  const [alive, flaky] = [named("alive"), named("flaky")];
  const health = { ...CHECKS, type: "tcp" } as const;
  await withBalancer(tcpConfig([flaky.port, alive.port], { health }), async (balancer) => {
    await eventually(() => flaky.accepted > 1, "checks run");
    await flaky.close();
    await eventually(() => balancer.status().backends[0]?.state === "down", "the dead one is down");
    assert.match(balancer.status().backends[0]?.detail ?? "", /refused/i);
    for (let n = 0; n < 4; n++) assert.equal(await greeting(portOf(balancer)), "alive");
    const again = listenAt(flaky.port);
    await eventually(() => balancer.status().backends[0]?.state === "up", "it is up again");
    again.close();
  }, make);
  await alive.close();
});

promise("more connections than allowed wait until there is room", async (make) => {
  const backend = named("b");
  await withBalancer(tcpConfig([backend.port], { maxConnections: 1 }), async (balancer) => {
    const first = await RawConn.connect(portOf(balancer));
    await first.until("\n");
    const second = await RawConn.connect(portOf(balancer));
    const greeted = second.until("\n");
    assert.equal(balancer.status().connections, 1);
    assert.equal(backend.accepted, 1);
    first.close();
    assert.equal(await greeted, "b\n");
    second.close();
  }, make);
  await backend.close();
}, "own-connections");

promise("an end from either side leaves the other direction open", async (make) => {
  const backend = new Backend(async (conn) => {
    await conn.send("hello ");
    await conn.tcp.closeWrite();
    const got = await conn.rest();
    assert.equal(got, "from the client");
  });
  const late = new Backend(async (conn) => {
    const got = await conn.rest();
    await conn.send(`after your end: ${got}`);
  });
  await withBalancer(tcpConfig([backend.port, late.port]), async (balancer) => {
    const first = await RawConn.connect(portOf(balancer));
    assert.equal(await first.rest(), "hello ");
    await first.send("from the client");
    first.close();
    const second = await RawConn.connect(portOf(balancer));
    await second.send("question");
    await second.tcp.closeWrite();
    assert.equal(await second.rest(), "after your end: question");
    second.close();
    await eventually(() => balancer.status().connections === 0, "both are over");
  }, make);
  await Promise.all([backend.close(), late.close()]);
});

promise("64 MiB each way arrive unchanged", async (make) => {
  const backend = new Backend(echo);
  const data = pattern(64 * 1024 * 1024);
  await withBalancer(tcpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    const [back] = await Promise.all([readBytes(client.tcp, data.length), client.sendBytes(data)]);
    assert.equal(await sha256(back), await sha256(data));
    client.close();
  }, make);
  await backend.close();
});

promise("200 connections at once do not mix", async (make) => {
  const backend = new Backend(echo);
  await withBalancer(tcpConfig([backend.port]), async (balancer) => {
    await Promise.all(Array.from({ length: 200 }, async (_unused, n) => {
      const client = await RawConn.connect(portOf(balancer));
      await client.send(`I am ${n}.`);
      await client.tcp.closeWrite();
      assert.equal(await client.rest(), `I am ${n}.`);
      client.close();
    }));
    await eventually(() => balancer.status().connections === 0, "nothing is left");
    assert.equal(balancer.status().backends[0]?.connections, 0);
  }, make);
  await backend.close();
});

promise("a connection without traffic is closed after the idle time", async (make) => {
  const backend = new Backend(echo);
  await withBalancer(tcpConfig([backend.port], { idleTimeoutMs: 1000 }), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    const fromMs = performance.now();
    await client.send("x");
    await client.exactly(1);
    assert.equal(await client.rest(), "");
    assert.ok(performance.now() - fromMs > 950, "not before its time");
    client.close();
  }, make);
  await backend.close();
}, "own-connections");

promise("bound to a VIP it listens there only, and release ends its connections at once", async (make) => {
  const backend = new Backend(echo);
  await withBalancer(tcpConfig([backend.port], { bindToVip: true }), async (balancer) => {
    assert.deepEqual(balancer.status().listening, []);
    balancer.bind("127.0.0.1");
    balancer.bind("127.0.0.1");
    const port = portOf(balancer);
    assert.deepEqual(balancer.status().listening, [`127.0.0.1:${port}`]);
    const client = await RawConn.connect(port);
    await client.send("x");
    await client.exactly(1);
    balancer.release("127.0.0.2");
    await eventually(() => balancer.status().connections === 1, "another address is another matter");
    balancer.release("127.0.0.1");
    assert.deepEqual(balancer.status().listening, []);
    assert.equal(await client.rest(), "");
    client.close();
    await assertRefused(port);
    balancer.bind("127.0.0.1");
    assert.equal(balancer.status().listening.length, 1, "and it can be held again");
  }, make);
  await backend.close();
});

promise("release gives what came to the address to the resetter", async (make) => {
  await withBalancer(tcpConfig([deadPort()], { bindToVip: true }), (balancer, resetter) => {
    balancer.bind("127.0.0.1");
    const port = portOf(balancer);
    balancer.release("127.0.0.2");
    balancer.release("127.0.0.1");
    assert.deepEqual(resetter.all, [`127.0.0.2:${port}`, `127.0.0.1:${port}`]);
    return Promise.resolve();
  }, make);
}, "own-connections");

promise("on every address it is reached by IPv4, and releasing one cuts only what came there", async (make) => {
  const backend = new Backend(echo);
  await withBalancer(tcpConfig([backend.port]), async (balancer) => {
    const port = portOf(balancer);
    balancer.bind("127.0.0.1");
    const kept = await RawConn.connect(port);
    const cut = new RawConn(await Deno.connect({ hostname: "127.0.0.2", port }));
    await Promise.all([kept.send("x"), cut.send("x")]);
    await Promise.all([kept.exactly(1), cut.exactly(1)]);
    balancer.release("127.0.0.2");
    assert.equal(await cut.rest(), "");
    await kept.send("y");
    assert.equal(await kept.exactly(1), "y");
    kept.close();
    cut.close();
  }, make);
  await backend.close();
});

promise("a stop lets connections finish within the drain time and cuts the rest", async (make) => {
  const backend = new Backend(echo);
  await withBalancer(tcpConfig([backend.port], { drainMs: 1500, idleTimeoutMs: 60_000 }), async (balancer) => {
    const port = portOf(balancer);
    const [quick, endless] = [await RawConn.connect(port), await RawConn.connect(port)];
    for (const client of [quick, endless]) {
      await client.send("x");
      await client.exactly(1);
    }
    const fromMs = performance.now();
    const stopped = balancer.stop();
    await quick.send("last words");
    await quick.tcp.closeWrite();
    assert.equal(await quick.rest(), "last words");
    assert.equal(await endless.rest(), "");
    await stopped;
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs > 1450 && tookMs < 15_000, `${tookMs} ms`);
    await assertRefused(port);
    quick.close();
    endless.close();
  }, make);
  await backend.close();
});

promise("a port in use fails the start by name", async (make) => {
  const taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const resetter = new FakeResetter();
  const config = tcpConfig([1], { port: taken.addr.port });
  const balancer = make(config, { clock: systemClock, random: () => 0, resetter });
  await assert.rejects(balancer.start(), (error: Error) => error.message.includes(`port ${taken.addr.port}`));
  await balancer.stop();
  taken.close();
});

/** What an engine's suite is made with. */
export interface EngineUnderTest {
  /** Its name, for the names of the tests. */
  readonly engine: string;
  readonly make: Maker;
  readonly abilities: readonly Ability[];
  /** Registers one test. @default Deno.test */
  readonly test?: (name: string, run: () => Promise<void>) => void;
}

/** Registers the suite for one engine. */
export function balancerContract({ engine, make, abilities, test = Deno.test }: EngineUnderTest): void {
  const kept = promises.filter(({ ability }) => ability === null || abilities.includes(ability));
  assert.ok(kept.length > 10);
  for (const { name, run } of kept) test(`${engine}: ${name}`, () => run(make));
}
