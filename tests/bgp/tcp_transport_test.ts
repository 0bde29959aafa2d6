import assert from "node:assert/strict";
import { localEndpoint, remoteEndpoint } from "../../mod/linux/socket.ts";
import { connected, Recorder, requestTo, Side, until, withSide } from "./tcp_ends.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Sockets of this process with one of these ports at one of their ends: other tests run in it at the same time. */
function socketsOf(...ports: readonly number[]): number {
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name));
  return descriptors.filter((fd) => {
    const ends = [localEndpoint(fd), remoteEndpoint(fd)];
    return ends.some((end) => end !== null && ports.includes(end.port));
  }).length;
}

for (const ip of ["127.0.0.1", "::1"]) {
  Deno.test(`both ends of a connection over ${ip} are told their addresses and what the other says`, () =>
    withSide(async (side) => {
      const { near, far } = await connected(side, ip);
      assert.deepEqual([near.connection.localIp, near.connection.remoteIp], [ip, ip]);
      assert.deepEqual([far.connection.localIp, far.connection.remoteIp], [ip, ip]);
      assert.deepEqual([far.incoming.localIp, far.incoming.remoteIp, far.incoming.interface], [ip, ip, null]);
      near.connection.send(text("to the "));
      near.connection.send(text("far end"));
      far.connection.send(text("to the near end"));
      await until(() => far.events.text.length === 14 && near.events.text.length === 15, "the words");
      assert.deepEqual([far.events.text, near.events.text], ["to the far end", "to the near end"]);
      assert.deepEqual([near.events.calls, far.events.calls], [["opened"], []]);
    }));
}

Deno.test("the port that was asked for as 0 is the same for IPv4 and IPv6, and free again after close()", () =>
  withSide(async (side) => {
    const { listener, arrivals } = side.listen();
    side.connect("127.0.0.1", listener.port);
    side.connect("::1", listener.port);
    await until(() => arrivals.length === 2, "both");
    assert.deepEqual(arrivals.map(({ incoming }) => incoming.remoteIp).sort(), ["127.0.0.1", "::1"]);
    const request = { port: listener.port, keys: [], onIncoming: () => {}, onError: () => {} };
    assert.throws(() => side.transport.listen(request), {
      message: `Cannot listen for BGP: 0.0.0.0 port ${listener.port} is in use`,
    });
    await listener.close();
    await listener.close();
    assert.equal(side.transport.listen(request).port, listener.port);
  }));

Deno.test("connect() does not throw: what cannot be is told in a later turn, once", () =>
  withSide(async (side) => {
    const { listener } = side.listen();
    await listener.close();
    const cases = [
      [requestTo("127.0.0.1", listener.port), "connection refused"],
      [requestTo("::1", listener.port), "connection refused"],
      [requestTo("127.0.0.1", 1, { sourceIp: "203.0.113.9" }), "203.0.113.9 is not an address of this machine"],
      [requestTo("127.0.0.1", 1, { sourceIp: "::1" }), "Cannot bind ::1: EAFNOSUPPORT (the peer's address is IPv4)"],
      [requestTo("fe80::1", 1, { interface: "nothing0" }), "no interface nothing0"],
      [requestTo("fe80::1", 1, { interface: "a-name-that-is-too-long" }), "no interface a-name-that-is-too-long"],
      [requestTo("127.0.0.1", 1, { interface: "nothing0", bindToInterface: true }), "no interface nothing0"],
      [requestTo("router", 1), "Cannot parse IP address router: EINVAL"],
      [requestTo("fe80::1", 1), "Cannot connect to [fe80::1]:1: EINVAL"],
    ] as const;
    for (const [request, why] of cases) {
      const events = new Recorder();
      const connection = side.transport.connect(request, events);
      assert.deepEqual(events.calls, []);
      connection.send(text("lost"));
      assert.equal(await events.end(), why);
      assert.deepEqual([events.calls.length, connection.localIp, connection.queuedBytes], [1, null, 0]);
      connection.close(10);
      connection.abort();
    }
  }));

Deno.test("what was sent while the connection came up arrives first", () =>
  withSide(async (side) => {
    const { listener, arrivals } = side.listen();
    const { connection } = side.connect("127.0.0.1", listener.port);
    connection.send(text("early, "));
    connection.send(text("later"));
    await until(() => arrivals[0]?.events.text === "early, later", "the words");
    assert.equal(connection.queuedBytes, 0);
  }));

Deno.test("an incoming connection that nobody takes in the same turn is reset", () =>
  withSide(async (side) => {
    let late: (() => string[]) | null = null;
    const listener = side.transport.listen({
      port: 0,
      keys: [],
      onIncoming: (incoming) => {
        late = () => {
          const events = new Recorder();
          incoming.accept(events, { ttl: 64, minTtl: null });
          return events.calls;
        };
      },
      onError: (why) => assert.fail(why),
    });
    const { events } = side.connect("127.0.0.1", listener.port);
    assert.equal(await events.end(), "connection reset by the peer");
    const calls = (late as (() => string[]) | null)?.() ?? assert.fail();
    await until(() => calls.length === 1, "the answer");
    assert.deepEqual(calls, ["closed: the connection was not taken in time"]);
  }));

Deno.test("close() sends all that waits and then FIN, and tells its own side nothing more", () =>
  withSide(async (side) => {
    const { near, far } = await connected(side);
    const size = 5 * 1024 * 1024;
    near.connection.send(new Uint8Array(size));
    assert.ok(near.connection.queuedBytes > 0 && near.connection.queuedBytes < size, "the kernel took a part");
    near.connection.close(10_000);
    near.connection.close(10_000);
    near.connection.send(text("too late"));
    assert.equal(await far.events.end(), "closed by the peer");
    assert.equal(far.events.bytes, size);
    await until(() => side.transport.connections === 0, "the end of both");
    assert.deepEqual(near.events.calls, ["opened"]);
  }));

Deno.test("abort() resets at once, from either end, and throws away what waits", () =>
  withSide(async (side) => {
    for (const end of ["near", "far"] as const) {
      const { near, far, listener } = await connected(side);
      const [one, other] = end === "near" ? [near, far] : [far, near];
      one.connection.send(new Uint8Array(8 * 1024 * 1024));
      one.connection.abort();
      one.connection.abort();
      assert.equal(one.connection.queuedBytes, 0);
      assert.equal(await other.events.end(), "connection reset by the peer");
      assert.ok(!one.events.calls.some((call) => call.startsWith("closed")));
      await listener.close();
    }
  }));

Deno.test("abort() of an attempt that is under way ends it without a word", () =>
  withSide(async (side) => {
    const { listener, arrivals } = side.listen();
    const { connection, events } = side.connect("127.0.0.1", listener.port);
    connection.abort();
    const second = side.connect("127.0.0.1", listener.port);
    await until(() => second.events.calls.includes("opened") && arrivals.length > 0, "the second");
    assert.deepEqual(events.calls, []);
  }));

Deno.test("200 connects that come up, are refused, reset or closed leave no descriptor", () =>
  withSide(async (side) => {
    const { listener, arrivals } = side.listen();
    const gone = side.listen().listener;
    await gone.close();
    const before = socketsOf(listener.port, gone.port);
    for (let round = 0; round < 50; round++) {
      const made = [0, 1, 2].map(() => side.connect("127.0.0.1", listener.port));
      const refused = side.connect("::1", gone.port);
      await until(() => made.every(({ events }) => events.calls.includes("opened")), "three");
      made[0]?.connection.abort();
      made[1]?.connection.close(1000);
      await until(() => arrivals.length === (round + 1) * 3, "arrivals");
      for (const { connection } of arrivals.slice(-3)) connection.close(1000);
      assert.equal(await refused.events.end(), "connection refused");
    }
    await until(() => side.transport.connections === 0, "the end of all");
    // Another thread may have been given the port that is free again, for a while.
    await until(() => socketsOf(listener.port, gone.port) <= before, "the end of their descriptors");
  }));

Deno.test("close() of the transport lets those that are being closed finish, and resets the others", () =>
  withSide(async (other) => {
    const { listener, arrivals } = other.listen();
    const size = 5 * 1024 * 1024;
    const side = new Side();
    const [ending, open] = [0, 1].map(() => side.connect("127.0.0.1", listener.port));
    await until(() => arrivals.length === 2 && open?.events.calls.length === 1, "both");
    ending?.connection.send(new Uint8Array(size));
    open?.connection.send(new Uint8Array(size));
    ending?.connection.close(10_000);
    await side.close();
    const ends = await Promise.all(arrivals.map(async ({ events }) => [await events.end(), events.bytes === size]));
    assert.deepEqual(ends.sort(), [["closed by the peer", true], ["connection reset by the peer", false]]);
  }));
