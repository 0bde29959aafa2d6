import assert from "node:assert/strict";
import type { Grant } from "../../mod/election/elector.ts";
import { GrantFeed } from "../../mod/election/grant_feed.ts";

function recorder(): { lines: string[]; feed: GrantFeed } {
  const lines: string[] = [];
  const feed = new GrantFeed({
    granted: (given) => void lines.push(`granted ${given.map((grant) => `${grant.scope}@${grant.validUntil}`)}`),
    revoked: (scopes, reason) => void lines.push(`revoked ${scopes} ${reason}`),
  });
  return { lines, feed };
}

function grant(scope: string, validUntil: number, more: Partial<Grant> = {}): Grant {
  return { scope, epoch: 1, validUntil, ...more };
}

Deno.test("what ends is told before what begins, and nothing is told twice", () => {
  const { lines, feed } = recorder();
  feed.update([grant("a", 10), grant("b", 10)], () => "stopping");
  feed.update([grant("a", 10), grant("b", 10)], () => "stopping");
  feed.update([grant("b", 20), grant("c", 20)], () => "reassigned");
  feed.update([], () => "lease-lost");
  feed.update([], () => "lease-lost");
  assert.deepEqual(lines, [
    "granted a@10,b@10",
    "revoked a reassigned",
    "granted b@20,c@20",
    "revoked b,c lease-lost",
  ]);
});

Deno.test("a grant that becomes a preserved one is told again", () => {
  const { lines, feed } = recorder();
  feed.update([grant("a", 10)], () => "stopping");
  feed.update([grant("a", 10, { preserved: true })], () => "lease-lost");
  feed.update([grant("a", 10, { preserved: true, epoch: 2 })], () => "lease-lost");
  assert.equal(lines.length, 3);
});

Deno.test("an end that was not taken in is told again", () => {
  let fails = true;
  const ended: string[] = [];
  const feed = new GrantFeed({
    granted: () => {},
    revoked: (scopes) => {
      if (fails) throw new Error("kernel");
      ended.push(...scopes);
    },
  });
  feed.update([grant("a", 10)], () => "stopping");
  assert.throws(() => feed.update([], () => "stopping"), /kernel/);
  assert.equal(feed.given.size, 1);
  fails = false;
  feed.update([], () => "stopping");
  assert.deepEqual(ended, ["a"]);
});
