import assert from "node:assert/strict";
import { Takeovers } from "../../mod/vip/takeover.ts";

Deno.test("a take-over is measured once, and the latest stays known", () => {
  const takeovers = new Takeovers();
  assert.equal(takeovers.reached("a", 1000), null);
  takeovers.begin("a", 1000);
  assert.equal(takeovers.reached("a", 1040), 40);
  assert.equal(takeovers.reached("a", 1090), null);
  assert.equal(takeovers.last("a"), 40);
  takeovers.begin("a", 5000);
  takeovers.end("a");
  assert.equal(takeovers.reached("a", 5010), null);
  assert.equal(takeovers.last("a"), 40);
  takeovers.forget("a");
  assert.equal(takeovers.last("a"), null);
});
