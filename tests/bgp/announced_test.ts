import assert from "node:assert/strict";
import { Announced } from "../../mod/bgp/announced.ts";

Deno.test("only the first and the last owner change what routers are told", () => {
  const announced = new Announced();
  assert.equal(announced.announce("10.0.0.1", "a"), "changed");
  assert.equal(announced.announce("10.0.0.1", "a"), "same");
  assert.equal(announced.announce("10.0.0.1", "b"), "same");
  assert.equal(announced.withdraw("10.0.0.1", "a"), "same");
  assert.equal(announced.withdraw("10.0.0.1", "a"), "same");
  assert.ok(announced.has("10.0.0.1"));
  assert.equal(announced.withdraw("10.0.0.1", "b"), "changed");
  assert.deepEqual(announced.addresses(), []);
});

Deno.test("an address drains until it is announced again or gone", () => {
  const announced = new Announced();
  assert.equal(announced.drain("10.0.0.1"), "same");
  announced.announce("10.0.0.1", "a");
  assert.equal(announced.drain("10.0.0.1"), "changed");
  assert.equal(announced.drain("10.0.0.1"), "same");
  assert.equal(announced.announce("10.0.0.1", "a"), "changed");
  assert.ok(!announced.isDraining("10.0.0.1"));
  announced.drain("10.0.0.1");
  announced.withdraw("10.0.0.1", "a");
  announced.announce("10.0.0.1", "a");
  assert.ok(!announced.isDraining("10.0.0.1"));
});

Deno.test("an address that one owner drained and left is as before for the others", () => {
  const announced = new Announced();
  announced.announce("10.0.0.1", "a");
  announced.announce("10.0.0.1", "b");
  announced.drain("10.0.0.1");
  assert.equal(announced.withdraw("10.0.0.1", "a"), "changed");
  assert.ok(announced.has("10.0.0.1"));
  assert.ok(!announced.isDraining("10.0.0.1"));
});

Deno.test("clearing gives what was announced and leaves nothing", () => {
  const announced = new Announced();
  announced.announce("10.0.0.1", "a");
  announced.drain("10.0.0.1");
  assert.deepEqual(announced.clear(), ["10.0.0.1"]);
  assert.ok(!announced.has("10.0.0.1"));
  assert.ok(!announced.isDraining("10.0.0.1"));
});
