import assert from "node:assert/strict";
import { expectField, expectLength, WireError } from "../../mod/net/errors.ts";

Deno.test("a wire error names the unit, the place, what stood there and what may", () => {
  const byOffset = new WireError("Ethernet", { where: 12, got: 5, wanted: "at least 1536" });
  assert.equal(byOffset.message, "Ethernet: offset 12 is 5, wanted at least 1536");
  const byName = new WireError("ARP", { where: "operation", got: 9, wanted: "1 or 2" });
  assert.equal(byName.message, "ARP: operation is 9, wanted 1 or 2");
  assert.equal(byName.name, "WireError");
  assert.deepEqual([byName.what, byName.where, byName.got, byName.wanted], ["ARP", "operation", 9, "1 or 2"]);
});

Deno.test("a field passes with the wanted value only", () => {
  expectField("X", { where: "y", got: 1, wanted: 1 });
  for (const got of [0, 2, "1"]) assert.throws(() => expectField("X", { where: "y", got, wanted: 1 }), WireError);
});

Deno.test("a length passes when enough bytes are there", () => {
  expectLength("X", new Uint8Array(4), 4);
  expectLength("X", new Uint8Array(5), 4);
  assert.throws(() => expectLength("X", new Uint8Array(3), 4), { message: "X: length is 3, wanted at least 4" });
});
