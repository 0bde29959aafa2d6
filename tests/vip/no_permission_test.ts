import assert from "node:assert/strict";
import { NoPermission } from "../../mod/vip/no_permission.ts";

Deno.test("installing says why, everything else is harmless", () => {
  const permission = new NoPermission(new Error("Protocol not supported"));
  assert.throws(() => permission.install(), /Protocol not supported/);
  assert.equal(permission.allow(), "refreshed");
  assert.equal(permission.verify(), "whole");
  permission.deny();
  permission.uninstall();
});
