import assert from "node:assert/strict";
import { systemWallClock } from "../../mod/runtime/wall_clock.ts";

Deno.test("the wall clock says what Date says", () => {
  const before = Date.now();
  const now = systemWallClock();
  assert(before <= now && now <= Date.now());
});
