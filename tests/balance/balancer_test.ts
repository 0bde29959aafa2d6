import assert from "node:assert/strict";
import { BalancerError } from "../../mod/balance/balancer.ts";

Deno.test("a balancer's error names the operation, the subject and the cause", () => {
  const cause = new Error("Address already in use");
  const error = new BalancerError("listen on", "port 80", { cause });
  assert.equal(error.message, "Cannot listen on port 80: Address already in use");
  assert.deepEqual([error.operation, error.subject, error.cause], ["listen on", "port 80", cause]);
});
