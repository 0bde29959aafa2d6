import assert from "node:assert/strict";
import type { Flow } from "../../../mod/balance/user/types.ts";
import { TcpService } from "../../../mod/balance/user/tcp_service.ts";
import type { TcpBalancerConfig } from "../../../mod/config/types.ts";
import { Errno } from "../../../mod/linux/errno.ts";
import { resetConnection } from "../../../mod/linux/reset_connections.ts";
import {
  atRest,
  Backend,
  deadPort,
  endOf,
  eventually,
  pattern,
  RawConn,
  readBytes,
  sha256,
  tcpConfig,
} from "../kit.ts";
import { FakeLoop } from "./fake_flow.ts";
import { contextOf, destination, FakeBackends, LoopRig, silentPort, watchedLoop } from "./kit.ts";

interface Scene {
  readonly rig: LoopRig;
  readonly service: TcpService;
  readonly backends: FakeBackends;
  readonly outgoing: readonly Flow[];
}

/** A service between raw clients and these ports. */
async function withService(
  ports: readonly number[],
  body: (scene: Scene) => Promise<void>,
  changes: Partial<TcpBalancerConfig> = {},
): Promise<void> {
  const rig = new LoopRig();
  const backends = new FakeBackends(ports.map((port) => port === 0 ? null : destination(port)));
  const loop = watchedLoop(rig);
  const service = new TcpService({ ...contextOf(rig, tcpConfig(ports, changes), backends), loop });
  rig.onAccepted = (flow) => {
    rig.flows.push(flow);
    service.accepted(flow);
  };
  try {
    await body({ rig, service, backends, outgoing: loop.outgoing });
    await eventually(() => rig.open === 0, "no client is left");
    assert.deepEqual(rig.faults, []);
    assert.ok(backends.connections.every((count) => count === 0), `${backends.connections}`);
  } finally {
    rig.close();
  }
}

/** Sends RST from the test's end. */
function reset(conn: RawConn): void {
  const [local, remote] = [conn.tcp.localAddr, conn.tcp.remoteAddr];
  resetConnection({ ip: local.hostname, port: local.port }, { ip: remote.hostname, port: remote.port });
}

/** The most that may be kept for one direction: what was received at once. */
const MOST_KEPT = 256 * 1024;

/** Sends as much as can be sent while nobody reads at the other end; gives how much. */
async function fill(conn: RawConn["tcp"], data: Uint8Array): Promise<number> {
  let sent = 0;
  let lastMs = performance.now();
  const writing = (async () => {
    while (sent < data.length) {
      sent += await conn.write(data.subarray(sent, sent + 65_536));
      lastMs = performance.now();
    }
  })().catch(() => {});
  while (performance.now() - lastMs < 1000 && sent < data.length) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  writing.then(() => {});
  return sent;
}

Deno.test("a backend that does not read holds its client back, and nothing is lost", async () => {
  const data = pattern(32 * 1024 * 1024);
  const { promise: reads, resolve: read } = Promise.withResolvers<void>();
  const got = Promise.withResolvers<string>();
  const backend = new Backend(async (conn) => {
    await reads;
    got.resolve(await sha256(await readBytes(conn.tcp, data.length)));
  });
  await withService([backend.port], async ({ rig, outgoing }) => {
    const client = await RawConn.connect(rig.port);
    const sent = await fill(client.tcp, data);
    assert.ok(sent < data.length, "the client is held back");
    const kept = await atRest(() => outgoing.reduce((sum, flow) => sum + flow.keptBytes, 0), "some are kept");
    assert.ok(kept <= MOST_KEPT, `${kept} bytes are kept`);
    read();
    assert.equal(await got.promise, await sha256(data));
    client.close();
  });
  await backend.close();
});

Deno.test("a client that does not read holds its backend back, and nothing is lost", async () => {
  const data = pattern(32 * 1024 * 1024);
  let isSent = false;
  const backend = new Backend(async (conn) => {
    await conn.sendBytes(data);
    isSent = true;
    await conn.rest();
  });
  await withService([backend.port], async ({ rig }) => {
    const client = await RawConn.connect(rig.port);
    const kept = await atRest(() => rig.flows[0]?.keptBytes ?? 0, "some are kept");
    assert.equal(isSent, false, "the backend is held back");
    assert.ok(kept <= MOST_KEPT, `${kept} bytes are kept`);
    assert.equal(await sha256(await readBytes(client.tcp, data.length)), await sha256(data));
    client.close();
  });
  await backend.close();
});

Deno.test("a backend's RST is a RST to the client, after what came before it", async () => {
  const backend = new Backend(async (conn) => {
    await conn.until("go");
    reset(conn);
  });
  await withService([backend.port], async ({ rig }) => {
    const client = await RawConn.connect(rig.port);
    await client.send("go");
    await assert.rejects(client.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    client.close();
  });
  await backend.close();
});

Deno.test("a client's RST is a RST to the backend", async () => {
  const end = Promise.withResolvers<string>();
  const backend = new Backend(async (conn) => {
    await conn.until("hi");
    await conn.send(".");
    await conn.tcp.read(new Uint8Array(1)).then((count) => end.resolve(`${count}`), (error) => end.resolve(error.name));
  });
  await withService([backend.port], async ({ rig }) => {
    const client = await RawConn.connect(rig.port);
    await client.send("hi");
    await client.until(".");
    reset(client);
    assert.equal(await end.promise, "ConnectionReset");
    client.close();
  });
  await backend.close();
});

Deno.test("a client that goes away before there is a backend ends the attempt", async () => {
  const silent = await silentPort();
  const rig = new LoopRig();
  const backends = new FakeBackends([destination(silent.port)]);
  const loop = watchedLoop(rig);
  const service = new TcpService({ ...contextOf(rig, tcpConfig([9]), backends), loop });
  rig.onAccepted = (flow) => service.accepted(flow);
  const client = await RawConn.connect(rig.port);
  await eventually(() => loop.outgoing.length === 1, "it is tried");
  reset(client);
  await eventually(() => rig.open === 0, "the client has gone");
  assert.ok(loop.outgoing[0]?.isClosed);
  assert.equal(backends.connections[0], 0);
  assert.deepEqual(backends.told, []);
  client.close();
  rig.close();
  silent.close();
});

Deno.test("a backend that refuses, one without an address and one that does not answer are passed over", async () => {
  const alive = new Backend(async (conn) => await conn.send("alive"));
  const rig = new LoopRig();
  const silent = await silentPort();
  const backends = new FakeBackends([destination(deadPort()), null, destination(silent.port), destination(alive.port)]);
  const config = tcpConfig([1, 2, 3, 4], { connectTimeoutMs: 60 });
  const service = new TcpService(contextOf(rig, config, backends));
  rig.onAccepted = (flow) => service.accepted(flow);
  const client = await RawConn.connect(rig.port);
  assert.equal(await client.rest(), "alive");
  assert.equal(backends.told.length, 4, backends.told.join("; "));
  assert.equal(backends.told[0], "failed 0 ECONNREFUSED");
  assert.equal(backends.told[1], "failed 1 its name has no address");
  assert.equal(backends.told[2], "failed 2 no connection within 60 ms");
  assert.equal(backends.told[3], "connected 3");
  client.close();
  await eventually(() => rig.open === 0, "it is over");
  assert.deepEqual(backends.connections, [0, 0, 0, 0]);
  rig.close();
  silent.close();
  await alive.close();
});

Deno.test("without any backend the client is reset", () =>
  withService([deadPort()], async ({ rig }) => {
    assert.equal(await endOf(rig.port), "ConnectionReset");
  }));

Deno.test("the backend hears who the client is, by PROXY protocol v1", async () => {
  const heard = Promise.withResolvers<string>();
  const backend = new Backend(async (conn) => heard.resolve(await conn.until("\n")));
  await withService([backend.port], async ({ rig }) => {
    const client = await RawConn.connect(rig.port);
    const { port } = client.tcp.localAddr;
    assert.equal(await heard.promise, `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${rig.port}\r\n`);
    client.close();
  }, { sendProxyProtocol: "v1" });
  await backend.close();
});

Deno.test("the backend hears who the client is, by PROXY protocol v2", async () => {
  const heard = Promise.withResolvers<Uint8Array>();
  const backend = new Backend(async (conn) => heard.resolve(await readBytes(conn.tcp, 28)));
  await withService([backend.port], async ({ rig }) => {
    const client = await RawConn.connect(rig.port);
    const { port } = client.tcp.localAddr;
    const ports = Uint8Array.of(port >> 8, port & 255, rig.port >> 8, rig.port & 255);
    assert.deepEqual((await heard.promise).subarray(24), ports);
    client.close();
  }, { sendProxyProtocol: "v2" });
  await backend.close();
});

Deno.test("connections of one address are cut, those of others are not", async () => {
  const backend = new Backend(async (conn) => {
    await conn.send(".");
    await conn.rest();
  });
  await withService([backend.port], async ({ rig, service }) => {
    const client = await RawConn.connect(rig.port);
    await client.until(".");
    service.cut("127.0.0.2");
    assert.equal(rig.open, 1);
    service.cut("127.0.0.1");
    assert.equal(rig.open, 0);
    await assert.rejects(client.tcp.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    client.close();
  });
  await backend.close();
});

Deno.test("one connection that never stops does not keep others waiting", async () => {
  let isOver = false;
  const chunk = new Uint8Array(1024 * 1024);
  const endless = new Backend(async (conn) => {
    while (!isOver) await conn.sendBytes(chunk);
  });
  await withService([endless.port], async ({ rig }) => {
    const greedy = await RawConn.connect(rig.port);
    const reading = (async () => {
      const into = new Uint8Array(1024 * 1024);
      while (!isOver) await greedy.tcp.read(into);
    })();
    await eventually(() => (rig.flows[0]?.sentBytes ?? 0) > 10_000_000, "it flows");
    const before = rig.flows.length;
    const polite = await RawConn.connect(rig.port);
    const got = await readBytes(polite.tcp, 1024);
    assert.equal(got.length, 1024);
    assert.equal(rig.flows.length, before + 1);
    isOver = true;
    await reading;
    polite.close();
    greedy.close();
  });
  await endless.close();
});

Deno.test("a connection on which nothing was ever said ends after the idle time", async () => {
  const backend = new Backend(async (conn) => void await conn.rest());
  await withService([backend.port], async ({ rig }) => {
    assert.equal(await endOf(rig.port), "ConnectionReset");
    assert.equal(rig.flows.length, 1, "it was accepted");
  }, { idleTimeoutMs: 80 });
  await backend.close();
});

Deno.test("where this machine has no more sockets, the client is reset and no backend is at fault", async () => {
  const rig = new LoopRig();
  const backends = new FakeBackends([destination(1), destination(2)]);
  const loop = { ...watchedLoop(rig), connect: () => null, connectErrno: Errno.EMFILE };
  const service = new TcpService({ ...contextOf(rig, tcpConfig([1, 2]), backends), loop });
  rig.onAccepted = (flow) => service.accepted(flow);
  assert.equal(await endOf(rig.port), "ConnectionReset");
  assert.deepEqual([backends.told, backends.connections], [[], [0, 0]]);
  rig.close();
});

Deno.test("bytes that the kernel was given and still sends to someone slow are traffic", () => {
  const loop = new FakeLoop();
  const backends = new FakeBackends([destination(8000)]);
  const service = new TcpService({ config: tcpConfig([8000], { idleTimeoutMs: 500 }), loop, backends });
  for (const side of ["client", "backend"] as const) {
    const client = loop.flow();
    service.accepted(client);
    const backend = loop.latest;
    backend.open();
    const slow = { client, backend }[side];
    slow.sinceSentMs = 100;
    loop.pass(500);
    assert.equal(client.isClosed, false, `the ${side} gets something`);
    slow.sinceSentMs = 500;
    loop.pass(399);
    assert.equal(client.isClosed, false, "a whole idle time from then on");
    loop.pass(1);
    assert.deepEqual([client.ending, backend.ending], ["reset", "reset"]);
  }
  assert.deepEqual(backends.connections, [0]);
});
