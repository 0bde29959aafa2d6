import assert from "node:assert/strict";
import { BalancerError } from "../../../mod/balance/balancer.ts";
import { AsideBalancer } from "../../../mod/balance/tls/aside_balancer.ts";
import type { BalancerConfig } from "../../../mod/config/types.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { configureLogging } from "../../../mod/observe/logging.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import {
  assertRefused,
  Backend,
  eventually,
  FakeResetter,
  httpBackend,
  httpConfig,
  okResponse,
  pattern,
  portOf,
  readBytes,
  tcpConfig,
} from "../kit.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { type Authority, type CertificateFiles, withAuthority } from "./certificates.ts";
import { askSecure, connectSecure } from "./kit.ts";

const deps = { clock: systemClock, random: Math.random, resetter: connectionResetter };
const LAST_GET = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

interface Stand {
  readonly authority: Authority;
  readonly tls: CertificateFiles;
}

function withTls(body: (stand: Stand) => Promise<void>): Promise<void> {
  return withAuthority(async (authority) => {
    await body({ authority, tls: await authority.issue("front", { names: "DNS:localhost" }) });
  });
}

async function withAside(config: BalancerConfig, body: (balancer: AsideBalancer) => Promise<void>): Promise<void> {
  const balancer = new AsideBalancer(config, deps);
  await balancer.start();
  try {
    await body(balancer);
  } finally {
    await balancer.stop();
  }
}

Deno.test("a request by TLS is answered from a thread, and the status tells of it", () =>
  withTls(async ({ authority, tls }) => {
    const backend = httpBackend(() => okResponse("hello"));
    await withAside(httpConfig([backend.port], { tls }), async (balancer) => {
      assert.match(await askSecure(portOf(balancer), authority, LAST_GET), /hello$/);
      await eventually(() => balancer.status().backends[0]?.totalConnections === 1, "the request is counted");
      assert.equal(balancer.status().engine, "user");
    });
    await backend.close();
  }));

Deno.test("an update counts, and lines of the thread are written here", () =>
  withTls(async ({ authority, tls }) => {
    const [one, other] = [httpBackend(() => okResponse("one")), httpBackend(() => okResponse("other"))];
    const lines: string[] = [];
    const decoder = new TextDecoder();
    configureLogging({ level: "info", format: "text", write: (line) => lines.push(decoder.decode(line)) });
    await withAside(httpConfig([one.port], { tls }), async (balancer) => {
      assert.match(await askSecure(portOf(balancer), authority, LAST_GET), /one$/);
      await authority.issue("front", { names: "DNS:localhost" });
      balancer.update(httpConfig([other.port], { tls }));
      await eventually(() => balancer.status().backends[0]?.name === `127.0.0.1:${other.port}`, "it has gone over");
      assert.match(await askSecure(portOf(balancer), authority, LAST_GET), /other$/);
      await eventually(() => lines.some((line) => /room=balance msg="Certificate renewed"/.test(line)), "it is told");
    });
    await one.close();
    await other.close();
  }));

Deno.test("a start that fails says in the thread's words what is wrong", () =>
  withTls(async ({ tls }) => {
    const keyFile = `${tls.keyFile}.none`;
    const balancer = new AsideBalancer(httpConfig([1], { tls: { ...tls, keyFile } }), deps);
    await assert.rejects(balancer.start(), (error) => {
      assert.ok(error instanceof BalancerError);
      return /^Cannot use the certificate of web: .*front\.key\.none cannot be read: No such file/.test(error.message);
    });
    await balancer.stop();
  }));

Deno.test("a release resets every connection of the address before it returns, enciphered or still arriving", () =>
  withTls(async ({ authority, tls }) => {
    const backend = new Backend(async (conn) => void await conn.rest());
    await withAside(tcpConfig([backend.port], { tls, bindToVip: true }), async (balancer) => {
      balancer.bind("127.0.0.1");
      await eventually(() => balancer.status().listening.length === 1, "it listens");
      const port = portOf(balancer);
      const client = await connectSecure(port, authority);
      const silent = await Deno.connect({ hostname: "127.0.0.1", port });
      await eventually(() => balancer.status().connections === 1, "the client is in");
      balancer.release("127.0.0.1");
      for (const conn of [client.tcp, silent]) {
        await assert.rejects(conn.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
      }
      await eventually(() => balancer.status().listening.length === 0, "nobody listens");
      await assertRefused(port);
      client.close();
      silent.close();
    });
    await backend.close();
  }));

Deno.test("a backend that breaks off within an answer is no end for the client", () =>
  withTls(async ({ authority, tls }) => {
    const backend = new Backend(async (conn) => {
      await conn.until("\r\n\r\n");
      await conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    });
    await withAside(httpConfig([backend.port], { tls }), async (balancer) => {
      const client = await connectSecure(portOf(balancer), authority);
      await client.send(LAST_GET);
      await assert.rejects(async () => {
        for (;;) assert.ok(await client.read() !== null, "this would be an orderly end");
      }, /without sending TLS close_notify|reset/i);
      client.close();
    });
    await backend.close();
  }));

Deno.test("a stop lets what is under way finish", () =>
  withTls(async ({ authority, tls }) => {
    const bytes = pattern(4 * 1024 * 1024);
    const backend = new Backend(async (conn) => {
      await conn.until("go");
      await conn.sendBytes(bytes);
    });
    const balancer = new AsideBalancer(tcpConfig([backend.port], { tls, drainMs: 5000 }), deps);
    await balancer.start();
    const client = await connectSecure(portOf(balancer), authority);
    await client.send("go");
    const first = await readBytes(client.tcp, 1024);
    const stopped = balancer.stop();
    const rest = await readBytes(client.tcp, bytes.length - first.length);
    assert.deepEqual(rest.subarray(-64), bytes.subarray(-64));
    client.close();
    await stopped;
    assert.deepEqual(balancer.status().listening, []);
    await backend.close();
  }));

const entry = new URL("./breaking_worker.ts", import.meta.url);

Deno.test("a thread that breaks down is replaced, and the new one is bound as the old one was", async () => {
  const lines: string[] = [];
  const decoder = new TextDecoder();
  configureLogging({ level: "error", format: "text", write: (line) => lines.push(decoder.decode(line)) });
  const balancer = new AsideBalancer(httpConfig([1], { bindToVip: true }), { ...deps, entry });
  await balancer.start();
  balancer.bind("192.0.2.2");
  await eventually(() => balancer.status().listening[0] === "192.0.2.2:80", "the first thread listens");
  balancer.bind("192.0.2.1");
  await eventually(() => lines.some((line) => /A thread broke down.*broken on purpose/.test(line)), "it is told");
  assert.deepEqual(balancer.status().listening, []);
  balancer.release("192.0.2.1");
  await eventually(() => balancer.status().listening[0] === "192.0.2.2:80", "the second thread listens");
  await balancer.stop();
});

Deno.test("a release resets from this side, whatever the thread does", async () => {
  const resetter = new FakeResetter();
  const balancer = new AsideBalancer(httpConfig([1], { bindToVip: true, port: 80 }), { ...deps, resetter, entry });
  await balancer.start();
  balancer.release("192.0.2.2");
  assert.deepEqual(resetter.all, ["192.0.2.2:80"]);
  await balancer.stop();
});

Deno.test("a thread that does not answer in time is a failure to start", async () => {
  const clock = new VirtualClock();
  const balancer = new AsideBalancer(httpConfig([]), { ...deps, clock, entry });
  const started = balancer.start();
  clock.advance(60_000);
  await assert.rejects(started, { message: "Cannot start a thread for web: no answer within 60000 ms" });
  await balancer.stop();
});
