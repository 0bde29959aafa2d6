import assert from "node:assert/strict";
import { closest, editDistance } from "../../mod/config/suggest.ts";

Deno.test("distance counts insertions, deletions, replacements and swaps of neighbours", () => {
  const rows: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["abc", "abc", 0],
    ["abc", "abd", 1],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
    ["interfaec", "interface", 1],
  ];
  for (const [a, b, distance] of rows) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
});

Deno.test("the closest name is found, whatever its case, and nothing far away is offered", () => {
  const names = ["interface", "singleNode", "vip", "vipCidr"];
  const rows: [string, string | null][] = [
    ["INTERFACES", "interface"],
    ["singelnode", "singleNode"],
    ["vpi", "vip"],
    ["vips", "vip"],
    ["completelyElse", null],
    ["x".repeat(100_000), null],
  ];
  for (const [given, found] of rows) assert.equal(closest(given, names), found, given.slice(0, 20));
});
