import assert from "node:assert/strict";
import { hostFiles } from "../../mod/kube/files.ts";

Deno.test("A file is its text, one that is not there is null, and anything else is an error", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/token`, "abc");
  assert.equal(await hostFiles.read(`${folder}/token`), "abc");
  assert.equal(await hostFiles.read(`${folder}/none`), null);
  assert.equal(await hostFiles.read(`${folder}/token/below`), null);
  await assert.rejects(hostFiles.read(folder));
  await Deno.remove(folder, { recursive: true });
});
