import assert from "node:assert/strict";
import { join } from "node:path";
import { hostArch, newestMs } from "./program.ts";

Deno.test("newestMs() looks into folders and passes over what is not there", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "mod/deep"), { recursive: true });
    await Deno.writeTextFile(join(root, "main.ts"), "");
    await Deno.writeTextFile(join(root, "mod/deep/x.ts"), "");
    for (const name of ["mod/deep", "mod", "main.ts"]) await Deno.utime(join(root, name), 1000, 1000);
    await Deno.utime(join(root, "mod/deep/x.ts"), 2000, 2000);
    assert.equal(await newestMs(root, ["main.ts", "absent"]), 1_000_000);
    assert.equal(await newestMs(root, ["main.ts", "mod"]), 2_000_000);
    assert.equal(await newestMs(root, ["absent"]), 0);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("hostArch() is one that is built for", () => assert.ok(["amd64", "arm64"].includes(hostArch())));
