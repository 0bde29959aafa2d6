import assert from "node:assert/strict";
import { cString, libc } from "../../mod/linux/libc.ts";

Deno.test("cString() ends with a zero", () => {
  assert.deepEqual(cString("lo"), Uint8Array.of(0x6c, 0x6f, 0));
  assert.deepEqual(cString("ü"), Uint8Array.of(0xc3, 0xbc, 0));
});

Deno.test("the library fills buffers in place and at the offset of a view", () => {
  const limits = new BigUint64Array(3);
  assert.equal(libc.getrlimit(7, limits.subarray(1)), 0);
  assert.equal(limits[0], 0n);
  assert.ok((limits[1] ?? 0n) > 0n && (limits[2] ?? 0n) >= (limits[1] ?? 0n));
});
