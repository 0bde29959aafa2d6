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
      bundle(dir, "absent.ts", { outDir: join(dir, "out"), stamp: STAMP, workers: [] }),
      (error) => error instanceof BuildError && error.message.startsWith(`Cannot bundle "absent.ts"`),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("bundle() puts a thread's entry beside the program's, whatever folders they are in", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(dir, "deep/er"), { recursive: true });
    await Deno.writeTextFile(join(dir, "deno.json"), "{}");
    await Deno.writeTextFile(join(dir, "start.ts"), `export { shared } from "./shared.ts";`);
    await Deno.writeTextFile(join(dir, "shared.ts"), `export const shared = import.meta.url;`);
    const worker = `import { shared } from "../../shared.ts"; globalThis.bundledWorker = shared;`;
    await Deno.writeTextFile(join(dir, "deep/er/thread.ts"), worker);
    const outDir = join(dir, "out");
    const names = await bundle(dir, "start.ts", { outDir, stamp: STAMP, workers: ["deep/er/thread.ts"] });
    assert.deepEqual(names, ["start.js", "thread.js"]);
    for (const name of names) {
      assert.ok(
        (await Deno.readTextFile(join(outDir, name))).startsWith(preamble(STAMP)),
        `${name} has its stamp, once`,
      );
    }
    await import(`file://${outDir}/thread.js`);
    assert.ok(String(Reflect.get(globalThis, "bundledWorker")).startsWith(`file://${outDir}/`));
  } finally {
    Reflect.deleteProperty(globalThis, "bundledWorker");
    Reflect.deleteProperty(globalThis, "kubeVipBuild");
    await Deno.remove(dir, { recursive: true });
  }
});
