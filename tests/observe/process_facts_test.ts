import assert from "node:assert/strict";
import { processFacts } from "../../mod/observe/process_facts.ts";

Deno.test("the process knows its memory, time and files", async () => {
  const before = processFacts();
  assert.ok(before.residentBytes > 10e6 && before.residentBytes < 10e9);
  assert.ok(before.cpuSeconds > 0 && before.cpuSeconds < 1e5);
  assert.ok(Math.abs(before.startSeconds - Date.now() / 1000) < 3600);
  assert.ok(before.openFiles >= 3 && before.openFiles < before.maxFiles);
  const path = await Deno.makeTempFile();
  try {
    using _file = await Deno.open(path);
    assert.equal(processFacts().openFiles, before.openFiles + 1);
  } finally {
    await Deno.remove(path);
  }
});
