import assert from "node:assert/strict";
import { Door } from "../../mod/bgp/door.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeTransport, recordedLog, turn } from "./speaker_kit.ts";

function kit(): { door: Door; transport: FakeTransport; clock: VirtualClock; lines: string[]; came: string[] } {
  const transport = new FakeTransport();
  const clock = new VirtualClock();
  const { log, lines } = recordedLog();
  const came: string[] = [];
  const onIncoming = ({ remoteIp }: { remoteIp: string }): void => void came.push(remoteIp);
  return { door: new Door({ transport, clock, log, onIncoming }), transport, clock, lines, came };
}

Deno.test("the door opens, tells who comes, and closes", async () => {
  const { door, transport, clock, came } = kit();
  await door.set({ port: 0, keys: [] });
  assert.equal(door.port, 40179);
  transport.incoming("10.0.0.2");
  assert.deepEqual(came, ["10.0.0.2"]);
  await door.set(null);
  assert.equal(door.port, null);
  assert.equal(transport.open, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("it is opened anew when its port or its keys are others, and only then", async () => {
  const { door, transport } = kit();
  await door.set({ port: 179, keys: [] });
  await door.set({ port: 179, keys: [] });
  assert.equal(transport.requests.length, 1);
  await door.set({ port: 179, keys: [{ ip: "10.0.0.2", password: "p" }] });
  await door.set({ port: 1179, keys: [{ ip: "10.0.0.2", password: "p" }] });
  assert.deepEqual(transport.requests.map(({ port, keys }) => [port, keys.length]), [[179, 0], [179, 1], [1179, 1]]);
  assert.equal(transport.open, 1);
  await door.set(null);
});

Deno.test("a port that cannot be had is told of once and tried again", async () => {
  const { door, transport, clock, lines } = kit();
  transport.error = new Error("the port is taken");
  await door.set({ port: 179, keys: [] });
  clock.advance(5000);
  await turn();
  clock.advance(5000);
  await turn();
  assert.equal(lines.filter((line) => line.includes("the port is taken")).length, 1);
  transport.error = null;
  clock.advance(5000);
  await turn();
  assert.equal(door.port, 179);
  await door.set(null);
  assert.equal(clock.pending, 0);
});

Deno.test("a listener that breaks is replaced", async () => {
  const { door, transport, clock } = kit();
  await door.set({ port: 179, keys: [] });
  transport.requests[0]?.onError("out of descriptors");
  await turn();
  assert.equal(door.port, null);
  clock.advance(5000);
  await turn();
  assert.equal(door.port, 179);
  assert.equal(transport.open, 1);
  transport.requests[0]?.onError("an old one");
  await turn();
  assert.equal(door.port, 179);
  await door.set(null);
  assert.equal(clock.pending, 0);
});

Deno.test("wishes that follow each other leave one listener, or none", async () => {
  const { door, transport, clock } = kit();
  void door.set({ port: 179, keys: [] });
  void door.set({ port: 1179, keys: [] });
  await door.set({ port: 2179, keys: [] });
  assert.equal(door.port, 2179);
  void door.set({ port: 179, keys: [] });
  await door.set(null);
  assert.equal(transport.open, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("the keys that count are those of the socket that is listened on", async () => {
  const { door, transport, clock } = kit();
  const keys = [{ ip: "10.0.0.2", password: "p" }];
  assert.equal(door.hasKey("10.0.0.2"), false);
  await door.set({ port: 179, keys });
  assert.deepEqual([door.hasKey("10.0.0.2"), door.hasKey("10.0.0.3")], [true, false]);
  transport.error = new Error("the port is in use");
  await door.set({ port: 1179, keys });
  assert.equal(door.hasKey("10.0.0.2"), false);
  await door.set(null);
  assert.equal(clock.pending, 0);
});
