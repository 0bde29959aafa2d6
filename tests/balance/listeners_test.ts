import assert from "node:assert/strict";
import { BalancerError } from "../../mod/balance/balancer.ts";
import { Listeners } from "../../mod/balance/listeners.ts";
import { Slots } from "../../mod/balance/slots.ts";
import type { Log, Properties } from "../../mod/observe/log.ts";
import { libc } from "../../mod/linux/libc.ts";
import { openDescriptors } from "../../mod/linux/descriptors.ts";
import { Family, getOption, internetAddress, openSocket, remoteEndpoint, SocketType } from "../../mod/linux/socket.ts";
import { abortStream } from "../../mod/linux/stream_socket.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { eventually } from "./kit.ts";

class MemoryLog implements Log {
  readonly lines: string[] = [];
  debug(message: string, _properties?: Properties): void {
    this.lines.push(message);
  }
  info = this.debug;
  warning = this.debug;
  error = this.debug;
}

interface Made {
  readonly listeners: Listeners;
  readonly clock: VirtualClock;
  readonly log: MemoryLog;
  readonly accepted: Deno.TcpConn[];
}

function make(port: number): Made {
  const [clock, log, accepted] = [new VirtualClock(), new MemoryLog(), [] as Deno.TcpConn[]];
  const listeners = new Listeners({
    name: "web",
    port,
    clock,
    log,
    slots: new Slots(1),
    onConnection: (conn) => accepted.push(conn),
  });
  return { listeners, clock, log, accepted };
}

Deno.test("an address that is not there yet is tried again every 20 ms, without a line in the log", async () => {
  const { listeners, clock, log } = make(0);
  listeners.bind("192.0.2.77");
  assert.deepEqual(listeners.addresses, []);
  assert.equal(clock.pending, 1);
  clock.advance(100);
  assert.equal(clock.pending, 1);
  assert.deepEqual(log.lines, []);
  listeners.release("192.0.2.77");
  assert.equal(clock.pending, 0, "a released address is not tried again");
  await listeners.close();
});

Deno.test("a port that is taken is said once, and listened on as soon as it is free", async () => {
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { listeners, clock, log } = make(other.addr.port);
  listeners.bind("127.0.0.1");
  clock.advance(3000);
  assert.deepEqual(log.lines, ["Cannot listen, trying again"]);
  other.close();
  clock.advance(1000);
  assert.equal(listeners.addresses.length, 1);
  assert.deepEqual(log.lines, ["Cannot listen, trying again", "Listening at last"]);
  await listeners.close();
  assert.deepEqual(listeners.addresses, []);
});

Deno.test("one listener on every address takes IPv4, and IPv6 where it exists", async () => {
  const { listeners, accepted } = make(0);
  listeners.listenEverywhere();
  const port = listeners.port ?? 0;
  const v4 = await Deno.connect({ hostname: "127.0.0.1", port });
  await eventually(() => accepted.length === 1, "IPv4 is accepted");
  assert.ok(listeners.addresses.every((address) => /^(\[::\]|0\.0\.0\.0):\d+$/.test(address)));
  v4.close();
  accepted.pop()?.close();
  await listeners.close();
});

Deno.test("a port that another has on one of the two families is not listened on by halves", async () => {
  for (const hostname of ["0.0.0.0", "127.0.0.1"]) {
    const other = Deno.listen({ hostname, port: 0 });
    const { listeners } = make(other.addr.port);
    assert.throws(() => listeners.listenEverywhere(), BalancerError);
    assert.deepEqual(listeners.addresses, []);
    await listeners.close();
    other.close();
  }
});

Deno.test("who comes above the limit is closed when the listener is", async () => {
  const { listeners, accepted, log } = make(0);
  listeners.bind("127.0.0.1");
  const port = listeners.port ?? 0;
  const first = await Deno.connect({ hostname: "127.0.0.1", port });
  const second = await Deno.connect({ hostname: "127.0.0.1", port });
  await eventually(() => log.lines.length > 0, "the limit is noticed");
  assert.deepEqual(log.lines, ["The limit of connections is reached"]);
  await listeners.close();
  assert.equal(await second.read(new Uint8Array(1)), null);
  assert.equal(accepted.length, 1);
  for (const conn of [first, second, ...accepted]) conn.close();
});

Deno.test("accepting goes on after an error, with a growing pause", async () => {
  const { listeners, clock, accepted, log } = make(0);
  const original = Deno.listen;
  let failures = 3;
  const failing = (options: Deno.ListenOptions & { port: number }): Deno.TcpListener => {
    const listener = original(options) as Deno.TcpListener;
    const accept = listener.accept.bind(listener);
    listener.accept = () => failures-- > 0 ? Promise.reject(new Error("Too many open files")) : accept();
    return listener;
  };
  Object.assign(Deno, { listen: failing });
  try {
    listeners.bind("127.0.0.1");
  } finally {
    Object.assign(Deno, { listen: original });
  }
  for (const pauseMs of [5, 10, 20]) {
    await eventually(() => clock.pending === 1, "a pause");
    clock.advance(pauseMs - 1);
    assert.equal(clock.pending, 1, `not before ${pauseMs} ms`);
    clock.advance(1);
  }
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listeners.port ?? 0 });
  await eventually(() => accepted.length === 1, "accepting again");
  assert.deepEqual(log.lines, ["Cannot accept connections"], "said once");
  conn.close();
  accepted[0]?.close();
  await listeners.close();
});

/** Connects and resets before anybody can take the connection. */
function comeAndGo(port: number): void {
  const ip = parseIp("127.0.0.1");
  assert.ok(ip);
  const to = internetAddress(ip, port);
  const fd = openSocket(Family.INET, SocketType.STREAM, 0);
  libc.connect(fd, to, to.length);
  abortStream(fd);
}

Deno.test("clients that go before they are taken keep nobody waiting", async () => {
  const { listeners, clock, log, accepted } = make(0);
  listeners.bind("127.0.0.1");
  const port = listeners.port ?? 0;
  for (let n = 0; n < 20; n++) comeAndGo(port);
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  await eventually(() => accepted.some(({ remoteAddr }) => remoteAddr.port === client.localAddr.port), "it is taken");
  assert.equal(clock.pending, 0, "without a pause");
  assert.deepEqual(log.lines, []);
  client.close();
  for (const conn of accepted) conn.close();
  await listeners.close();
});

Deno.test("a write to a client that reads slowly is seen to come further", async () => {
  const { listeners, accepted } = make(0);
  listeners.bind("127.0.0.1");
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listeners.port ?? 0 });
  await eventually(() => accepted.length === 1, "it is accepted");
  const { port } = client.localAddr;
  const served = [...openDescriptors()].find((fd) => remoteEndpoint(fd)?.port === port);
  assert.ok(served !== undefined);
  const TCP_NOTSENT_LOWAT = 25;
  assert.equal(getOption(served, 6, TCP_NOTSENT_LOWAT), 128 * 1024);
  for (const one of [client, ...accepted]) one.close();
  await listeners.close();
});
