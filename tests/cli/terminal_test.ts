import assert from "node:assert/strict";
import { readSmallFile, systemTerminal } from "../../mod/cli/terminal.ts";

Deno.test("small files are read whole, devices without an end and missing files are not", async () => {
  const path = await Deno.makeTempFile();
  const text = `${"x".repeat(65_535)}größe\n`;
  await Deno.writeTextFile(path, text);
  assert.equal(readSmallFile(path), text);
  await Deno.remove(path);
  assert.throws(() => readSmallFile("/dev/zero"), /\/dev\/zero is larger than 1048576 bytes/);
  assert.throws(() => readSmallFile(path), Deno.errors.NotFound);
});

Deno.test("random bytes differ each time", () => {
  const terminal = systemTerminal();
  assert.equal(terminal.randomBytes(32).length, 32);
  assert.notDeepEqual(terminal.randomBytes(32), terminal.randomBytes(32));
});
