import assert from "node:assert/strict";
import { GrantFeed } from "../../../mod/election/raft/grant_feed.ts";

Deno.test("the sink hears what moved and what ended, endings first, and nothing twice", () => {
  const told: string[] = [];
  const feed = new GrantFeed({
    granted: (grants) => told.push(...grants.map((each) => `+${each.scope}@${each.validUntil}/${each.epoch}`)),
    revoked: (scopes, reason) => told.push(`-${scopes} ${reason}`),
  });
  const update = (held: Record<string, number>, epoch = 3): string => {
    told.length = 0;
    const list = Object.entries(held).map(([ip, validUntil]) => ({ ip, validUntil }));
    feed.update(list, { epoch, reason: () => "reassigned" });
    return told.join(" ");
  };
  assert.equal(update({}), "");
  assert.equal(update({ x: 100, y: 100 }), "+x@100/3 +y@100/3");
  assert.equal(update({ x: 100, y: 100 }), "");
  assert.equal(update({ x: 150, y: 100 }), "+x@150/3");
  assert.equal(update({ x: 150, y: 100 }, 4), "+x@150/4 +y@100/4");
  assert.equal(update({ y: 120, z: 120 }, 4), "-x reassigned +y@120/4 +z@120/4");
  assert.deepEqual([...feed.given.keys()], ["y", "z"]);
  assert.equal(update({}, 4), "-y,z reassigned");
  assert.equal(update({}, 4), "");
});

Deno.test("what the sink failed to end is still given, and ended the next time", () => {
  let broken = true;
  const ended: string[] = [];
  const feed = new GrantFeed({
    granted: () => {},
    revoked: (scopes) => {
      if (broken) throw new Error("broken");
      ended.push(...scopes);
    },
  });
  const context = { epoch: 1, reason: () => "deposed" as const };
  feed.update([{ ip: "x", validUntil: 100 }], context);
  assert.throws(() => feed.update([], context), /broken/);
  assert.deepEqual([...feed.given.keys()], ["x"]);
  broken = false;
  feed.update([], context);
  assert.deepEqual([ended, [...feed.given.keys()]], [["x"], []]);
});
