import assert from "node:assert/strict";
import { KubeConfigError } from "../../mod/kube/errors.ts";

Deno.test("An error of the configuration says what was tried with what", () => {
  const error = new KubeConfigError("read", "/token", "there is no such file");
  assert.equal(error.message, 'Cannot read "/token": there is no such file');
});
