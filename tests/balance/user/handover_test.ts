/** A port that goes from one balancer of the engine to the next: somebody listens all the while. */
import assert from "node:assert/strict";
import { Estate } from "../../../mod/balance/estate.ts";
import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import type { BalancerConfig } from "../../../mod/config/types.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { seededRandom } from "../../fakes/random.ts";
import {
  ask,
  Backend,
  eventually,
  httpBackend,
  httpConfig,
  isRefused,
  okResponse,
  portOf,
  RawConn,
  tcpConfig,
} from "../kit.ts";

const IP = "127.0.0.1";

/** Says `name` and waits for the client's end. */
function named(name: string): Backend {
  return new Backend(async (conn) => {
    await conn.send(name);
    await conn.rest();
  });
}

/** Balancers that share threads, and what one leaves to the next. */
class Port {
  readonly estate = new Estate();
  readonly #threads = new UserThreads(systemClock);
  readonly #stops: Promise<void>[] = [];

  /** One that runs; the address is held. */
  async start(config: BalancerConfig, estate: Estate | null = this.estate): Promise<UserBalancer> {
    const balancer = new UserBalancer(config, {
      clock: systemClock,
      random: seededRandom(1),
      resetter: connectionResetter,
      threads: this.#threads,
    });
    await balancer.start(estate === null ? {} : { estate });
    balancer.bind(IP);
    return balancer;
  }

  /** Resolves when the successor can take what is left. */
  async leave(balancer: UserBalancer): Promise<void> {
    this.#stops.push(balancer.stop({ estate: this.estate, succeeded: () => true }));
    await eventually(() => balancer.status().listening.length === 0, "the threads have let go");
  }

  async end(last: UserBalancer): Promise<void> {
    this.estate.close();
    await Promise.all([last.stop(), ...this.#stops]);
    assert.equal(this.#threads.size, 0);
  }
}

for (const bindToVip of [true, false]) {
  for (const [before, after] of [[1, 1], [1, 3], [3, 1], [3, 2]] as const) {
    const what = `${before} to ${after} threads, ${bindToVip ? "on the address" : "on every address"}`;
    Deno.test(`handover: who comes between two balancers waits and is served by the second (${what})`, async () => {
      const [old, next] = [named("old."), named("new.")];
      const port = new Port();
      const first = await port.start(tcpConfig([old.port], { threads: before, drainMs: 5000, bindToVip }), null);
      const number = portOf(first);
      const early = await RawConn.connect(number);
      assert.equal(await early.until("."), "old.");
      await port.leave(first);
      const between = await Promise.all(Array.from({ length: 20 }, () => RawConn.connect(number)));
      const second = await port.start(tcpConfig([next.port], { threads: after, bindToVip }));
      assert.equal(portOf(second), number);
      assert.equal(port.estate.size, 0);
      const late = await Promise.all(Array.from({ length: 20 }, () => RawConn.connect(number)));
      for (const client of [...between, ...late]) {
        assert.equal(await client.until("."), "new.");
        client.close();
      }
      await early.send("x");
      assert.equal(first.status().connections, 1, "the old one's connection goes on");
      early.close();
      await port.end(second);
      await Promise.all([old.close(), next.close()]);
    });
  }
}

Deno.test("handover: a balancer of connections leaves its port to one of requests", async () => {
  const [old, next] = [named("old."), httpBackend(() => okResponse("hello"))];
  const port = new Port();
  const first = await port.start(tcpConfig([old.port]), null);
  const number = portOf(first);
  await port.leave(first);
  const answer = ask(number, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const second = await port.start(httpConfig([next.port]));
  assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
  await port.end(second);
  await Promise.all([old.close(), next.close()]);
});

Deno.test("handover: a successor on other addresses takes none of the sockets, and they are not in its way", async () => {
  const backend = named("it.");
  for (const bindToVip of [true, false]) {
    const port = new Port();
    const first = await port.start(tcpConfig([backend.port], { bindToVip }), null);
    const number = portOf(first);
    await port.leave(first);
    const second = await port.start(tcpConfig([backend.port], { port: number, bindToVip: !bindToVip }));
    assert.equal(portOf(second), number);
    const client = await RawConn.connect(number);
    assert.equal(await client.until("."), "it.");
    client.close();
    await port.end(second);
  }
  await backend.close();
});

Deno.test("handover: an address that is let go of takes no connection, wherever its socket is", async () => {
  const backend = named("it.");
  const config = tcpConfig([backend.port], { bindToVip: true });
  for (const when of ["while it is yielded", "while nobody has it"] as const) {
    const port = new Port();
    const first = await port.start(config, null);
    const number = portOf(first);
    const leaving = port.leave(first);
    if (when === "while nobody has it") await leaving;
    const waiting = when === "while nobody has it" ? await RawConn.connect(number) : null;
    port.estate.release(IP);
    first.release(IP);
    assert.equal(await isRefused(number), true, when);
    if (waiting !== null) {
      await assert.rejects(waiting.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
      waiting.close();
    }
    await leaving;
    assert.equal(port.estate.size, 0);
    const second = await port.start({ ...config, port: number });
    assert.equal(await isRefused(number), false);
    await port.end(second);
  }
  await backend.close();
});

Deno.test("handover: without a successor the sockets end", async () => {
  const backend = named("it.");
  const port = new Port();
  const first = await port.start(tcpConfig([backend.port], { threads: 2 }), null);
  const number = portOf(first);
  await port.leave(first);
  assert.equal(await isRefused(number), false);
  port.estate.close();
  assert.equal(await isRefused(number), true);
  await port.end(first);
  await backend.close();
});
