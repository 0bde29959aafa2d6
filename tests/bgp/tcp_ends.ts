/** Both ends of connections, for the tests of TCP. */
import assert from "node:assert/strict";
import { TcpTransport } from "../../mod/bgp/tcp_transport.ts";
import type {
  Connection,
  ConnectionEvents,
  ConnectRequest,
  Incoming,
  Listener,
  ListenKey,
} from "../../mod/bgp/transport.ts";
import type { Clock } from "../../mod/base/clock.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { systemClock } from "../../mod/runtime/clock.ts";

/** Long enough for a busy machine; only a test that fails waits for it. */
const PATIENCE_MS = 10_000;

/** Resolves when `holds` does; looks after every turn of the event loop that may have changed something. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What happened on a connection. */
export class Recorder implements ConnectionEvents {
  readonly calls: string[] = [];
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  /** Called with each piece that arrives. */
  onReceived: (bytes: Uint8Array) => void = () => {};

  opened(): void {
    this.calls.push("opened");
  }

  received(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.chunks.push(bytes.slice());
    this.onReceived(bytes);
  }

  closed(why: string): void {
    this.calls.push(`closed: ${why}`);
  }

  get text(): string {
    return this.chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
  }

  /** The reason of the end, when it has come. */
  async end(): Promise<string> {
    await until(() => this.calls.at(-1)?.startsWith("closed: ") === true, "the end of a connection");
    return this.calls.at(-1)?.slice("closed: ".length) ?? "";
  }
}

/** A connection to us with what happened on it. */
export interface Arrival {
  readonly incoming: Incoming;
  readonly connection: Connection;
  readonly events: Recorder;
}

/** Settings of accepted connections. */
export interface Taking {
  readonly keys?: readonly ListenKey[];
  readonly ttl?: number;
  readonly minTtl?: number | null;
}

/** A transport with a poller of its own. */
export class Side {
  readonly poller: Poller;
  readonly transport: TcpTransport;

  constructor(clock: Clock = systemClock) {
    this.poller = new Poller((error) => {
      throw error;
    });
    this.transport = new TcpTransport({ poller: this.poller, clock });
  }

  /** Listens and takes whoever comes. */
  listen({ keys = [], ttl = 64, minTtl = null }: Taking = {}): { listener: Listener; arrivals: Arrival[] } {
    const arrivals: Arrival[] = [];
    const listener = this.transport.listen({
      port: 0,
      keys,
      onIncoming: (incoming) => {
        const events = new Recorder();
        arrivals.push({ incoming, connection: incoming.accept(events, { ttl, minTtl }), events });
      },
      onError: (why) => assert.fail(why),
    });
    return { listener, arrivals };
  }

  connect(ip: string, port: number, more: Partial<ConnectRequest> = {}): { connection: Connection; events: Recorder } {
    const events = new Recorder();
    return { connection: this.transport.connect(requestTo(ip, port, more), events), events };
  }

  async close(): Promise<void> {
    await this.transport.close();
    assert.equal(this.transport.connections, 0);
    await this.poller.close();
  }
}

/** A request with nothing special about it. */
export function requestTo(ip: string, port: number, more: Partial<ConnectRequest> = {}): ConnectRequest {
  return {
    ip,
    port,
    password: null,
    ttl: 64,
    minTtl: null,
    interface: null,
    bindToInterface: false,
    sourceIp: null,
    ...more,
  };
}

/** Runs `body` with a transport; nothing is left of it afterwards. */
export async function withSide(body: (side: Side) => Promise<void>, clock: Clock = systemClock): Promise<void> {
  const side = new Side(clock);
  try {
    await body(side);
  } finally {
    await side.close();
  }
}

/** A connection over the loopback, both ends open. */
export async function connected(
  side: Side,
  ip = "127.0.0.1",
): Promise<{ near: { connection: Connection; events: Recorder }; far: Arrival; listener: Listener }> {
  const { listener, arrivals } = side.listen();
  const near = side.connect(ip, listener.port);
  await until(() => near.events.calls.includes("opened") && arrivals.length === 1, "the connection");
  const [far] = arrivals;
  assert.ok(far);
  return { near, far, listener };
}
