/** What becomes of a pool's members when the configuration changes while it runs. */
import assert from "node:assert/strict";
import { Pool, type PoolMember, type PoolOptions } from "../../mod/balance/pool.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

const PLAIN: PoolOptions = { policy: "round-robin", health: null, ejection: null };
const CHECKED: PoolOptions = { ...PLAIN, health: { rise: 2, fall: 2 } };
const EJECTING: PoolOptions = { ...PLAIN, ejection: { failures: 1, restMs: 1000 } };
const OK = { ok: true, detail: "answered 200" };
const BAD = { ok: false, detail: "refused" };

/** Letters are names, digits after them weights: `a b3`. */
function members(text: string): PoolMember[] {
  return text.split(" ").filter((one) => one !== "").map((one) => ({
    name: one.charAt(0),
    weight: Number(one.slice(1) || "1"),
  }));
}

/** The members that get the next connections, each ended at once. */
function indices(pool: Pool, count: number): (number | null)[] {
  return Array.from({ length: count }, () => {
    const index = pool.pick(0);
    if (index !== null) pool.ended(index);
    return index;
  });
}

function told(pool: Pool): string[] {
  return pool.status().map(({ name, state, connections, detail }) =>
    `${name} ${state} ${connections} ${detail}`.trim()
  );
}

Deno.test("a member of the same name stays: its index, its state, its counters, wherever it stands now", () => {
  const pool = new Pool(members("a b c"), CHECKED);
  pool.checked(2, BAD);
  assert.equal(pool.pick(0), 0);
  assert.deepEqual(pool.update(members("c d a"), CHECKED), { indices: [2, 3, 0], gone: [1], changes: [] });
  assert.deepEqual(told(pool), ["c down 0 refused", "d down 0 new, not checked yet", "a up 1"]);
  assert.equal(pool.size, 3);
  assert.equal(pool.status()[2]?.totalConnections, 1);
  assert.equal(pool.checked(2, OK), null, "one of two in a row");
  assert.equal(pool.checked(2, OK)?.state, "up");
});

Deno.test("a new weight counts at once and has nothing to make up for", () => {
  const pool = new Pool(members("a100 b1"), PLAIN);
  indices(pool, 7);
  pool.update(members("a1 b1"), PLAIN);
  assert.deepEqual(indices(pool, 4), [0, 1, 0, 1]);
  pool.update(members("a1 b3"), { ...PLAIN, policy: "least-connections" });
  const given = Array.from({ length: 8 }, () => pool.pick(0));
  assert.equal(given.filter((index) => index === 1).length, 6);
});

Deno.test("a member that is gone gets nothing new and is told of until its last connection has ended", () => {
  const pool = new Pool(members("a b"), PLAIN);
  const open = [pool.pick(0), pool.pick(0), pool.pick(0)];
  assert.deepEqual(open, [0, 1, 0]);
  assert.deepEqual(pool.update(members("b c"), PLAIN), { indices: [1, 2], gone: [0], changes: [] });
  assert.deepEqual(indices(pool, 4), [1, 2, 1, 2]);
  assert.deepEqual(told(pool), ["b up 1", "c up 0", "a down 2 removed, 2 connections left"]);
  pool.ended(0);
  assert.equal(told(pool)[2], "a down 1 removed, 1 connection left");
  assert.deepEqual(pool.update(members("b c d"), PLAIN).indices, [1, 2, 3], "its index is not free yet");
  pool.ended(0);
  assert.equal(told(pool).length, 3);
  assert.deepEqual(pool.update(members("b c d e"), PLAIN).indices, [1, 2, 3, 0], "now it is");
});

Deno.test("what is heard of a member that is gone changes nothing", () => {
  const pool = new Pool(members("a b"), { ...EJECTING, health: { rise: 1, fall: 1 } });
  pool.pick(0);
  pool.update(members("b"), { ...EJECTING, health: { rise: 1, fall: 1 } });
  assert.equal(pool.connectFailed(0, { nowMs: 0, detail: "refused" }), null);
  assert.equal(pool.connected(0), null);
  assert.equal(pool.checked(0, BAD), null);
  pool.ended(0);
  assert.equal(pool.connectFailed(0, { nowMs: 0, detail: "refused" }), null, "nor after its last connection");
  assert.equal(pool.connected(0), null);
  assert.equal(pool.checked(0, BAD), null);
  assert.throws(() => pool.ended(0), /within the pool/);
});

Deno.test("a member that comes back while it has connections is the same one, and is checked anew", () => {
  const pool = new Pool(members("a b"), CHECKED);
  pool.checked(0, BAD);
  pool.checked(0, OK);
  pool.checked(0, OK);
  pool.pick(0);
  pool.update(members("b"), CHECKED);
  assert.deepEqual(pool.update(members("b a"), CHECKED).indices, [1, 0]);
  assert.deepEqual(told(pool), ["b up 0", "a down 1 new, not checked yet"]);
  assert.equal(pool.checked(0, OK)?.state, "up", "the first result counts at once");
});

Deno.test("where there are checks a new member waits for its first result while others are well", () => {
  const rows = [[OK, "up"], [BAD, "down"]] as const;
  for (const [result, state] of rows) {
    const pool = new Pool(members("a"), CHECKED);
    pool.update(members("a b"), CHECKED);
    assert.deepEqual(indices(pool, 3), [0, 0, 0]);
    assert.deepEqual(pool.checked(1, result), { name: "b", state, detail: result.detail });
    assert.equal(indices(pool, 4).includes(1), result.ok);
  }
});

Deno.test("new members do not wait where nobody else is well: they begin as at a start", () => {
  const pool = new Pool(members("a b"), CHECKED);
  pool.checked(0, BAD);
  pool.update(members("a c d"), CHECKED);
  assert.deepEqual(indices(pool, 4), [2, 3, 2, 3], "b is gone, a is down");
  const other = new Pool(members("a"), CHECKED);
  other.update(members("a b"), CHECKED);
  other.checked(0, BAD);
  assert.deepEqual(indices(other, 2), [1, 1], "nor when the others fail before the first result");
  other.update(members("b"), CHECKED);
  assert.deepEqual(told(other), ["b up 0"]);
});

Deno.test("without checks nobody is down by them, and without ejection nobody rests", () => {
  const pool = new Pool(members("a b c"), { ...EJECTING, health: { rise: 1, fall: 1 } });
  pool.checked(0, BAD);
  pool.connectFailed(1, { nowMs: 0, detail: "refused" });
  const { changes } = pool.update(members("a b c d"), PLAIN);
  assert.deepEqual(changes.map(({ name, state }) => `${name} ${state}`), ["a up", "b up"]);
  assert.deepEqual(indices(pool, 4), [0, 1, 2, 3]);
  pool.update(members("a b c d"), CHECKED);
  assert.equal(pool.checked(0, BAD)?.state, "down", "checks that are new begin as at a start");
});

Deno.test("equal names are told apart by their order", () => {
  const pool = new Pool(members("a a b"), PLAIN);
  pool.pick(0);
  assert.deepEqual(pool.update(members("a b"), PLAIN), { indices: [0, 2], gone: [1], changes: [] });
  assert.deepEqual(pool.update(members("a a b"), PLAIN).indices, [0, 1, 2]);
});

Deno.test("random updates keep the books: connections end where they began and nobody gone is chosen", () => {
  const seed = seedFromEnv(7);
  const random = seededRandom(seed);
  const options = [PLAIN, CHECKED, EJECTING];
  for (let round = 0; round < 200; round++) {
    const pool = new Pool(members("a b"), PLAIN);
    let names = new Map([[0, "a"], [1, "b"]]);
    const open: { index: number; name: string }[] = [];
    for (let step = 0; step < 60; step++) {
      const act = random();
      const index = pool.pick(step);
      if (index !== null) open.push({ index, name: names.get(index) ?? assert.fail(`seed ${seed}: not configured`) });
      if (act < 0.6) {
        const [ended] = open.splice(Math.floor(random() * open.length), 1);
        if (ended !== undefined) pool.ended(ended.index);
      } else {
        const given = members([..."abcdef"].filter(() => random() < 0.5).join(" "));
        const { indices } = pool.update(given, options[Math.floor(random() * 3)] ?? PLAIN);
        names = new Map(given.map(({ name }, at) => [indices[at] ?? -1, name]));
        for (const one of open) {
          const taken = names.get(one.index);
          assert.ok(taken === undefined || taken === one.name, `seed ${seed}: a place is taken while it is in use`);
        }
      }
      const counts = new Map(pool.status().map(({ name, connections }) => [name, connections]));
      for (const name of "abcdef") {
        const mine = open.filter((one) => one.name === name).length;
        assert.equal(counts.get(name) ?? 0, mine, `seed ${seed}, round ${round}, step ${step}`);
      }
    }
  }
});
