import assert from "node:assert/strict";
import { fileLimit, raiseFileLimit } from "../../mod/linux/limits.ts";

Deno.test("raiseFileLimit() raises the soft limit to the hard one", async () => {
  const module = JSON.stringify(new URL("../../mod/linux/limits.ts", import.meta.url).href);
  // In a child whose soft limit was lowered: the deno command raises its own at start, so it is lowered after that.
  const script = `
    import { fileLimit, raiseFileLimit } from ${module};
    import { libc } from ${module.replace("limits.ts", "libc.ts")};
    const { hard } = fileLimit();
    libc.setrlimit(7, BigUint64Array.of(64n, BigInt(hard)));
    const before = fileLimit().soft;
    console.log(JSON.stringify([before, raiseFileLimit() === hard, fileLimit().soft === hard]));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), "[64,true,true]", new TextDecoder().decode(stderr));
});

Deno.test("raiseFileLimit() may be called again", () => {
  const raised = raiseFileLimit();
  assert.equal(raised, fileLimit().hard);
  assert.equal(raiseFileLimit(), raised);
});
