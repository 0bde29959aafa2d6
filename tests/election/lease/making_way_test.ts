import assert from "node:assert/strict";
import { type Condition, MakingWay } from "../../../mod/election/lease/making_way.ts";
import { standAsideMs } from "../../../mod/election/lease/times.ts";
import { SHORT } from "../../fakes/lease_cluster.ts";

const ASIDE = standAsideMs(SHORT);
const UNFIT: Condition = { fit: false, rival: () => true };
const ALONE: Condition = { fit: false, rival: () => false };

Deno.test("only an unfit holder leaves, and only if there is a rival", () => {
  const way = new MakingWay(SHORT);
  assert(way.shouldLeave(0, UNFIT));
  assert(!way.shouldLeave(0, ALONE));
  const asked = { fit: true, rival: (): boolean => assert.fail("asked without need") };
  assert(!way.shouldLeave(0, asked));
});

Deno.test("whoever left stands aside longer than upstream's slowest poll, then may take the Lease again", () => {
  const way = new MakingWay(SHORT);
  way.tick(false);
  way.left(1000, "unfit");
  assert(ASIDE > 2.2 * SHORT.retryMs);
  assert.equal(way.mayTryAt(1000), 1000 + ASIDE);
  assert.equal(way.mayResumeAt(1000), 1000 + ASIDE);
  assert.equal(way.mayTryAt(50_000), 50_000 + ASIDE, "an unfit candidate leaves a free Lease to others");
  assert.equal(way.mayResumeAt(50_000), 50_000, "its own it keeps");
});

Deno.test("a node that is well again stands aside no longer, unless it was told to hand over", () => {
  const way = new MakingWay(SHORT);
  way.left(1000, "unfit");
  way.tick(true);
  assert.equal(way.mayTryAt(1001), 1001);
  way.left(2000, "transfer");
  way.tick(true);
  assert.equal(way.mayTryAt(2001), 2000 + ASIDE);
});

Deno.test("a holder that nobody relieved offers the Lease again after 30 s, 60 s, … until it is fit", () => {
  const way = new MakingWay(SHORT);
  way.tick(false);
  let now = 0;
  for (const restMs of [30_000, 60_000, 120_000]) {
    way.left(now, "unfit");
    assert(!way.shouldLeave(now + restMs - 1, UNFIT));
    assert(way.shouldLeave(now + restMs, UNFIT));
    now += restMs;
  }
  way.tick(true);
  way.tick(false);
  assert(way.shouldLeave(now, UNFIT));
  way.left(now, "unfit");
  assert(way.shouldLeave(now + 30_000, UNFIT));
});

Deno.test("a hand-over on demand does not count as an offer", () => {
  const way = new MakingWay(SHORT);
  way.left(0, "transfer");
  assert(way.shouldLeave(1, UNFIT));
});
