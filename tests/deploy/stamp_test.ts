import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readCommit, readStamp, versionOf } from "../../deploy/stamp.ts";

Deno.test("readStamp() finds the version of this checkout", async () => {
  const stamp = await readStamp(fileURLToPath(new URL("../..", import.meta.url)));
  assert.match(stamp.version, /^\d+\.\d+\.\d+/);
  assert.match(stamp.commit, /^([0-9a-f]{12}(-dirty)?|unknown)$/);
});

Deno.test("readCommit() says unknown outside a checkout", async () => {
  const dir = await Deno.makeTempDir();
  try {
    assert.equal(await readCommit(dir), "unknown");
  } finally {
    await Deno.remove(dir);
  }
});

for (const version of ["0.1.0", "12.34.56", "1.0.0-rc.1"]) {
  Deno.test(`versionOf() accepts ${version}`, () => assert.equal(versionOf({ version }), version));
}

for (const settings of [null, 1, {}, { version: 1 }, { version: "" }, { version: "v1.0.0" }, { version: "1.0.0\n" }]) {
  Deno.test(`versionOf() refuses ${JSON.stringify(settings)}`, () => {
    assert.throws(() => versionOf(settings), TypeError);
  });
}
