import assert from "node:assert/strict";
import { systemLookup } from "../../mod/names/lookup.ts";

Deno.test("names of the hosts file are found, and one that does not exist is refused with a reason", async () => {
  const found = await systemLookup("localhost");
  assert.ok(found.includes("127.0.0.1") || found.includes("::1"), found.join());
  await assert.rejects(() => systemLookup("there-is-none.invalid"), { name: "Error" });
});

Deno.test("an address stands for itself", async () => {
  assert.deepEqual(await systemLookup("10.0.0.9"), ["10.0.0.9"]);
});
