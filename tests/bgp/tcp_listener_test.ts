import assert from "node:assert/strict";
import { type ListenerOwner, TcpListener } from "../../mod/bgp/tcp_listener.ts";
import type { Incoming } from "../../mod/bgp/transport.ts";
import { Errno } from "../../mod/linux/errno.ts";
import { tryAccept } from "../../mod/linux/tcp_socket.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { Recorder, type Side, until, withSide } from "./tcp_ends.ts";

/** Long enough for two handshakes on the loopback and for the first time that a SYN is sent again. */
const SILENCE_MS = 300;

for (const ip of ["127.0.0.1", "::1"]) {
  const keys = [{ ip, password: "the right key" }];

  Deno.test(`TCP-MD5 over ${ip}: both have the key, so words go both ways`, () =>
    withSide(async (side) => {
      const { listener, arrivals } = side.listen({ keys });
      const near = side.connect(ip, listener.port, { password: "the right key" });
      near.connection.send(Uint8Array.of(1));
      await until(() => arrivals[0]?.events.bytes === 1, "the word");
      arrivals[0]?.connection.send(Uint8Array.of(2));
      await until(() => near.events.bytes === 1, "the answer");
    }));

  Deno.test(`TCP-MD5 over ${ip}: a wrong or missing key gets no answer at all`, () =>
    withSide(async (side) => {
      const { listener, arrivals } = side.listen({ keys });
      const attempts = ["a wrong key", null].map((password) => side.connect(ip, listener.port, { password }));
      await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
      assert.deepEqual([arrivals.length, ...attempts.map(({ events }) => events.calls)], [0, [], []]);
    }));

  Deno.test(`TCP-MD5 over ${ip}: a key where none is expected gets no answer either`, () =>
    withSide(async (side) => {
      const { listener, arrivals } = side.listen({ keys: [{ ip: "192.0.2.1", password: "of another" }] });
      const { events } = side.connect(ip, listener.port, { password: "the right key" });
      const without = side.connect(ip, listener.port);
      await until(() => without.events.calls.includes("opened") && arrivals.length === 1, "the one without");
      await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
      assert.deepEqual([arrivals.length, events.calls], [1, []]);
    }));

  Deno.test(`TTL security over ${ip}: enough hops left, so words go both ways`, () =>
    withSide(async (side) => {
      const { listener, arrivals } = side.listen({ ttl: 255, minTtl: 254 });
      const near = side.connect(ip, listener.port, { ttl: 255, minTtl: 255 });
      near.connection.send(Uint8Array.of(1));
      await until(() => arrivals[0]?.events.bytes === 1, "the word");
      arrivals[0]?.connection.send(Uint8Array.of(2));
      await until(() => near.events.bytes === 1, "the answer");
    }));

  Deno.test(`TTL security over ${ip}: who comes from too far away is refused, whatever it has sent already`, () =>
    withSide(async (side) => {
      const { listener, arrivals } = side.listen({ ttl: 255, minTtl: 254 });
      const near = side.connect(ip, listener.port, { ttl: 253 });
      near.connection.send(Uint8Array.of(1));
      assert.equal(await near.events.end(), "connection reset by the peer");
      assert.equal(
        await arrivals[0]?.events.end(),
        "from too far away: its TTL is 253, wanted at least 254",
      );
      assert.equal(arrivals[0]?.events.bytes, 0);
    }));

  Deno.test(`TTL security over ${ip}: what comes later from too far away is dropped by the kernel`, () =>
    withSide(async (side) => {
      const { listener, arrivals } = side.listen({ ttl: 10 });
      const near = side.connect(ip, listener.port, { ttl: 255, minTtl: 200 });
      await until(() => arrivals.length === 1 && near.events.calls.includes("opened"), "the connection");
      // The SYN-ACK came with 255, as the listener sends; what is accepted sends with 10.
      arrivals[0]?.connection.send(Uint8Array.of(1));
      await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
      assert.deepEqual([near.events.bytes, near.events.calls], [0, ["opened"]]);
    }));
}

Deno.test("IPv4 and IPv6 peers may have different keys at one listener", () =>
  withSide(async (side) => {
    const keys = [{ ip: "127.0.0.1", password: "four" }, { ip: "::1", password: "six" }];
    const { listener, arrivals } = side.listen({ keys });
    for (const { ip, password } of keys) side.connect(ip, listener.port, { password });
    await until(() => arrivals.length === 2, "both");
    assert.deepEqual(arrivals.map(({ incoming }) => incoming.remoteIp).sort(), ["127.0.0.1", "::1"]);
  }));

Deno.test("a key that cannot be is a reason in words, without the key", () =>
  withSide((side) => {
    assert.throws(() => side.listen({ keys: [{ ip: "127.0.0.1", password: "secret".repeat(20) }] }), (error) => {
      assert.ok(error instanceof Error);
      return error.message ===
        "Cannot listen for BGP: Cannot set TCP-MD5 key for 127.0.0.1: EINVAL (a key of 120 bytes, wanted 1 to 80)";
    });
    return Promise.resolve();
  }));

Deno.test("an incoming connection can be taken once", () =>
  withSide(async (side) => {
    const events = [new Recorder(), new Recorder()] as const;
    const take = (incoming: Incoming, index: 0 | 1): void =>
      void incoming.accept(events[index], { ttl: 64, minTtl: null });
    const listener = side.transport.listen({
      port: 0,
      keys: [],
      onIncoming: (incoming) => {
        take(incoming, 0);
        take(incoming, 1);
      },
      onError: (why) => assert.fail(why),
    });
    const near = side.connect("127.0.0.1", listener.port);
    near.connection.send(Uint8Array.of(1));
    assert.equal(await events[1].end(), "the connection was not taken in time");
    await until(() => events[0].bytes === 1, "the word");
  }));

Deno.test("settings that the kernel does not take end the connection with the reason", () =>
  withSide(async (side) => {
    const { listener, arrivals } = side.listen({ ttl: 300 });
    const near = side.connect("127.0.0.1", listener.port);
    assert.equal(await near.events.end(), "connection reset by the peer");
    assert.equal(await arrivals[0]?.events.end(), "Cannot set socket option 0/2: EINVAL");
  }));

Deno.test("200 connections at once are all offered", () =>
  withSide(async (side) => {
    const { listener, arrivals } = side.listen();
    for (let i = 0; i < 100; i++) for (const ip of ["127.0.0.1", "::1"]) side.connect(ip, listener.port);
    await until(() => arrivals.length === 200, "all");
  }));

/** A listener whose kernel says this when somebody connects, as long as it is not null. */
function failing(side: Side, clock: VirtualClock, failure: { errno: number | null }): {
  listener: TcpListener;
  calls: string[];
} {
  const calls: string[] = [];
  const owner: ListenerOwner = {
    poller: side.poller,
    clock,
    accept: (fd) => {
      calls.push("accept");
      return failure.errno === null ? tryAccept(fd) : -failure.errno;
    },
    made: () => {},
    gone: () => {},
    left: () => calls.push("left"),
  };
  const onIncoming = (incoming: Incoming): void => void calls.push(`incoming ${incoming.remoteIp}`);
  const onError = (why: string): void => void calls.push(`error: ${why}`);
  return { listener: new TcpListener({ port: 0, keys: [], onIncoming, onError }, owner), calls };
}

for (const errno of [Errno.EMFILE, Errno.ENFILE, Errno.ENOBUFS, Errno.ENOMEM]) {
  Deno.test(`without descriptors or memory (${errno}) the listener rests for a second, and loses nobody`, () =>
    withSide(async (side) => {
      const clock = new VirtualClock();
      const failure: { errno: number | null } = { errno };
      const { listener, calls } = failing(side, clock, failure);
      side.connect("127.0.0.1", listener.port);
      await until(() => clock.pending === 1, "the pause");
      await side.poller.released();
      assert.deepEqual(calls, ["accept"]);
      failure.errno = null;
      clock.advance(999);
      await side.poller.released();
      assert.deepEqual(calls, ["accept"]);
      clock.advance(1);
      await until(() => calls.includes("incoming 127.0.0.1"), "the connection");
      failure.errno = errno;
      side.connect("::1", listener.port);
      await until(() => clock.pending === 1, "the next pause");
      await listener.close();
      assert.equal(clock.pending, 0);
    }));
}

Deno.test("an error of one connection is passed over; a socket that is no good is told, and listened on no more", () =>
  withSide(async (side) => {
    const clock = new VirtualClock();
    const failure: { errno: number | null } = { errno: Errno.ECONNABORTED };
    const { listener, calls } = failing(side, clock, failure);
    side.connect("127.0.0.1", listener.port);
    await until(() => calls.length > 64, "more than one turn");
    failure.errno = Errno.EINVAL;
    await until(() => calls.at(-1) !== "accept", "the error");
    assert.equal(calls.at(-1), "error: EINVAL from the kernel");
    const { events } = side.connect("127.0.0.1", listener.port);
    assert.equal(await events.end(), "connection refused");
    await listener.close();
    assert.equal(calls.at(-1), "left");
  }));
