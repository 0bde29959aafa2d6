import assert from "node:assert/strict";
import { buildInfo, VERSION } from "../../mod/cli/version.ts";
import { command } from "./helpers.ts";

Deno.test("version prints upstream's three lines", async () => {
  const { code, out, err } = await command(["version"]);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^Kube-VIP Release Information\nVersion: {2}v\d+\.\d+\.\d+\nBuild: {4}\w+\n$/);
});

Deno.test("the sources have the version of deno.json", () => {
  const settings = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
  assert.equal(settings.version, VERSION);
});

Deno.test("a compiled program says what it was made from, whatever the stamp looks like", () => {
  assert.deepEqual(buildInfo({ version: "9.9.9", commit: "abc" }), { version: "9.9.9", commit: "abc" });
  for (const stamp of [undefined, null, 3, {}, { version: "", commit: 1 }]) {
    assert.deepEqual(buildInfo(stamp), { version: VERSION, commit: "source" });
  }
});

Deno.test("--version says the same as version", async () => {
  const [flag, word] = [await command(["--version"]), await command(["version"])];
  assert.deepEqual([flag.code, flag.out, flag.err], [0, word.out, ""]);
});
