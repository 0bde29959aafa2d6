import assert from "node:assert/strict";
import type { Grant } from "../../../mod/election/elector.ts";
import { Grants } from "../../../mod/election/lease/grants.ts";

function recorder(): { lines: string[]; grants: Grants } {
  const lines: string[] = [];
  const grants = new Grants({
    granted: (given) => void lines.push(`granted ${given.map((grant) => `${grant.scope}@${grant.validUntil}`)}`),
    revoked: (scopes, reason) => void lines.push(`revoked ${scopes} ${reason}`),
  });
  return { lines, grants };
}

function grant(scope: string, validUntil: number, more: Partial<Grant> = {}): Grant {
  return { scope, epoch: 1, validUntil, ...more };
}

Deno.test("what ends is told before what begins, and nothing is told twice", () => {
  const { lines, grants } = recorder();
  grants.update([grant("a", 10), grant("b", 10)], "stopping");
  grants.update([grant("a", 10), grant("b", 10)], "stopping");
  grants.update([grant("b", 20), grant("c", 20)], "reassigned");
  grants.update([], "lease-lost");
  grants.update([], "lease-lost");
  assert.deepEqual(lines, [
    "granted a@10,b@10",
    "revoked a reassigned",
    "granted b@20,c@20",
    "revoked b,c lease-lost",
  ]);
});

Deno.test("a grant that becomes a preserved one is told again", () => {
  const { lines, grants } = recorder();
  grants.update([grant("a", 10)], "stopping");
  grants.update([grant("a", 10, { preserved: true })], "lease-lost");
  grants.update([grant("a", 10, { preserved: true, epoch: 2 })], "lease-lost");
  assert.equal(lines.length, 3);
});

Deno.test("an end that was not taken in is told again", () => {
  let fails = true;
  const ended: string[] = [];
  const grants = new Grants({
    granted: () => {},
    revoked: (scopes) => {
      if (fails) throw new Error("kernel");
      ended.push(...scopes);
    },
  });
  grants.update([grant("a", 10)], "stopping");
  assert.throws(() => grants.update([], "stopping"), /kernel/);
  assert.equal(grants.given.size, 1);
  fails = false;
  grants.update([], "stopping");
  assert.deepEqual(ended, ["a"]);
});
