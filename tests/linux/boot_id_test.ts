import assert from "node:assert/strict";
import { bootId } from "../../mod/linux/boot_id.ts";

Deno.test("the boot has an identity that stays", () => {
  assert.match(bootId() ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal(bootId(), bootId());
});
