import assert from "node:assert/strict";
import type { PoolChange } from "../../../mod/balance/pool.ts";
import { type Placed, ThreadBackends } from "../../../mod/balance/user/backends.ts";
import { Counters } from "../../../mod/balance/user/counters.ts";
import type { TcpBalancerConfig } from "../../../mod/config/types.ts";
import { tcpConfig } from "../kit.ts";
import { destination } from "./kit.ts";

interface Scene {
  readonly backends: ThreadBackends;
  readonly counters: Counters;
  readonly changes: [slot: number, PoolChange][];
  readonly unreached: number[];
  nowMs: number;
}

function placed(config: TcpBalancerConfig, slots: readonly number[]): Placed {
  return { config, slots, destinations: config.backends.map(({ port }) => destination(port)) };
}

function scene(config: TcpBalancerConfig, slots: readonly number[]): Scene {
  const [changes, unreached, counters] = [[] as Scene["changes"], [] as number[], Counters.make(slots.length)];
  const made = { nowMs: 1000, changes, unreached, counters };
  const backends = new ThreadBackends({
    ...placed(config, slots),
    counters,
    now: () => made.nowMs,
    onChange: (slot, change) => changes.push([slot, change]),
    onUnreached: (place) => unreached.push(place),
  });
  return Object.assign(made, { backends });
}

const CHECKS = {
  type: "tcp",
  path: "/",
  expectMin: 200,
  expectMax: 399,
  intervalMs: 1,
  timeoutMs: 1,
  rise: 3,
  fall: 3,
} as const;

Deno.test("picks are counted in the slot of the backend", () => {
  const { backends, counters } = scene(tcpConfig([1, 2]), [7, 3]);
  assert.deepEqual([backends.pick(), backends.pick(), backends.pick()], [0, 1, 0]);
  backends.ended(0);
  backends.moved(1, 99);
  assert.deepEqual(counters.of(7), { connections: 1, total: 2, failures: 0, bytes: 0 });
  assert.deepEqual(counters.of(3), { connections: 1, total: 1, failures: 0, bytes: 99 });
  assert.equal(backends.destination(1)?.name, "127.0.0.1:2");
});

Deno.test("failed connects are told: the rest at once, the failure not more than once a second", () => {
  const { backends, counters, changes, unreached, ...made } = scene(
    tcpConfig([1, 2], { ejection: { failures: 2, restMs: 500 } }),
    [0, 1],
  );
  assert.equal(made.nowMs, 1000);
  for (let n = 0; n < 3; n++) {
    backends.pick(new Set([1]));
    backends.connectFailed(0, "refused");
    backends.ended(0);
  }
  assert.deepEqual(unreached, [0]);
  assert.equal(counters.of(0).failures, 3);
  assert.deepEqual(changes, [[0, { name: "127.0.0.1:1", state: "ejected", detail: "refused" }]]);
  assert.ok(counters.isEjected(0));
  backends.connected(0);
  assert.equal(changes.length, 2);
  assert.ok(!counters.isEjected(0));
});

Deno.test("what the main thread says of a check holds at once, by the place in the configuration", () => {
  const { backends } = scene(tcpConfig([1, 2], { health: CHECKS }), [0, 1]);
  assert.equal(backends.checked(1, { ok: true, detail: "" }), null);
  assert.equal(backends.checked(1, { ok: false, detail: "dead" }), 1);
  assert.deepEqual([backends.pick(), backends.pick()], [0, 0]);
  assert.equal(backends.checked(1, { ok: true, detail: "" }), null);
  assert.deepEqual(new Set([backends.pick(), backends.pick()]), new Set([0, 1]));
  assert.equal(backends.checked(9, { ok: false, detail: "" }), null);
});

Deno.test("after an update places are others, and what was given goes on where it counts", () => {
  const { backends, counters } = scene(tcpConfig([1, 2]), [0, 1]);
  assert.equal(backends.pick(new Set([1])), 0);
  assert.deepEqual(backends.update(placed(tcpConfig([2, 3]), [1, 2])), [0]);
  const picked = new Set([backends.pick(), backends.pick()]);
  assert.ok(!picked.has(0));
  assert.deepEqual([0, ...picked].map((index) => backends.isConfigured(index ?? -1)), [false, true, true]);
  const names = [...picked].map((index) => backends.destination(index ?? -1)?.name).sort();
  assert.deepEqual(names, ["127.0.0.1:2", "127.0.0.1:3"]);
  assert.equal(counters.of(0).connections, 1);
  backends.ended(0);
  assert.deepEqual([0, 1, 2].map((slot) => counters.of(slot).connections), [0, 1, 1]);
});

Deno.test("names may move: the next connect goes to the new address", () => {
  const { backends } = scene(tcpConfig([1]), [0]);
  const before = backends.destination(0);
  backends.relocate([destination(1, "127.0.0.9")]);
  assert.notEqual(backends.destination(0), before);
  assert.equal(backends.destination(0)?.name, "127.0.0.9:1");
  backends.relocate([null]);
  assert.equal(backends.destination(0), null);
});
