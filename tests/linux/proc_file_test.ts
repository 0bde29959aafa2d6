import assert from "node:assert/strict";
import { readProcFile } from "../../mod/linux/proc_file.ts";

Deno.test("a file of the kernel is read without its newline, what is not there is null, a folder is refused", () => {
  assert.match(readProcFile("/proc/sys/kernel/ostype") ?? "", /^Linux$/);
  assert.equal(readProcFile("/proc/there-is-none"), null);
  assert.throws(() => readProcFile("/proc/sys"), { code: "EISDIR" });
});
