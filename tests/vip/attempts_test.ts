import assert from "node:assert/strict";
import { Attempts } from "../../mod/vip/attempts.ts";

function failing(): void {
  throw new Error("on purpose");
}

Deno.test("what fails is known since its first failure, until it works or nobody tries it again", () => {
  let now = 1000;
  const attempts = new Attempts(() => now);
  assert.equal(attempts.run("address a", failing), "failed");
  assert.equal(attempts.failing(/^address/, 0), null);
  now += 300;
  attempts.run("address a", failing);
  now += 300;
  assert.equal(attempts.failing(/^address/, 500), "address a");
  assert.equal(attempts.failing(/^address/, 600), null);
  assert.equal(attempts.failing(/^permission/, 0), null);
  assert.equal(attempts.run("address a", () => {}), "done");
  assert.equal(attempts.failing(/^address/, 0), null);
  attempts.run("address b", failing);
  attempts.forget("address b");
  now += 1000;
  assert.equal(attempts.failing(/./, 0), null);
});
