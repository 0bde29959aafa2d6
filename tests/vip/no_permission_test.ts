import assert from "node:assert/strict";
import { PermissionUnavailable } from "../../mod/vip/kernel.ts";
import { NoPermission } from "../../mod/vip/no_permission.ts";

Deno.test("installing says why, everything else is harmless", () => {
  const permission = new NoPermission(new Error("Protocol not supported"));
  assert.throws(
    () => permission.install(),
    (error) => error instanceof PermissionUnavailable && /Protocol not supported/.test(error.message),
  );
  assert.equal(permission.manage(), "changed");
  assert.equal(permission.allow(), "refreshed");
  assert.equal(permission.verify(), "whole");
  permission.deny();
  permission.uninstall();
});
