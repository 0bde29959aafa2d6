import assert from "node:assert/strict";
import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { balancerContract } from "../../contracts/balancer.ts";
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

/** CPU time of this process's Workers so far, in clock ticks (10 ms). */
function workerTicks(): number {
  let [ticks, workers] = [0, 0];
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      const stat = Deno.readTextFileSync(`/proc/self/task/${name}/stat`);
      const [, comm, rest] = /\((.*)\) (.*)/.exec(stat) ?? [];
      const fields = (rest ?? "").split(" ");
      if (!comm?.startsWith("worker")) continue;
      ticks += Number(fields[11]) + Number(fields[12]);
      workers++;
    } catch {
      // It has ended meanwhile.
    }
  }
  assert.ok(workers > 0, "there is a Worker");
  return ticks;
}

/** Resident memory of this process, kB. */
function residentKb(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);
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

Deno.test("user: a thread with nothing to do does nothing", async () => {
  const backend = holding();
  await withBalancer(tcpConfig([backend.port]), async (balancer) => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawConn.connect(portOf(balancer))));
    for (const client of clients) await client.until(".");
    const before = workerTicks();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const used = workerTicks() - before;
    // A loop that is busy would have used up to 150.
    assert.ok(used <= 10, `${used} ticks in 1.5 s`);
    for (const client of clients) client.close();
  }, make);
  await backend.close();
});

/** Holds what it accepts until its input ends, in a process of its own; says its port, and "open" when a number of clients is there. */
const HOLDER = `import socket,sys,threading
l=socket.socket(); l.bind(("127.0.0.1",0)); l.listen(1024); print(l.getsockname()[1],flush=True); held=[]
def serve():
    while True: held.append(l.accept()[0]); held[-1].send(b".")
threading.Thread(target=serve,daemon=True).start(); sys.stdin.read()`;
const CLIENTS = `import socket,sys
s=[socket.create_connection(("127.0.0.1",int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
for one in s: one.recv(1)
print("open",flush=True); sys.stdin.read()`;

/** A Python script, and what it has printed first; it ends when it is closed. */
async function script(args: readonly string[]): Promise<{ readonly said: string; close(): Promise<void> }> {
  const child = new Deno.Command("python3", { args: ["-c", ...args], stdin: "piped", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const close = async (): Promise<void> => {
    await child.stdin.close();
    await reader.cancel();
    await child.status;
  };
  return { said: new TextDecoder().decode(value).trim(), close };
}

Deno.test("user: an idle connection costs less than 25 kB, both its sockets together", async () => {
  const backend = await script([HOLDER]);
  const count = 2000;
  await withBalancer(tcpConfig([Number(backend.said)], { maxConnections: count }), async (balancer) => {
    const before = residentKb();
    const clients = await script([CLIENTS, `${portOf(balancer)}`, `${count}`]);
    assert.equal(clients.said, "open");
    assert.equal(balancer.status().connections, count);
    const each = (residentKb() - before) / count;
    assert.ok(each < 25, `${each} kB`);
    await clients.close();
    await eventually(() => balancer.status().connections === 0, "all have gone");
  }, make);
  await backend.close();
});
