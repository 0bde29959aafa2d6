import assert from "node:assert/strict";
import { TlsFront } from "../../../mod/balance/tls/tls_front.ts";
import { BalancerError } from "../../../mod/balance/balancer.ts";
import type { ByteStream } from "../../../mod/balance/byte_stream.ts";
import { connectionResetter as resetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { ListenBalancer } from "../../../mod/balance/listen_balancer.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { Backend, eventually, FakeResetter, portOf, RawConn, streamContext, tcpConfig } from "../kit.ts";
import { type Authority, type CertificateFiles, withAuthority } from "./certificates.ts";
import { connectSecure, LogLines } from "./kit.ts";

interface Stand {
  readonly authority: Authority;
  readonly files: CertificateFiles;
  readonly front: TlsFront;
  readonly port: number;
  readonly log: LogLines;
  /** What came in, in order: null where there was no TLS to be had. */
  readonly taken: (ByteStream | null)[];
}

/** A front behind a listener, which is all of a balancer that it needs. */
function withFront(body: (stand: Stand) => Promise<void>, timeoutMs = 3000): Promise<void> {
  return withAuthority(async (authority) => {
    const files = await authority.issue("front", { names: "DNS:localhost" });
    const log = new LogLines();
    const front = new TlsFront({ name: "web", files, protocols: ["http/1.1"], clock: systemClock, log, resetter });
    front.start();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [streams, taken]: [ReturnType<typeof streamContext>, (ByteStream | null)[]] = [streamContext(), []];
    const accepting = (async (): Promise<void> => {
      for await (const conn of listener) front.take(conn, { streams, timeoutMs }).then((one) => void taken.push(one));
    })();
    try {
      await body({ authority, files, front, port: listener.addr.port, log, taken });
    } finally {
      listener.close();
      await accepting;
      await eventually(() => front.arriving === 0 || timeoutMs > 1000, "nobody is arriving");
      await front.close();
      for (const stream of taken) stream?.cut();
      await eventually(() => streams.deadlines.size === 0, "every stream is closed");
    }
  });
}

async function first(taken: readonly (ByteStream | null)[]): Promise<ByteStream> {
  await eventually(() => taken.length > 0, "a connection was taken in");
  const [stream] = taken;
  assert.ok(stream);
  return stream;
}

Deno.test("the stream has the client's addresses, and its ends are those of TLS", () =>
  withFront(async ({ authority, port, taken }) => {
    const client = await connectSecure(port, authority);
    const stream = await first(taken);
    const { port: clientPort } = client.tcp.localAddr as Deno.NetAddr;
    assert.deepEqual([stream.local.port, stream.remote.port], [port, clientPort]);
    await client.send("question");
    await client.tcp.closeWrite();
    while (await stream.fill());
    assert.equal(new TextDecoder().decode(stream.buffered), "question");
    await stream.write(new TextEncoder().encode("answer after the end"));
    await stream.closeWrite();
    assert.equal(await client.rest(), "answer after the end");
    client.close();
  }));

Deno.test("a client that ends without the end of TLS, or with a reset, broke off", () =>
  withFront(async ({ authority, port, taken }) => {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    // The runtime's own end of TLS is kept back by a relay that ends first.
    const relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [client, inner] = await Promise.all([connectThrough(relay, authority), relayOnce(relay, tcp)]);
    const stream = await first(taken);
    await client.write(new TextEncoder().encode("half of it"));
    assert.ok(await stream.fill());
    await tcp.closeWrite();
    await assert.rejects(stream.fill(), { message: /without sending TLS close_notify/ });
    for (const one of [client, inner, tcp, relay]) one.close();
  }));

async function connectThrough(relay: Deno.TcpListener, authority: Authority): Promise<Deno.TlsConn> {
  const conn = await Deno.connectTls({ hostname: "localhost", port: relay.addr.port, caCerts: [authority.ca] });
  await conn.handshake();
  return conn;
}

/** Carries one connection to `to` and back until one of them is closed. */
async function relayOnce(relay: Deno.TcpListener, to: Deno.TcpConn): Promise<Deno.TcpConn> {
  const from = await relay.accept();
  for (const [a, b] of [[from, to], [to, from]] as const) {
    (async () => {
      const buffer = new Uint8Array(65_536);
      for (let count: number | null; (count = await a.read(buffer)) !== null;) await b.write(buffer.subarray(0, count));
    })().catch(() => {});
  }
  return from;
}

Deno.test("a client that speaks no TLS, and one that never says anything, are dropped in time", () =>
  withFront(async ({ port, taken, log }) => {
    const plain = await Deno.connect({ hostname: "127.0.0.1", port });
    const silent = await Deno.connect({ hostname: "127.0.0.1", port });
    await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await eventually(() => taken.length === 2, "both were given up");
    assert.deepEqual(taken, [null, null]);
    assert.equal(await silent.read(new Uint8Array(1)), null);
    assert.match(log.lines.join("\n"), /did not complete TLS/);
    plain.close();
    silent.close();
  }, 200));

Deno.test("a certificate that is renewed is shown to new clients, and old ones go on", () =>
  withFront(async ({ authority, files, front, port, taken, log }) => {
    const old = await connectSecure(port, authority);
    await eventually(() => taken.length === 1, "the old one is in");
    await authority.issue("front", { names: "DNS:renewed.example,IP:127.0.0.1" });
    front.look();
    const renewed = await connectSecure(port, authority, "127.0.0.1");
    await assert.rejects(connectSecure(port, authority), { message: /certificate not valid for name "localhost"/ });
    await old.send("still here");
    const stream = await first(taken);
    assert.ok(await stream.fill());
    assert.equal(new TextDecoder().decode(stream.buffered), "still here");
    assert.match(log.lines.join("\n"), /info Certificate renewed .*front\.pem/);
    assert.ok(files.certificateFile.endsWith("front.pem"));
    old.close();
    renewed.close();
  }));

Deno.test("a renewed pair that does not fit is told once and not taken", () =>
  withFront(async ({ authority, files, front, port, log }) => {
    const other = await authority.issue("other", { names: "DNS:localhost" });
    await Deno.copyFile(other.keyFile, files.keyFile);
    for (let n = 0; n < 3; n++) front.look();
    const client = await connectSecure(port, authority);
    client.close();
    const told = log.lines.filter((line) => line.startsWith("error"));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /not renewed, the one before it stays .*front\.key is not the key of/);
  }));

Deno.test("a pair that cannot be used at start names the file", () =>
  withAuthority(async (authority) => {
    const files = await authority.issue("front", { names: "DNS:localhost" });
    const missing = { ...files, keyFile: `${authority.dir}/none.key` };
    const front = new TlsFront({
      name: "web",
      files: missing,
      protocols: [],
      clock: systemClock,
      log: new LogLines(),
      resetter,
    });
    assert.throws(() => front.start(), (error) => {
      assert.ok(error instanceof BalancerError);
      return /certificate of web: .*none\.key cannot be read: No such file/.test(error.message);
    });
    await front.close();
  }));

Deno.test("an address that is given up takes those with it that are still arriving", () =>
  withFront(async ({ front, port, taken }) => {
    const silent = await Deno.connect({ hostname: "127.0.0.1", port });
    await eventually(() => front.arriving === 1, "it is arriving");
    front.cut("127.0.0.9");
    assert.equal(front.arriving, 1);
    front.cut("127.0.0.1");
    await eventually(() => taken.length === 1, "it was dropped");
    assert.equal(await silent.read(new Uint8Array(1)), null);
    silent.close();
  }));

Deno.test("a client of a tcp balancer has more time for TLS than a backend has for a connect", () =>
  withAuthority(async (authority) => {
    const tls = await authority.issue("front", { names: "DNS:localhost" });
    const backend = new Backend(async (conn) => await conn.send("hello"));
    const clock = new VirtualClock();
    const config = tcpConfig([backend.port], { tls, connectTimeoutMs: 50 });
    const balancer = new ListenBalancer(config, { clock, random: () => 0, resetter: new FakeResetter() });
    await balancer.start();
    const timers = clock.pending;
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: portOf(balancer) });
    await eventually(() => clock.pending > timers, "it is taken in");
    clock.advance(3000);
    const client = new RawConn(await Deno.startTls(tcp, { hostname: "localhost", caCerts: [authority.ca] }));
    assert.equal(await client.rest(), "hello");
    client.close();
    const stopped = balancer.stop();
    clock.advance(60_000);
    await stopped;
    await backend.close();
  }));
