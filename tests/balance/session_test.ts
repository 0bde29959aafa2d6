import assert from "node:assert/strict";
import { plainIp } from "../../mod/balance/session.ts";

Deno.test("addresses of a dual-stack socket lose their prefix", () => {
  assert.equal(plainIp("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(plainIp("192.0.2.1"), "192.0.2.1");
  assert.equal(plainIp("fd00::ffff:1"), "fd00::ffff:1");
});
