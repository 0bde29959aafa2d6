import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { balancerContract } from "../../contracts/balancer.ts";
import { CHECKS } from "../../contracts/balancer_kit.ts";
import {
  ask,
  Backend,
  eventually,
  FakeResetter,
  httpBackend,
  httpConfig,
  type Maker,
  okResponse,
  portOf,
  RawConn,
  tcpConfig,
  withBalancer,
} from "../kit.ts";

const make: Maker = (config, deps) => new UserBalancer(config, { ...deps, threads: new UserThreads(systemClock) });

balancerContract({ engine: "user", make, abilities: ["own-connections"] });

/** Says who it is, then holds the connection until the client ends it. */
function holding(name = "."): Backend {
  return new Backend(async (conn) => {
    await conn.send(name);
    await conn.rest();
  });
}

Deno.test("user: the status tells what a person may ask", async () => {
  const backend = holding();
  await withBalancer(tcpConfig([backend.port], { bindToVip: true }), async (balancer) => {
    balancer.bind("127.0.0.1");
    const client = await RawConn.connect(portOf(balancer));
    await client.until(".");
    assert.deepEqual(balancer.status(), {
      name: "web",
      type: "tcp",
      engine: "user",
      listening: [`127.0.0.1:${portOf(balancer)}`],
      connections: 1,
      totalConnections: 1,
      backends: [{
        name: `127.0.0.1:${backend.port}`,
        state: "up",
        connections: 1,
        totalConnections: 1,
        failures: 0,
        bytes: 1,
        detail: "",
      }],
    });
    client.close();
    const stops = [balancer.stop(), balancer.stop()];
    assert.equal(stops[0], stops[1], "a stop is one stop");
    await Promise.all(stops);
    balancer.bind("127.0.0.1");
    assert.deepEqual(balancer.status().listening, [], "after it nothing is bound");
  }, make);
  await backend.close();
});

Deno.test("user: a release resets connections and refuses new ones before it returns", async () => {
  const backend = holding();
  const threads = new UserThreads(systemClock);
  const config = tcpConfig([backend.port], { bindToVip: true });
  const balancer = new UserBalancer(config, {
    clock: systemClock,
    random: () => 0,
    resetter: connectionResetter,
    threads,
  });
  await balancer.start();
  balancer.bind("127.0.0.1");
  const port = portOf(balancer);
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawConn.connect(port)));
  for (const client of clients) await client.until(".");
  balancer.release("127.0.0.1");
  // Nothing but system calls from here: no message can have been taken.
  const refused = new Deno.Command("bash", { args: ["-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`], stderr: "null" });
  assert.equal(refused.outputSync().success, false);
  for (const client of clients) {
    await assert.rejects(client.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    client.close();
  }
  await eventually(() => balancer.status().connections === 0, "the thread has noticed");
  await balancer.stop();
  await backend.close();
});

Deno.test("user: several threads share a port and what is allowed, and all serve", async () => {
  const backend = holding();
  const threads = new UserThreads(systemClock);
  const config = tcpConfig([backend.port], { threads: 3, maxConnections: 24 });
  const balancer = new UserBalancer(config, {
    clock: systemClock,
    random: () => 0,
    resetter: new FakeResetter(),
    threads,
  });
  await balancer.start();
  assert.equal(threads.size, 3);
  const port = portOf(balancer);
  const clients = await Promise.all(Array.from({ length: 24 }, () => RawConn.connect(port)));
  for (const client of clients) await client.until(".");
  assert.equal(balancer.status().connections, 24);
  assert.equal(balancer.status().backends[0]?.connections, 24);
  const late = await RawConn.connect(port);
  const served = late.until(".");
  clients.pop()?.close();
  assert.equal(await served, ".", "a place that was another thread's is found as well");
  for (const client of [...clients, late]) client.close();
  await eventually(() => balancer.status().connections === 0, "all have gone");
  assert.equal(balancer.status().totalConnections, 25);
  await balancer.stop();
  assert.equal(threads.size, 0);
  await backend.close();
});

Deno.test("user: requests are balanced as well", async () => {
  const backend = httpBackend(() => okResponse("hello"));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const answer = await ask(portOf(balancer), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
  }, make);
  await backend.close();
});

Deno.test("user: backends may be named, and clients may speak for others", async () => {
  const heard = Promise.withResolvers<string>();
  const backend = new Backend(async (conn) => heard.resolve(await conn.until("\r\n")));
  const threads = new UserThreads(systemClock);
  const changes = { acceptProxyProtocol: true, sendProxyProtocol: "v1" } as const;
  const config = tcpConfig([], { ...changes, backends: [{ address: "web.example", port: backend.port, weight: 1 }] });
  const balancer = new UserBalancer(config, {
    clock: systemClock,
    random: () => 0,
    resetter: new FakeResetter(),
    threads,
    lookup: () => Promise.resolve(["127.0.0.1"]),
  });
  await balancer.start();
  const client = await RawConn.connect(portOf(balancer));
  await client.send("PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n");
  assert.equal(await heard.promise, "PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n");
  client.close();
  await balancer.stop();
  await backend.close();
});

for (const version of ["v1", "v2"] as const) {
  Deno.test(`user: backends that want the PROXY protocol (${version}) hear it in checks as well`, async () => {
    const mark = version === "v1" ? "\r\n" : "QUIT\n";
    const backend = new Backend(async (conn) => {
      await conn.until(mark);
      const rest = version === "v1" ? "" : await conn.exactly(4);
      await conn.until("\r\n\r\n");
      await conn.send(rest === "" || rest === "\x20\0\0\0" ? okResponse("well") : "HTTP/1.1 400 No\r\n\r\n");
    });
    const health = { ...CHECKS, type: "http" } as const;
    await withBalancer(tcpConfig([backend.port], { sendProxyProtocol: version, health }), async (balancer) => {
      await eventually(() => backend.accepted >= 2 * CHECKS.fall, "there were checks");
      const [only] = balancer.status().backends;
      assert.deepEqual([only?.state, only?.failures], ["up", 0]);
    }, make);
    await backend.close();
  });
}

/** A script of this folder in a process of its own, which answers lines with lines. */
class Script {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(file: string, ...args: readonly string[]) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", config, path, ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.getReader();
  }

  async said(): Promise<string> {
    const { value } = await this.#reader.read();
    return new TextDecoder().decode(value).trim();
  }

  async ask(line = ""): Promise<string> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
    return await this.said();
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#child.status;
  }
}

/** What the process of a balancer takes, before and after so many clients, and 1.5 s later. */
async function idleUsage(clients: number): Promise<{ residentKb: number; connections: number; ticks: number }[]> {
  const peer = new Script("./idle_peer.ts");
  const balancer = new Script("./idle_child.ts", await peer.said());
  const port = await balancer.said();
  const before = JSON.parse(await balancer.ask());
  assert.equal(await peer.ask(`${port} ${clients}`), "open");
  const after = JSON.parse(await balancer.ask());
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const later = JSON.parse(await balancer.ask());
  await Promise.all([peer.close(), balancer.close()]);
  return [before, after, later];
}

Deno.test("user: an idle connection costs less than 25 kB, both its sockets together, and no processor time", async () => {
  const clients = 2000;
  const [before, after, later] = await idleUsage(clients);
  assert.ok(before !== undefined && after !== undefined && later !== undefined);
  assert.equal(after.connections, clients);
  const each = (after.residentKb - before.residentKb) / clients;
  assert.ok(each < 25, `${each} kB`);
  // A loop that is busy would have used up to 150.
  const used = later.ticks - after.ticks;
  assert.ok(used <= 10, `${used} ticks in 1.5 s`);
});
