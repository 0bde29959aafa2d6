import assert from "node:assert/strict";
import { niceValue, ordinaryPriority, raisePriority } from "../../mod/linux/priority.ts";

Deno.test("a thread that may is put before ordinary work, one that may not goes on as it was", () => {
  const before = niceValue();
  const outcome = raisePriority();
  const after = niceValue();
  // The thread runs other tests afterwards, which are to leave room for each other.
  if (outcome === "raised") ordinaryPriority();
  assert.equal(after, outcome === "raised" ? -10 : before);
});

Deno.test("a thread that was raised can be given the place of ordinary work again", () => {
  if (raisePriority() === "refused") return;
  ordinaryPriority();
  assert.equal(niceValue(), 0);
});
