import assert from "node:assert/strict";
import { Elsewhere } from "../../../mod/election/raft/elsewhere.ts";

Deno.test("under another leader every address may be held elsewhere, as leader those that others hold", () => {
  const elsewhere = new Elsewhere("a");
  const seen = (): unknown[] => [elsewhere.lastMs("x"), elsewhere.lastMs("y")];
  const nobody = new Map<string, string>();
  elsewhere.note(1, { leader: null, holders: nobody });
  assert.deepEqual(seen(), [null, null]);
  elsewhere.note(2, { leader: "a", holders: new Map([["x", "a"], ["y", "b"]]) });
  assert.deepEqual(seen(), [null, 2]);
  elsewhere.note(3, { leader: "b", holders: nobody });
  assert.deepEqual(seen(), [3, 3]);
  elsewhere.note(4, { leader: "a", holders: new Map([["x", "c"], ["y", "a"]]) });
  assert.deepEqual(seen(), [4, 3]);
  elsewhere.note(5, { leader: null, holders: nobody });
  assert.deepEqual(seen(), [4, 3]);
});
