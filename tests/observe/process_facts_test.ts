import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { processFacts } from "../../mod/observe/process_facts.ts";

Deno.test("the process knows its memory, time and files", () => {
  const facts = processFacts();
  assert.ok(facts.residentBytes > 10e6 && facts.residentBytes < 10e9);
  assert.ok(facts.cpuSeconds > 0 && facts.cpuSeconds < 1e5);
  assert.ok(Math.abs(facts.startSeconds - Date.now() / 1000) < 3600);
  assert.ok(facts.openFiles >= 3 && facts.openFiles < facts.maxFiles);
});

Deno.test("a file that is opened is one file more", async () => {
  // In a process of its own: other threads of this one open and close files all the time.
  const script = `
    import { processFacts } from ${JSON.stringify(new URL("../../mod/observe/process_facts.ts", import.meta.url).href)};
    processFacts();
    const before = processFacts().openFiles;
    using _file = Deno.openSync("/dev/null");
    console.log(processFacts().openFiles - before);`;
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--config", config, script] })
    .output();
  assert.equal(new TextDecoder().decode(stdout), "1\n", new TextDecoder().decode(stderr));
});
