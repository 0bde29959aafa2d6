import assert from "node:assert/strict";
import { Troubles } from "../../mod/bgp/troubles.ts";

Deno.test("a reason is new once, until the session was up", () => {
  const troubles = new Troubles();
  assert.deepEqual([troubles.last, troubles.lastMsAgo(5)], [null, null]);
  assert.equal(troubles.note("connection refused", 10), "new");
  assert.equal(troubles.note("no answer", 20), "new");
  assert.equal(troubles.note("connection refused", 30), "known");
  assert.deepEqual([troubles.last, troubles.lastMsAgo(35)], ["connection refused", 5]);
  troubles.overcome();
  assert.equal(troubles.note("connection refused", 40), "new");
});

Deno.test("reasons that are always different do not pile up", () => {
  const troubles = new Troubles();
  troubles.note("first", 0);
  for (let i = 0; i < 16; i += 1) assert.equal(troubles.note(`reason ${i}`, i), "new");
  assert.equal(troubles.note("first", 20), "new");
});
