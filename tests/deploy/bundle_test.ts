import assert from "node:assert/strict";
import { join } from "node:path";
import { BuildError, bundle, preamble, runDeno } from "../../deploy/bundle.ts";

const STAMP = { version: "1.2.3", commit: "0123456789ab" };

Deno.test("preamble() gives a bundle its require and its stamp", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const body = `export default [typeof require("node:path").join, globalThis.kubeVipBuild];`;
    await Deno.writeTextFile(join(dir, "a.js"), preamble(STAMP) + body);
    const { default: got } = await import(`file://${dir}/a.js`);
    assert.deepEqual(got, ["function", STAMP]);
  } finally {
    Reflect.deleteProperty(globalThis, "kubeVipBuild");
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("runDeno() carries what a failed step printed", async () => {
  await assert.rejects(
    runDeno(["eval", "console.error('because of this'); Deno.exit(4)"], { cwd: "." }),
    (error) => error instanceof BuildError && error.message.includes("because of this"),
  );
});

Deno.test("bundle() reports a source that is not there", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await assert.rejects(
      bundle(dir, "absent.ts", { outDir: join(dir, "out"), stamp: STAMP }),
      (error) => error instanceof BuildError && error.message.startsWith(`Cannot bundle "absent.ts"`),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
