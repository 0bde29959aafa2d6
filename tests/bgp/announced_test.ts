import assert from "node:assert/strict";
import { Announced } from "../../mod/bgp/announced.ts";

Deno.test("only the first and the last owner change what routers are told", () => {
  const announced = new Announced();
  assert.equal(announced.announce("10.0.0.1", "a", null), "changed");
  assert.equal(announced.announce("10.0.0.1", "a", null), "same");
  assert.equal(announced.announce("10.0.0.1", "b", null), "same");
  assert.equal(announced.withdraw("10.0.0.1", "a"), "same");
  assert.equal(announced.withdraw("10.0.0.1", "a"), "same");
  assert.ok(announced.has("10.0.0.1"));
  assert.equal(announced.withdraw("10.0.0.1", "b"), "changed");
  assert.deepEqual(announced.addresses(), []);
});

Deno.test("an address drains until it is announced again or gone", () => {
  const announced = new Announced();
  assert.equal(announced.drain("10.0.0.1"), "same");
  announced.announce("10.0.0.1", "a", null);
  assert.equal(announced.drain("10.0.0.1"), "changed");
  assert.equal(announced.drain("10.0.0.1"), "same");
  assert.equal(announced.announce("10.0.0.1", "a", null), "changed");
  assert.ok(!announced.isDraining("10.0.0.1"));
  announced.drain("10.0.0.1");
  announced.withdraw("10.0.0.1", "a");
  announced.announce("10.0.0.1", "a", null);
  assert.ok(!announced.isDraining("10.0.0.1"));
});

Deno.test("an address that one owner drained and left is as before for the others", () => {
  const announced = new Announced();
  announced.announce("10.0.0.1", "a", null);
  announced.announce("10.0.0.1", "b", null);
  announced.drain("10.0.0.1");
  assert.equal(announced.withdraw("10.0.0.1", "a"), "changed");
  assert.ok(announced.has("10.0.0.1"));
  assert.ok(!announced.isDraining("10.0.0.1"));
});

Deno.test("clearing gives what was announced and leaves nothing", () => {
  const announced = new Announced();
  announced.announce("10.0.0.1", "a", null);
  announced.drain("10.0.0.1");
  assert.deepEqual(announced.clear(), ["10.0.0.1"]);
  assert.ok(!announced.has("10.0.0.1"));
  assert.ok(!announced.isDraining("10.0.0.1"));
});

Deno.test("the highest term of the owners counts, and what changes it changes what routers are told", () => {
  const announced = new Announced();
  const steps: [() => string, "changed" | "same", number | null][] = [
    [() => announced.announce("10.0.0.1", "a", null), "changed", null],
    [() => announced.announce("10.0.0.1", "a", 4), "changed", 4],
    [() => announced.announce("10.0.0.1", "a", 4), "same", 4],
    [() => announced.announce("10.0.0.1", "b", 3), "same", 4],
    [() => announced.announce("10.0.0.1", "c", null), "same", 4],
    [() => announced.announce("10.0.0.1", "b", 7), "changed", 7],
    [() => announced.drain("10.0.0.1"), "changed", 7],
    [() => announced.announce("10.0.0.1", "a", 4), "changed", 7],
    [() => announced.withdraw("10.0.0.1", "b"), "changed", 4],
    [() => announced.announce("10.0.0.1", "a", 2), "changed", 2],
    [() => announced.withdraw("10.0.0.1", "c"), "same", 2],
    [() => announced.announce("10.0.0.1", "a", 0), "changed", 0],
    [() => announced.announce("10.0.0.1", "a", null), "changed", null],
    [() => announced.withdraw("10.0.0.1", "a"), "changed", null],
    [() => announced.announce("10.0.0.1", "b", null), "changed", null],
  ];
  for (const [index, [step, told, term]] of steps.entries()) {
    assert.equal(step(), told, `step ${index}`);
    assert.equal(announced.term("10.0.0.1"), term, `step ${index}`);
  }
});

Deno.test("terms are each address's own and end with it", () => {
  const announced = new Announced();
  announced.announce("10.0.0.1", "a", 5);
  announced.announce("10.0.0.2", "a", 6);
  assert.deepEqual([announced.term("10.0.0.1"), announced.term("10.0.0.2")], [5, 6]);
  announced.withdraw("10.0.0.1", "a");
  announced.announce("10.0.0.1", "b", null);
  assert.equal(announced.term("10.0.0.1"), null);
  announced.clear();
  assert.equal(announced.term("10.0.0.2"), null);
});
