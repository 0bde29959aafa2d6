import assert from "node:assert/strict";
import { isRecord } from "../../mod/kube/objects.ts";

Deno.test("Only an object of JSON is a record", () => {
  assert.deepEqual([{}, { a: 1 }].map(isRecord), [true, true]);
  assert.deepEqual([null, undefined, [], "text", 1].map(isRecord), [false, false, false, false, false]);
});
