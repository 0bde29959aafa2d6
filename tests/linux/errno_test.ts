import assert from "node:assert/strict";
import { Errno, errnoName, readErrno, sysCall, SysError } from "../../mod/linux/errno.ts";
import { libc } from "../../mod/linux/libc.ts";

Deno.test("readErrno() gives the error of the call just made", () => {
  for (let round = 0; round < 1000; round++) {
    assert.equal(libc.close(-1), -1);
    assert.equal(readErrno(), Errno.EBADF);
    assert.equal(libc.socket(9999, 1, 0), -1);
    assert.equal(readErrno(), Errno.EAFNOSUPPORT);
  }
});

Deno.test("sysCall() gives the result, or throws an error that says what failed, on what and why", () => {
  assert.equal(sysCall("anything", 7), 7);
  assert.throws(() => sysCall("close", libc.close(-1), "-1"), (error: unknown) => {
    assert.ok(error instanceof SysError);
    assert.equal(error.message, "Cannot close -1: EBADF");
    assert.deepEqual([error.op, error.subject, error.errno, error.code], ["close", "-1", 9, "EBADF"]);
    return true;
  });
});

Deno.test("SysError quotes the kernel's own words where there are any", () => {
  const error = new SysError("add rule", 22, { subject: "inet guard", reason: "no such hook" });
  assert.equal(error.message, "Cannot add rule inet guard: EINVAL (no such hook)");
  assert.equal(new SysError("eventfd", 24).message, "Cannot eventfd: EMFILE");
});

Deno.test("errnoName() knows every number of the table once, and numbers that are not in it", () => {
  const numbers = Object.values(Errno);
  assert.equal(new Set(numbers).size, numbers.length);
  for (const [name, value] of Object.entries(Errno)) assert.equal(errnoName(value), name);
  assert.equal(errnoName(4000), "E4000");
});
