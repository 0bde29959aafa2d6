import assert from "node:assert/strict";
import { Owners } from "../../mod/routes/owners.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

Deno.test("an address is announced by its first owner and withdrawn by its last", () => {
  const owners = new Owners();
  assert.equal(owners.claim("10.0.0.1", "a"), "first");
  assert.equal(owners.claim("10.0.0.1", "b"), "further");
  assert.equal(owners.release("10.0.0.1", "a"), "others-left");
  assert.ok(owners.has("10.0.0.1"));
  assert.equal(owners.release("10.0.0.1", "b"), "last");
  assert.ok(!owners.has("10.0.0.1"));
  assert.equal(owners.claim("10.0.0.1", "b"), "first");
});

Deno.test("an owner that says it twice counts once", () => {
  const owners = new Owners();
  owners.claim("10.0.0.1", "a");
  assert.equal(owners.claim("10.0.0.1", "a"), "already");
  assert.equal(owners.release("10.0.0.1", "a"), "last");
  assert.equal(owners.release("10.0.0.1", "a"), "not-an-owner");
  assert.equal(owners.release("10.0.0.2", "a"), "not-an-owner");
});

Deno.test("an owner of one address is none of another", () => {
  const owners = new Owners();
  owners.claim("10.0.0.1", "a");
  assert.equal(owners.claim("fd00::1", "a"), "first");
  assert.equal(owners.release("10.0.0.1", "b"), "not-an-owner");
  assert.deepEqual(owners.addresses(), ["10.0.0.1", "fd00::1"]);
  assert.deepEqual(owners.ownersOf("fd00::1"), ["a"]);
  assert.deepEqual(owners.ownersOf("fd00::2"), []);
});

Deno.test("clearing gives what was wanted and leaves nothing", () => {
  const owners = new Owners();
  owners.claim("10.0.0.1", "a");
  owners.claim("10.0.0.2", "a");
  assert.deepEqual(owners.clear(), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(owners.addresses(), []);
  assert.equal(owners.claim("10.0.0.1", "b"), "first");
});

Deno.test("first and last come exactly when a set of owners begins and ends, whatever the order", () => {
  const seed = seedFromEnv(7);
  const random = seededRandom(seed);
  const owners = new Owners();
  const model = new Map<string, Set<string>>();
  let edges = 0;
  for (let step = 0; step < 5000; step++) {
    const ip = `10.0.0.${Math.floor(random() * 4)}`;
    const owner = `o${Math.floor(random() * 4)}`;
    const held = model.get(ip) ?? new Set<string>();
    model.set(ip, held);
    const before = held.size;
    if (random() < 0.5) {
      const expected = held.has(owner) ? "already" : before === 0 ? "first" : "further";
      held.add(owner);
      assert.equal(owners.claim(ip, owner), expected, `seed ${seed}, step ${step}`);
    } else {
      const expected = !held.delete(owner) ? "not-an-owner" : held.size === 0 ? "last" : "others-left";
      assert.equal(owners.release(ip, owner), expected, `seed ${seed}, step ${step}`);
    }
    if ((before === 0) !== (held.size === 0)) edges++;
  }
  assert.ok(edges > 100);
});
