import assert from "node:assert/strict";
import { elementsFor, hashSlots, turns } from "../../../mod/balance/kernel/slots.ts";

const named = (weights: Record<string, number>): { name: string; weight: number }[] =>
  Object.entries(weights).map(([name, weight]) => ({ name, weight }));
const letters = (indexes: readonly number[]): string => indexes.map((index) => "abc"[index]).join("");

Deno.test("turns follow the weights, evenly mixed, in as few slots as that takes", () => {
  const rows: [Record<string, number>, string][] = [
    [{ a: 1 }, "a"],
    [{ a: 7, b: 7 }, "ab"],
    [{ a: 5, b: 1, c: 1 }, "aabacaa"],
    [{ a: 300, b: 100 }, "aaba"],
    [{}, ""],
  ];
  for (const [weights, wanted] of rows) assert.equal(letters(turns(named(weights))), wanted);
});

Deno.test("weights too fine for the slots are rounded, and nobody is left out", () => {
  const weights = Array.from({ length: 256 }, (_, index) => ({ name: `${index}`, weight: 1 + (index * 7919) % 1000 }));
  const slots = turns(weights);
  assert.ok(slots.length <= 4096, `${slots.length}`);
  assert.equal(new Set(slots).size, 256);
});

Deno.test("hash slots follow the weights", () => {
  const slots = hashSlots(named({ "10.0.0.1 80": 3, "10.0.0.2 80": 1 }));
  const first = slots.filter((index) => index === 0).length / slots.length;
  assert.ok(first > 0.7 && first < 0.8, `${first}`);
  assert.deepEqual(hashSlots([]), []);
});

Deno.test("when a candidate goes only its own slots change hands", () => {
  const all = named({ "10.0.0.1 80": 1, "10.0.0.2 80": 1, "10.0.0.3 80": 1 });
  const before = hashSlots(all).map((index) => all[index]?.name);
  const left = all.filter((_, index) => index !== 1);
  const after = hashSlots(left).map((index) => left[index]?.name);
  for (const [slot, name] of before.entries()) if (name !== all[1]?.name) assert.equal(after[slot], name);
});

Deno.test("what a service takes of the table is known before it is put there", () => {
  const backends = (weights: readonly number[], network = "10.0.0.") =>
    weights.map((weight, at) => ({ address: `${network}${at + 1}`, weight }));
  const [four, six] = [backends([3, 1]), backends([4, 4], "fd00::")];
  assert.deepEqual([elementsFor(four, "none"), elementsFor(four, "source")], [4 + 10, 1024 + 10]);
  assert.deepEqual([elementsFor([...four, ...six], "none"), elementsFor([...four, ...six], "source")], [26, 2068]);
  const fine = [...backends([1000, 999, 998, 997, 996]), ...backends([1000, 999, 998, 997, 996], "fd00::")];
  assert.equal(elementsFor(fine, "none"), 2 * 4096 + 50, "of each family as many as are ever in turn");
  assert.equal(elementsFor([], "none"), 0);
});
