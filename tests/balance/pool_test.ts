import assert from "node:assert/strict";
import { Pool, type PoolOptions } from "../../mod/balance/pool.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

const PLAIN: PoolOptions = { policy: "round-robin", health: null, ejection: null };
const EJECTING: PoolOptions = { ...PLAIN, ejection: { failures: 2, restMs: 1000 } };
const CHECKED: PoolOptions = { ...PLAIN, health: { rise: 2, fall: 3 } };

function poolOf(weights: Record<string, number>, options: PoolOptions = PLAIN): Pool {
  return new Pool(Object.entries(weights).map(([name, weight]) => ({ name, weight })), options);
}

function picks(pool: Pool, count: number, nowMs = 0): string {
  const names = pool.status().map((one) => one.name);
  return Array.from({ length: count }, () => {
    const index = pool.pick(nowMs);
    if (index === null) return "-";
    pool.ended(index);
    return names[index];
  }).join("");
}

function fail(pool: Pool, index: number, nowMs: number): string {
  return pool.connectFailed(index, { nowMs, detail: "refused" })?.state ?? "same";
}

Deno.test("round robin spreads weights smoothly", () => {
  assert.equal(picks(poolOf({ a: 5, b: 1, c: 1 }), 14), "aabacaaaabacaa");
  assert.equal(picks(poolOf({ a: 1, b: 1, c: 1 }), 6), "abcabc");
});

Deno.test("least connections compares connections with weights", () => {
  const pool = poolOf({ a: 2, b: 1 }, { ...PLAIN, policy: "least-connections" });
  const given = Array.from({ length: 6 }, () => pool.pick(0));
  assert.equal(given.filter((index) => index === 0).length, 4);
  for (const index of given) if (index === 0) pool.ended(0);
  assert.equal(pool.pick(0), 0, "the one that is free now");
});

Deno.test("least connections takes turns among equals", () => {
  assert.equal(picks(poolOf({ a: 1, b: 1, c: 1 }, { ...PLAIN, policy: "least-connections" }), 6), "abcabc");
});

Deno.test("those tried are not chosen again", () => {
  const pool = poolOf({ a: 1, b: 1 });
  assert.equal(pool.pick(0, new Set([0])), 1);
  assert.equal(pool.pick(0, new Set([0, 1])), null);
});

Deno.test("a drained backend gets nothing new and keeps what it has", () => {
  const pool = poolOf({ a: 1, b: 1 });
  assert.equal(pool.pick(0), 0);
  pool.setDraining(0, true);
  assert.equal(picks(pool, 3), "bbb");
  assert.equal(pool.status()[0]?.connections, 1);
  pool.setDraining(0, false);
  assert.ok(picks(pool, 4).includes("a"));
});

Deno.test("checks: the first result counts at once, later ones after rise and fall in a row", () => {
  const pool = poolOf({ a: 1 }, CHECKED);
  const states = [false, true, false, true, true, false, false, true, false, false, false].map((ok) =>
    pool.checked(0, { ok, detail: ok ? "ok" : "refused" })?.state ?? "."
  );
  assert.deepEqual(states, ["down", ".", ".", ".", "up", ".", ".", ".", ".", ".", "down"]);
  assert.equal(pool.status()[0]?.detail, "refused");
  assert.equal(pool.pick(0), null, "the only one is down: nobody gets the connection");
});

Deno.test("a backend rests after failed connects in a row, and one more failure sends it back", () => {
  const pool = poolOf({ a: 1, b: 1 }, EJECTING);
  assert.equal(fail(pool, 0, 0), "same");
  assert.equal(pool.connected(0), null);
  assert.equal(fail(pool, 0, 10), "same", "the row was broken");
  assert.equal(fail(pool, 0, 20), "ejected");
  assert.equal(picks(pool, 3, 1019), "bbb");
  assert.ok(picks(pool, 2, 1020).includes("a"), "its rest is over");
  assert.equal(fail(pool, 0, 1030), "same", "still ejected: no news");
  assert.equal(picks(pool, 3, 1040), "bbb");
  assert.deepEqual(pool.connected(0), { name: "a", state: "up", detail: "connections succeed again" });
  assert.equal(pool.status()[0]?.detail, "");
});

Deno.test("when all rest the least recently failed is used: ejection never ends the service", () => {
  const pool = poolOf({ a: 1, b: 1, c: 1 }, EJECTING);
  for (const [index, atMs] of [[0, 30], [1, 10], [2, 20]] as const) {
    fail(pool, index, atMs);
    fail(pool, index, atMs);
  }
  assert.equal(pool.pick(40), 1);
  assert.equal(pool.pick(40, new Set([1])), 2);
  assert.equal(pool.pick(40, new Set([1, 2])), 0);
});

Deno.test("a backend that is down is not used even when all others rest", () => {
  const pool = poolOf({ a: 1, b: 1 }, { ...EJECTING, health: { rise: 1, fall: 1 } });
  pool.checked(0, { ok: false, detail: "refused" });
  fail(pool, 1, 0);
  fail(pool, 1, 0);
  assert.equal(picks(pool, 3, 1), "bbb");
});

Deno.test("random operations keep the books: counts never go below zero and somebody is chosen while one is usable", () => {
  const seed = seedFromEnv(42);
  const random = seededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const policy = random() < 0.5 ? "round-robin" : "least-connections";
    const pool = poolOf({ a: 1, b: 2, c: 3 }, { ...EJECTING, policy, health: { rise: 1, fall: 1 } });
    const open: number[] = [];
    const down = new Set<number>();
    for (let step = 0; step < 100; step++) {
      const index = Math.floor(random() * 3);
      const act = random();
      if (act < 0.5) {
        const chosen = pool.pick(step);
        assert.equal(chosen === null, down.size === 3, `seed ${seed}, round ${round}, step ${step}`);
        if (chosen !== null) open.push(chosen);
      } else if (act < 0.7) {
        const ended = open.pop();
        if (ended !== undefined) pool.ended(ended);
      } else if (act < 0.85) fail(pool, index, step);
      else {
        const ok = random() < 0.5;
        pool.checked(index, { ok, detail: "" });
        if (ok) down.delete(index);
        else down.add(index);
      }
    }
    assert.equal(pool.status().reduce((sum, one) => sum + one.connections, 0), open.length);
  }
});
