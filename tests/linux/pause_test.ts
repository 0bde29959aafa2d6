import assert from "node:assert/strict";
import { pause } from "../../mod/linux/pause.ts";

Deno.test("a pause blocks for its time", () => {
  const fromMs = performance.now();
  pause(20);
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs >= 19 && tookMs < 500, `${tookMs} ms`);
});
