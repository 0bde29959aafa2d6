import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { configure, reset } from "@kube-vip/log";
import { TransportError, UdpTransport } from "../../../mod/election/raft/udp_transport.ts";
import type { Endpoint, UdpCounters } from "../../../mod/election/raft/udp_transport.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { Poller } from "../../../mod/linux/poller.ts";
import { RouteSocket } from "../../../mod/linux/rtnetlink.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { VirtualClock } from "../../fakes/clock.ts";

const PEER: Endpoint = { id: "b", address: "127.0.0.1", port: 9 };

/** Of each transport that was made here. */
const pollers = new WeakMap<UdpTransport, Poller>();

function transport(
  local: Partial<Endpoint>,
  parts: { peers?: Endpoint[]; secret?: string; clock?: VirtualClock } = {},
): UdpTransport {
  const poller = new Poller((error) => assert.fail(String(error)));
  const made = new UdpTransport({
    local: { id: "a", address: "127.0.0.1", port: 0, ...local },
    peers: parts.peers ?? [PEER],
    secret: parts.secret ?? "s3cret",
    clusterId: "test",
    clock: parts.clock ?? systemClock,
    poller,
  });
  pollers.set(made, poller);
  return made;
}

/** Stops it, and waits until nothing of it is pending. */
async function stop(transport: UdpTransport): Promise<void> {
  await transport.stop();
  await pollers.get(transport)?.close();
}

/** A plain socket of this host. */
function stranger(): Promise<Socket> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => socket.bind(0, "127.0.0.1", () => resolve(socket)));
}

/** Sends and waits until the counters of the receiver have changed. */
async function expectChange(
  receiver: UdpTransport,
  { act, seen }: { act: () => void; seen: (counters: UdpCounters) => boolean },
): Promise<void> {
  for (let turn = 0; turn < 500 && !seen(receiver.counters()); turn++) {
    act();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert(seen(receiver.counters()), JSON.stringify(receiver.counters()));
}

Deno.test("what strangers send is counted and goes no further", async () => {
  const receiver = transport({});
  let got = 0;
  receiver.onReceive = () => void got++;
  await receiver.start();
  const socket = await stranger();
  const garbage = crypto.getRandomValues(new Uint8Array(100));
  await expectChange(receiver, {
    act: () => socket.send(garbage, receiver.port ?? 0, "127.0.0.1"),
    seen: (counters) => (counters.dropped.malformed ?? 0) > 2,
  });
  socket.close();
  await stop(receiver);
  assert.equal(got, 0);
});

Deno.test("what was sent right before the stop still leaves", async () => {
  const peer = await stranger();
  let got = 0;
  peer.on("message", () => void got++);
  const rounds = 20;
  for (let round = 0; round < rounds; round++) {
    const sender = transport({}, { peers: [{ ...PEER, port: peer.address().port }] });
    await sender.start(); // greets the peer
    await stop(sender);
    assert.equal(sender.counters().sent, 1);
  }
  for (let turn = 0; turn < 500 && got < rounds; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  peer.close();
  assert.equal(got, rounds);
});

Deno.test("a peer with a wrong secret is logged once, counted, and never heard", async () => {
  const lines: string[] = [];
  await configure({
    sinks: { memory: (record) => void lines.push(`${record.message.join("")} ${JSON.stringify(record.properties)}`) },
    loggers: [{ category: ["kube-vip"], sinks: ["memory"] }, { category: ["logtape", "meta"], sinks: [] }],
  });
  const receiver = transport({});
  await receiver.start();
  const local = { id: "b", port: 0 };
  const wrong = transport(local, {
    peers: [{ id: "a", address: "127.0.0.1", port: receiver.port ?? 0 }],
    secret: "wrong",
  });
  await wrong.start();
  await expectChange(receiver, {
    act: () => wrong.send("a", Uint8Array.of(1)),
    seen: (counters) => (counters.dropped["bad-mac"] ?? 0) > 2,
  });
  await stop(wrong);
  await stop(receiver);
  await reset();
  const about = lines.filter((line) => line.includes("wrong authentication code"));
  assert.deepEqual(about.length, 1, lines.join("\n"));
  assert.match(about[0] ?? "", /"peer":"b"/);
  assert(!lines.join().includes("s3cret"));
  assert.equal(receiver.counters().received, 0);
  assert.deepEqual(receiver.rejected(), ["b"]);
});

Deno.test("a datagram the system refuses to send is counted by its error", async () => {
  const sender = transport({}, { peers: [{ id: "b", address: "203.0.113.1", port: 9 }] });
  await sender.start();
  await expectChange(sender, {
    act: () => sender.send("b", Uint8Array.of(1)),
    seen: ({ notSent }) => Object.keys(notSent).some((why) => why !== "unproven"),
  });
  await stop(sender);
});

Deno.test("a port in use is an error that names the setting", async () => {
  const first = transport({});
  await first.start();
  const second = transport({ port: first.port ?? 0 });
  await assert.rejects(
    second.start(),
    (error) => error instanceof TransportError && /bind localPeer 127.0.0.1 port [0-9]+/.test(error.message),
  );
  await stop(second);
  await stop(first);
});

Deno.test("an address that is not there yet is waited for, with growing pauses, until stopped", async () => {
  const clock = new VirtualClock();
  const waiting = transport({ address: "203.0.113.7", port: 10_000 }, { clock });
  await waiting.start();
  assert.equal(clock.pending, 1);
  waiting.send("b", Uint8Array.of(1));
  await stop(waiting);
  assert.equal(clock.pending, 0);
  assert.equal(waiting.port, null);
});

const isRoot = Deno.uid() === 0;

Deno.test({
  name: "an address that comes later is bound then",
  ignore: !isRoot,
  fn: async () => {
    const script = new URL("./late_address.ts", import.meta.url).pathname;
    const command = new Deno.Command("unshare", {
      args: ["-n", Deno.execPath(), "run", "-A", script],
      stderr: "inherit",
    });
    const { success, stdout } = await command.output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "waiting, bound");
    assert(success);
  },
});

Deno.test({
  name: "the socket belongs to the namespace that is current when start() is called",
  ignore: !isRoot,
  fn: async () => {
    const namespace = Namespace.create();
    const inside = transport({ address: "127.0.0.1", port: 10_000 });
    const routes = namespace.run(() => new RouteSocket());
    routes.setUp(routes.linkByName("lo")?.index ?? 0);
    const started = namespace.run(() => ({ started: inside.start() })).started;
    await started;
    assert.equal(inside.port, 10_000);
    const outside = transport({ address: "127.0.0.1", port: 10_000 });
    await outside.start();
    for (const each of [inside, outside]) await stop(each);
    routes.close();
    namespace.close();
  },
});

Deno.test("a peer that is somewhere else from now on is spoken to there, in the same session", async () => {
  const a = transport({});
  const b = transport({ id: "b" }, { peers: [{ id: "a", address: "127.0.0.1", port: 9 }] });
  await Promise.all([a.start(), b.start()]);
  const heard: string[] = [];
  for (const [name, one] of [["a", a], ["b", b]] as const) {
    one.onReceive = (from, payload) => void heard.push(`${name} hears ${from}: ${String.fromCharCode(...payload)}`);
  }
  const at = (one: UdpTransport, id: string): Endpoint => ({ id, address: "127.0.0.1", port: one.port ?? 0 });
  a.readdress([at(b, "b")]);
  b.readdress([at(a, "a")]);
  await expectChange(b, { act: () => a.send("b", new Uint8Array([49])), seen: ({ received }) => received > 0 });
  await expectChange(a, { act: () => b.send("a", new Uint8Array([50])), seen: ({ received }) => received > 0 });
  assert.deepEqual([...new Set(heard)].sort(), ["a hears b: 2", "b hears a: 1"]);
  a.readdress([PEER]);
  a.send("b", new Uint8Array([51]));
  a.readdress([at(b, "b")]);
  const hasLast = (): boolean => heard.includes("b hears a: 4");
  await expectChange(b, { act: () => a.send("b", new Uint8Array([52])), seen: hasLast });
  assert.ok(!heard.includes("b hears a: 3"), "that went to the place of then");
  assert.throws(() => a.readdress([{ ...PEER, id: "c" }]), /members stay the same/);
  await Promise.all([stop(a), stop(b)]);
});
