import assert from "node:assert/strict";
import type { Clock, Timer } from "../../mod/base/clock.ts";
import { Channel, QUEUE_LIMIT_BYTES } from "../../mod/bgp/channel.ts";
import type { ChannelEnd, ChannelOwner } from "../../mod/bgp/channel_types.ts";
import type { Connection, ConnectionEvents } from "../../mod/bgp/transport.ts";
import { encodeMessage } from "../../mod/net/bgp/message.ts";
import { negotiate, ownOpen } from "../../mod/bgp/negotiation.ts";
import { seededRandom } from "../fakes/random.ts";
import { finish, KEEPALIVE, NODE, peerConfig, ROUTER, routerOpen, SEED, upPair } from "./session_kit.ts";

/** Time that jumps, as for a process that was stopped: what fell due meanwhile fires late. */
class JumpingClock implements Clock {
  #nowMs = 1000;
  readonly timers = new Map<object, { readonly atMs: number; readonly fire: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const timer = { cancel: (): void => void this.timers.delete(timer) };
    this.timers.set(timer, { atMs: this.#nowMs + delayMs, fire });
    return timer;
  }

  jump(ms: number): void {
    this.#nowMs += ms;
    for (const [timer, { atMs, fire }] of [...this.timers]) {
      if (atMs <= this.#nowMs && this.timers.delete(timer)) fire();
    }
  }
}

/** A connection that takes everything. */
class Sink implements Connection {
  readonly localIp = NODE;
  readonly remoteIp = ROUTER;
  queuedBytes = 0;
  readonly calls: string[] = [];

  send(bytes: Uint8Array): void {
    this.calls.push(`type ${bytes[18]}`);
  }

  close(): void {
    this.calls.push("close");
  }

  abort(): void {
    this.calls.push("abort");
  }
}

interface Bench {
  readonly clock: JumpingClock;
  readonly channel: Channel;
  readonly sink: Sink;
  readonly ends: ChannelEnd[];
  readonly events: ConnectionEvents;
}

/** A channel that is established over a sink. */
function upBench(): Bench {
  const clock = new JumpingClock();
  const sink = new Sink();
  const ends: ChannelEnd[] = [];
  const speaker = {
    as: 65000,
    routerId: "10.0.0.1",
    gracefulRestartMs: null,
    restarting: false,
    forwarding: true,
    peer: peerConfig(),
  };
  const facts = { ...speaker, localIp: NODE, remoteIp: ROUTER };
  const owner: ChannelOwner = {
    connect: (channel) => channel.attach(sink),
    noAnswer: () => {},
    open: () => ownOpen(facts),
    judge: (_, open) => negotiate(facts, open),
    established: () => {},
    received: () => {},
    malformed: () => {},
    changed: () => {},
    ended: (_, end) => void ends.push(end),
    closing: () => {},
  };
  const channel = new Channel({ initiator: "us", passive: false, clock, random: seededRandom(SEED), owner });
  channel.start();
  const events = channel.events();
  events.opened();
  events.received(routerOpen());
  events.received(KEEPALIVE);
  assert.equal(channel.state, "established");
  return { clock, channel, sink, ends, events };
}

Deno.test("a process that stood still reads what has come meanwhile before it calls the peer silent", () => {
  const { clock, channel, events, sink } = upBench();
  clock.jump(20_000);
  assert.equal(channel.state, "established");
  events.received(KEEPALIVE);
  clock.jump(60);
  assert.equal(channel.state, "established");
  assert.equal(sink.calls.at(-1), "type 4", "and says that it is there itself");
});

Deno.test("and if nothing has come, the hold timer has its way", () => {
  const { clock, channel, ends, sink } = upBench();
  clock.jump(20_000);
  clock.jump(60);
  assert.equal(channel.state, "idle");
  assert.equal(ends[0]?.why, "hold timer expired: nothing was heard of the peer");
  assert.deepEqual(sink.calls.slice(-2), ["type 3", "close"]);
  assert.equal(clock.timers.size, 0);
});

Deno.test("what is sent or half a message that comes meanwhile does not cut that time short", () => {
  const { clock, channel, events } = upBench();
  clock.jump(20_000);
  channel.send([KEEPALIVE]);
  events.received(KEEPALIVE.subarray(0, 5));
  clock.jump(10);
  assert.equal(channel.state, "established");
  events.received(KEEPALIVE.subarray(5));
  clock.jump(50);
  assert.equal(channel.state, "established");
});

Deno.test("a short pause at the end of the hold time counts, too", () => {
  const { clock, channel, events } = upBench();
  for (let ms = 0; ms < 8800; ms += 10) clock.jump(10);
  clock.jump(300);
  assert.equal(channel.state, "established");
  events.received(KEEPALIVE);
  clock.jump(60);
  assert.equal(channel.state, "established");
});

Deno.test("events of a connection that is gone are not heard", () => {
  const { channel, events, ends } = upBench();
  channel.forget("a test");
  channel.start();
  events.received(KEEPALIVE);
  events.closed("late");
  events.opened();
  assert.deepEqual([channel.state, ends.length], ["connect", 1]);
  channel.yieldToOther();
});

Deno.test("what arrives after the end, in the same bytes, is not looked at", () => {
  const { events, sink, ends } = upBench();
  const calls = sink.calls.length;
  events.received(Uint8Array.of(...routerOpen(), ...KEEPALIVE, ...routerOpen()));
  assert.deepEqual(sink.calls.slice(calls), ["type 3", "close"]);
  assert.equal(ends.length, 1);
});

Deno.test("keepalives go out every 0.75 to 1.0 of their time, however busy the connection is", async () => {
  const both = upPair();
  const { clock, router, node } = both;
  const heardAt: number[] = [];
  for (let count = 2; heardAt.length < 60; clock.advance(1)) {
    if (clock.now() % 500 === 0) router.wire.say(KEEPALIVE);
    if (router.wire.heard.length === count) continue;
    count = router.wire.heard.length;
    heardAt.push(clock.now());
  }
  const gaps = heardAt.slice(1).map((atMs, index) => atMs - (heardAt[index] ?? 0));
  for (const gapMs of gaps) assert(gapMs >= 2249 && gapMs <= 3002, `seed ${SEED}: ${gapMs} ms`);
  assert(Math.max(...gaps) - Math.min(...gaps) > 400, `seed ${SEED}: no jitter`);
  assert.equal(node.state, "established");
  await finish(both);
});

Deno.test("a peer that is silent for the hold time is let go with 4/0, and not a moment earlier", async () => {
  const both = upPair();
  both.clock.advance(8990);
  assert.equal(both.node.state, "established");
  both.clock.advance(20);
  assert.deepEqual(both.node.ends, [{ why: "hold timer expired: nothing was heard of the peer", routes: "dropped" }]);
  assert.equal(both.router.wires[0]?.kinds.at(-1), "notification 4/0");
  await finish(both);
});

Deno.test("without a hold time silence lasts for ever", async () => {
  const both = upPair({}, routerOpen({ holdTimeS: 0 }));
  both.clock.advance(3_600_000);
  assert.deepEqual([both.node.state, both.router.wire.kinds.length, both.clock.pending], ["established", 2, 0]);
  await finish(both);
});

Deno.test("a peer without an OPEN is let go after four minutes", async () => {
  const both = upPair({ listens: true, peer: { passive: false } });
  const second = both.router.connect();
  for (let i = 0; i < 60; i += 1) {
    both.clock.advance(3999);
    both.router.wires[0]?.say(KEEPALIVE);
  }
  assert.deepEqual(second.kinds, ["open"]);
  both.clock.advance(200);
  assert.deepEqual(second.kinds, ["open", "notification 4/0"]);
  assert.equal(both.node.state, "established");
  await finish(both);
});

Deno.test("a peer that takes nothing for the hold time, and half a minute, is let go (RFC 9687)", async () => {
  const both = upPair();
  const { clock, network, node, router } = both;
  network.deaf.add(ROUTER);
  node.session.send([encodeMessage("update", [0, 0, 0, 0])]);
  assert.equal(node.session.queuedBytes, 23);
  for (let i = 0; i < 29; i += 1) {
    clock.advance(1000);
    router.wire.say(KEEPALIVE);
  }
  assert.equal(node.state, "established");
  clock.advance(1100);
  assert.deepEqual(node.ends, [{ why: "the peer has taken no bytes for too long", routes: "dropped" }]);
  await finish(both);
});

Deno.test("a queue of more than four mebibytes ends the session with Cease/8", async () => {
  const both = upPair();
  both.network.deaf.add(ROUTER);
  const message = encodeMessage("update", new Uint8Array(4000));
  const fits = Math.ceil(QUEUE_LIMIT_BYTES / message.length);
  both.node.session.send(new Array<Uint8Array>(fits).fill(message));
  assert.equal(both.node.state, "established");
  both.node.session.send([message, message]);
  assert.equal(both.node.ends.length, 1);
  assert.match(both.node.ends[0]?.why ?? "", /^the peer takes routes too slowly: 419\d{4} bytes wait$/);
  both.node.session.send([message]);
  assert.equal(both.node.session.queuedBytes, 0);
  await finish(both);
});
