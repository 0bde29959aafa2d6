import assert from "node:assert/strict";
import { releaseGarbage } from "../../mod/linux/memory.ts";

Deno.test("releaseGarbage() has V8 collect where the program was started so that it can", async () => {
  const module = JSON.stringify(new URL("../../mod/linux/memory.ts", import.meta.url).href);
  const script = `
    import { releaseGarbage } from ${module};
    let garbage = Array.from({ length: 1e6 }, (_, i) => ({ i }));
    const full = Deno.memoryUsage().heapUsed;
    garbage = null;
    console.log(JSON.stringify([releaseGarbage(), full - Deno.memoryUsage().heapUsed > 8e6]));`;
  const args = ["eval", "--v8-flags=--expose-gc", script];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), '["all",true]', new TextDecoder().decode(stderr));
});

Deno.test("releaseGarbage() gives pages back to the kernel without V8's help", () => {
  const exposed = typeof Reflect.get(globalThis, "gc") === "function";
  assert.equal(releaseGarbage(), exposed ? "all" : "pages");
});
