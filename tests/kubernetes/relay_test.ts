import assert from "node:assert/strict";
import { within } from "../lab/time.ts";
import { Relay } from "./relay.ts";

const LOOPBACK = "127.0.0.1";
const LIMIT_MS = 5000;
const DELAY_MS = 1000;

/** A server that echoes, a relay to it, and a client's end of a connection through both. */
interface Stage {
  readonly relay: Relay;
  connect(): Promise<Deno.TcpConn>;
}

async function echo(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    for (let got = await conn.read(buffer); got !== null; got = await conn.read(buffer)) {
      for (let rest = buffer.subarray(0, got); rest.length > 0;) rest = rest.subarray(await conn.write(rest));
    }
  } finally {
    conn.close();
  }
}

async function serve(listener: Deno.TcpListener, tasks: Promise<void>[]): Promise<void> {
  for await (const conn of listener) tasks.push(echo(conn).catch(() => undefined));
}

async function withRelay(use: (stage: Stage) => Promise<void>): Promise<void> {
  const server = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const tasks: Promise<void>[] = [];
  const serving = serve(server, tasks);
  const relay = new Relay(
    Deno.listen({ hostname: LOOPBACK, port: 0 }),
    () => Deno.connect({ hostname: LOOPBACK, port: server.addr.port }),
  );
  const open: Deno.TcpConn[] = [];
  const connect = async (): Promise<Deno.TcpConn> => {
    const conn = await Deno.connect({ hostname: LOOPBACK, port: relay.port });
    open.push(conn);
    return conn;
  };
  try {
    await use({ relay, connect });
  } finally {
    await relay.close();
    for (const conn of open) conn.close();
    server.close();
    await serving;
    await Promise.all(tasks);
  }
}

/** Sends `text`; gives how long the echo of all of it took, milliseconds. */
async function exchange(conn: Deno.TcpConn, text: string): Promise<number> {
  const fromMs = performance.now();
  await conn.write(new TextEncoder().encode(text));
  await receive(conn, text);
  return performance.now() - fromMs;
}

async function receive(conn: Deno.TcpConn, wanted: string): Promise<void> {
  const buffer = new Uint8Array(4096);
  let all = "";
  while (all.length < wanted.length) {
    const got = await within(conn.read(buffer), LIMIT_MS, `an echo of ${wanted}`);
    assert.ok(got !== null, `the connection goes on after "${all}"`);
    all += new TextDecoder().decode(buffer.subarray(0, got));
  }
  assert.equal(all, wanted);
}

Deno.test("a good road carries both directions and the end of one", async () => {
  await withRelay(async ({ connect }) => {
    const conn = await connect();
    await exchange(conn, "hello");
    await conn.write(new TextEncoder().encode("last"));
    await conn.closeWrite();
    await receive(conn, "last");
    assert.equal(await within(conn.read(new Uint8Array(1)), LIMIT_MS, "the end"), null);
  });
});

Deno.test("on a slow road each request is late by the delay, but not the first of a connection, and not twice", async () => {
  await withRelay(async ({ relay, connect }) => {
    relay.become({ kind: "slow", delayMs: DELAY_MS });
    const conn = await connect();
    assert.ok(await exchange(conn, "first") < DELAY_MS);
    const fromMs = performance.now();
    await conn.write(new TextEncoder().encode("second"));
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS / 3));
    await conn.write(new TextEncoder().encode("third"));
    await receive(conn, "secondthird");
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs >= DELAY_MS && tookMs < 2 * DELAY_MS, `both took ${tookMs} ms`);
    relay.become({ kind: "good" });
    assert.ok(await exchange(conn, "fourth") < DELAY_MS);
  });
});

Deno.test("a silent road holds back what is sent, on open and on new connections, until it is good again", async () => {
  await withRelay(async ({ relay, connect }) => {
    const before = await connect();
    await exchange(before, "before");
    relay.become({ kind: "silent" });
    const after = await connect();
    let heard = 0;
    const both = [exchange(before, "held"), exchange(after, "too")].map((one) => one.then(() => heard++));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(heard, 0);
    relay.become({ kind: "good" });
    await Promise.all(both);
  });
});

Deno.test("a road that becomes good lets through at once what a slow one held back", async () => {
  await withRelay(async ({ relay, connect }) => {
    const conn = await connect();
    await exchange(conn, "first");
    relay.become({ kind: "slow", delayMs: 60_000 });
    const held = exchange(conn, "second");
    relay.become({ kind: "good" });
    assert.ok(await held < LIMIT_MS);
  });
});

Deno.test("where nobody listens behind it, the client's connection is cut", async () => {
  const free = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = free.addr;
  free.close();
  const relay = new Relay(
    Deno.listen({ hostname: LOOPBACK, port: 0 }),
    () => Deno.connect({ hostname: LOOPBACK, port }),
  );
  const conn = await Deno.connect({ hostname: LOOPBACK, port: relay.port });
  const end = conn.read(new Uint8Array(1)).catch(() => null);
  assert.equal(await within(end, LIMIT_MS, "the end"), null);
  conn.close();
  await relay.close();
});

Deno.test("close() cuts connections that a silent road holds up", async () => {
  await withRelay(async ({ relay, connect }) => {
    const conn = await connect();
    await exchange(conn, "first");
    relay.become({ kind: "silent" });
    await conn.write(new TextEncoder().encode("held"));
    await within(relay.close(), LIMIT_MS, "the end of the relay");
  });
});
