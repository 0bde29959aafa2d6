import assert from "node:assert/strict";
import { rehearse } from "../../../mod/election/raft/rehearsal.ts";

Deno.test("the rehearsal elects a leader and hands over to another", () => {
  const { first, second } = rehearse();
  assert.notEqual(first, null);
  assert.notEqual(second, null);
  assert.notEqual(first, second);
});
