import assert from "node:assert/strict";
import { niceValue, raisePriority } from "../../mod/linux/priority.ts";

Deno.test("a thread that may is put before ordinary work, one that may not goes on as it was", () => {
  const before = niceValue();
  const outcome = raisePriority();
  assert.equal(niceValue(), outcome === "raised" ? -10 : before);
});
