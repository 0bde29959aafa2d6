import assert from "node:assert/strict";
import { Counters } from "../../../mod/balance/user/counters.ts";
import { Members } from "../../../mod/balance/user/members.ts";
import { tcpConfig } from "../kit.ts";

const CHECKS = {
  type: "tcp",
  path: "/",
  expectMin: 200,
  expectMax: 399,
  intervalMs: 1,
  timeoutMs: 1,
  rise: 1,
  fall: 1,
} as const;

Deno.test("the status is the sum of all threads and of the checks", () => {
  const threads = [Counters.make(2), Counters.make(2)];
  const members = new Members(tcpConfig([1, 2], { health: CHECKS }), threads);
  for (const counters of threads) {
    counters.began(1);
    counters.moved(1, 10);
    counters.failed(1);
  }
  const found = members.checked(1, { ok: false, detail: "refused" });
  assert.deepEqual(found, { place: 1, change: { name: "127.0.0.1:2", state: "down", detail: "refused" } });
  const [first, second] = members.status();
  assert.deepEqual(first, {
    name: "127.0.0.1:1",
    state: "up",
    detail: "",
    connections: 0,
    totalConnections: 0,
    failures: 0,
    bytes: 0,
  });
  assert.deepEqual(second, {
    name: "127.0.0.1:2",
    state: "down",
    detail: "refused",
    connections: 2,
    totalConnections: 2,
    failures: 3,
    bytes: 20,
  });
});

Deno.test("a backend rests while it does in one of the threads; the first and the last are worth a word", () => {
  const threads = [Counters.make(1), Counters.make(1)];
  const members = new Members(tcpConfig([1]), threads);
  const rests = { name: "x", state: "ejected", detail: "ECONNREFUSED" } as const;
  const back = { name: "x", state: "up", detail: "" } as const;
  threads[1]?.setEjected(0, true);
  assert.equal(members.rests(0, rests, { thread: 1 }), true);
  assert.equal(members.rests(0, rests, { thread: 0 }), false);
  assert.deepEqual(members.status().map(({ state, detail }) => [state, detail]), [["ejected", "ECONNREFUSED"]]);
  assert.equal(members.rests(0, back, { thread: 0 }), false);
  assert.equal(members.rests(0, back, { thread: 1 }), true);
  threads[1]?.setEjected(0, false);
  assert.equal(members.status()[0]?.state, "up");
  assert.equal(members.rests(99, rests, { thread: 0 }), false);
});

Deno.test("a backend keeps its slot and its counters over changes, one that is gone is listed while it has connections", () => {
  const counters = Counters.make(3);
  const members = new Members(tcpConfig([1, 2, 3]), [counters]);
  assert.deepEqual(members.slots, [0, 1, 2]);
  counters.began(0);
  counters.began(2);
  members.update(tcpConfig([3, 4]));
  assert.deepEqual(members.slots, [2, 1], "the slot of the one without connections is free");
  const listed = members.status().map(({ name, connections, detail }) => [name, connections, detail]);
  assert.deepEqual(listed, [
    ["127.0.0.1:3", 1, ""],
    ["127.0.0.1:4", 0, ""],
    ["127.0.0.1:1", 1, "removed, 1 connection left"],
  ]);
  counters.ended(0);
  assert.equal(members.status().length, 2);
});

Deno.test("who takes over a slot begins at zero", () => {
  const counters = Counters.make(1);
  const members = new Members(tcpConfig([1]), [counters]);
  counters.began(0);
  counters.ended(0);
  counters.failed(0);
  counters.moved(0, 5);
  members.update(tcpConfig([2]));
  assert.deepEqual(members.slots, [0]);
  const [status] = members.status();
  assert.deepEqual([status?.totalConnections, status?.failures, status?.bytes], [0, 0, 0]);
});

Deno.test("what kept a backend away ends with the configuration that it came from", () => {
  const counters = Counters.make(1);
  const members = new Members(tcpConfig([1], { ejection: { failures: 1, restMs: 1 } }), [counters]);
  members.rests(0, { name: "127.0.0.1:1", state: "ejected", detail: "x" }, { thread: 0 });
  const changes = members.update(tcpConfig([1], { ejection: null }));
  assert.deepEqual(changes.map(({ name, state }) => [name, state]), [["127.0.0.1:1", "up"]]);
});

Deno.test("two backends of one name are two", () => {
  const counters = Counters.make(2);
  const members = new Members(tcpConfig([1, 1]), [counters]);
  assert.deepEqual(members.slots, [0, 1]);
  members.update(tcpConfig([1, 1]));
  assert.deepEqual(members.slots, [0, 1]);
});
