/** Raw clients, scripted backends and configurations for the balancers' tests. */
import assert from "node:assert/strict";
import { createBalancer } from "../../mod/balance/create.ts";
import type { Balancer, ConnectionResetter, Endpoint } from "../../mod/balance/balancer.ts";
import { DeadlineSet } from "../../mod/balance/deadlines.ts";
import type { StreamContext } from "../../mod/balance/byte_stream.ts";
import type { BalancerConfig, HttpBalancerConfig, TcpBalancerConfig } from "../../mod/config/types.ts";
import { pause } from "../../mod/linux/pause.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { quietPort } from "../fakes/ports.ts";
import { seededRandom } from "../fakes/random.ts";
import { latin1Bytes } from "../net/http1_cases.ts";

/** Remembers what it was asked to reset; the tests' own sockets close by themselves. */
export class FakeResetter implements ConnectionResetter {
  readonly all: string[] = [];
  readonly one: { local: Endpoint; remote: Endpoint }[] = [];

  reset(localIp: string, localPort: number): number {
    this.all.push(`${localIp}:${localPort}`);
    return 0;
  }

  resetOne(local: Endpoint, remote: Endpoint): void {
    this.one.push({ local, remote });
  }
}

const COMMON = {
  name: "web",
  port: 0,
  bindToVip: false,
  engine: "listen",
  policy: "round-robin",
  connectTimeoutMs: 1000,
  idleTimeoutMs: 5000,
  maxConnections: 1000,
  drainMs: 0,
  health: null,
  ejection: null,
  threads: 1,
  tls: null,
  acceptProxyProtocol: false,
} as const;

/** A tcp balancer to these local ports. */
export function tcpConfig(ports: readonly number[], changes: Partial<TcpBalancerConfig> = {}): TcpBalancerConfig {
  const backends = ports.map((port) => ({ address: "127.0.0.1", port, weight: 1 }));
  return {
    ...COMMON,
    type: "tcp",
    backends,
    affinity: "none",
    preserveClientAddress: false,
    sendProxyProtocol: null,
    listenOnly: [],
    ...changes,
  };
}

/** An http balancer to these local ports; `path` is the prefix of each backend. */
export function httpConfig(ports: readonly number[], changes: Partial<HttpBalancerConfig> = {}): HttpBalancerConfig {
  const backends = ports.map((port) => ({ url: new URL(`http://127.0.0.1:${port}`), weight: 1 }));
  const limits = { maxHeadBytes: 16_384, maxHeaders: 64, headTimeoutMs: 3000, responseTimeoutMs: 3000 };
  const content = { maxRequestBytes: null, maxResponseBytes: null };
  const backendTls = { caFile: null, serverName: null, client: null };
  return { ...COMMON, ...limits, ...content, backendTls, type: "http", backends, ...changes };
}

/** The port of a balancer's first listener. */
export function portOf(balancer: Balancer): number {
  const [first = ""] = balancer.status().listening;
  return Number(first.slice(first.lastIndexOf(":") + 1));
}

/** How a test makes a balancer: the engine under test. */
export type Maker = typeof createBalancer;

/** Runs `body` with a started balancer and stops it whatever happens. */
export async function withBalancer(
  config: BalancerConfig,
  body: (balancer: Balancer, resetter: FakeResetter) => Promise<void>,
  make: Maker = createBalancer,
): Promise<void> {
  const resetter = new FakeResetter();
  const balancer = make(config, { clock: systemClock, random: seededRandom(1), resetter });
  await balancer.start();
  try {
    await body(balancer, resetter);
  } finally {
    await balancer.stop();
  }
}

/**
 * A child that another thread of this process is just starting has a copy of every descriptor until it becomes its program; so long a
 * socket that was closed may go on.
 */
const SPAWNING_MS = 2000;

/** Listens on a port of loopback; one that was listened on until just now is waited for. */
export function listenAt(port: number): Deno.TcpListener {
  for (const endMs = performance.now() + SPAWNING_MS;;) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || performance.now() > endMs) throw error;
      pause(5);
    }
  }
}

/** Whether a connect is refused just now. */
export async function isRefused(port: number): Promise<boolean> {
  try {
    (await RawConn.connect(port)).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return true;
    throw error;
  }
}

/** Shows that nobody listens there any more. */
export async function assertRefused(port: number): Promise<void> {
  for (const endMs = performance.now() + SPAWNING_MS;;) {
    try {
      (await RawConn.connect(port)).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
    assert.ok(performance.now() < endMs, `port ${port} is still listened on`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A TCP server whose connections are handled by a script; `n` counts them from 0. */
export class Backend {
  readonly port: number;
  accepted = 0;
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<RawConn>();
  readonly #running: Promise<void>;
  readonly #handlers = new Set<Promise<void>>();

  /** `port` is one that was given to a server before, which is to come back. */
  constructor(handler: (conn: RawConn, n: number) => Promise<void>, port = 0) {
    this.#listener = listenAt(port);
    this.port = this.#listener.addr.port;
    this.#running = this.#accept(handler);
  }

  async #accept(handler: (conn: RawConn, n: number) => Promise<void>): Promise<void> {
    for await (const tcp of this.#listener) {
      const conn = new RawConn(tcp);
      this.#conns.add(conn);
      const handled = handler(conn, this.accepted++).catch(() => {}).then(() => {
        conn.close();
        this.#conns.delete(conn);
      });
      this.#handlers.add(handled);
    }
  }

  async close(): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // Closed by the test already.
    }
    for (const conn of this.#conns) conn.close();
    await this.#running;
    await Promise.all(this.#handlers);
  }
}

/** A connection of the test's own, in text (latin-1). */
export class RawConn {
  readonly tcp: Deno.TcpConn | Deno.TlsConn;
  #held = "";
  #isClosed = false;

  constructor(tcp: Deno.TcpConn | Deno.TlsConn) {
    this.tcp = tcp;
  }

  static async connect(port: number): Promise<RawConn> {
    return new RawConn(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    await this.sendBytes(latin1Bytes(text));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.tcp.write(bytes.subarray(at));
  }

  /** One piece of what comes, null at the end. */
  async read(): Promise<string | null> {
    const buffer = new Uint8Array(65_536);
    const count = await this.tcp.read(buffer);
    return count === null ? null : latin1Text(buffer.subarray(0, count));
  }

  /** Everything up to and including `mark`; what follows stays for the next call. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      const more = await this.read();
      assert.ok(more !== null, `the stream ended before ${JSON.stringify(mark)}: ${JSON.stringify(this.#held)}`);
      this.#held += more;
    }
  }

  /** Exactly `count` bytes. */
  async exactly(count: number): Promise<string> {
    while (this.#held.length < count) {
      const more = await this.read();
      assert.ok(more !== null, `the stream ended ${count - this.#held.length} bytes early`);
      this.#held += more;
    }
    return this.#take(count);
  }

  /** Everything until the stream ends, in whatever way. */
  async rest(): Promise<string> {
    for (let more: string | null = ""; more !== null; more = await this.read().catch(() => null)) this.#held += more;
    return this.#take(this.#held.length);
  }

  #take(count: number): string {
    const taken = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    return taken;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.tcp.close();
  }
}

/** A server that answers each request without content by what `respond` makes of its head. */
export function httpBackend(respond: (head: string, n: number) => string, port = 0): Backend {
  return new Backend(async (conn) => {
    for (let n = 0;; n++) {
      const head = await conn.until("\r\n\r\n");
      await conn.send(respond(head, n));
    }
  }, port);
}

/** A complete response with a length. */
export function okResponse(body: string, fields = ""): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** One request on a connection of its own; gives everything until the end. */
export async function ask(port: number, request: string): Promise<string> {
  const client = await RawConn.connect(port);
  try {
    await client.send(request);
    return await client.rest();
  } finally {
    client.close();
  }
}

/** How a connection ends on which nothing is said: the name of an error, or "end". One that is reset at once may not even seem to stand. */
export async function endOf(port: number): Promise<string> {
  try {
    const client = await RawConn.connect(port);
    try {
      while (await client.read() !== null);
      return "end";
    } finally {
      client.close();
    }
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/** A port on which nobody listens, and nobody will by chance. */
export function deadPort(): number {
  return quietPort();
}

/** Long enough for a busy machine; only a test that fails waits for it. */
const PATIENCE_MS = 30_000;

/** Waits until `holds`, looking every few milliseconds. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs;) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`never came true: ${what}`);
}

/** What `count` gives when it has grown, and has then been the same for half a second. */
export async function atRest(count: () => number, what: string): Promise<number> {
  let [last, sinceMs] = [0, performance.now()];
  await eventually(() => {
    if (count() !== last) [last, sinceMs] = [count(), performance.now()];
    return last > 0 && performance.now() - sinceMs > 500;
  }, what);
  return last;
}

/** Two ends of one connection over loopback. */
export async function connectedPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [left, right] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  return [left, right];
}

/** What streams need, on the real clock. */
export function streamContext(): StreamContext & { resetter: FakeResetter; deadlines: DeadlineSet } {
  return { deadlines: new DeadlineSet(systemClock, 5), resetter: new FakeResetter() };
}

/** `size` bytes that do not repeat soon. */
export function pattern(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 0x9e3779b9;
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[at] = state;
  }
  return new Uint8Array(words.buffer).subarray(0, size);
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads `count` bytes of a connection without turning them into text. */
export async function readBytes(conn: Deno.Conn, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const got = await conn.read(all.subarray(at));
    assert.ok(got !== null, `the stream ended ${count - at} bytes early`);
    at += got;
  }
  return all;
}
