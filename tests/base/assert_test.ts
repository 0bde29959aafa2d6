import strict from "node:assert/strict";
import { assert, AssertionError, assertNever } from "../../mod/base/assert.ts";

Deno.test("what holds passes, what does not is named", () => {
  assert(1 === 1, "one is one");
  strict.throws(() => assert(0, "zero is something"), new AssertionError("Assertion failed: zero is something"));
});

Deno.test("a case that the compiler was told cannot be is named", () => {
  strict.throws(() => assertNever({ type: "new" } as never), /unexpected \{"type":"new"\}/);
});
