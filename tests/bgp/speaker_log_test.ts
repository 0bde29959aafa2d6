import assert from "node:assert/strict";
import { recordedLog } from "./speaker_kit.ts";

Deno.test("a stranger is named once, and only so many of them", () => {
  const { log, lines } = recordedLog();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 200; i++) log.stranger(`10.1.0.${i}`);
  }
  assert.equal(lines.filter((line) => line.includes("no BGP peer has that address")).length, 32);
  assert.equal(lines.filter((line) => line.includes("not named any more")).length, 1);
  assert.equal(lines.length, 33);
});
