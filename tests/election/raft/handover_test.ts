import assert from "node:assert/strict";
import { Handover } from "../../../mod/election/raft/handover.ts";
import { TIMING } from "./lab.ts";

Deno.test("nothing is offered before every member has let go; then at once, and again every 0.4 beats", () => {
  const handover = new Handover("b", { now: 1000, timing: TIMING });
  assert.equal(handover.next(1010, false), "wait");
  assert.equal(handover.phase, "releasing");
  assert.equal(handover.next(1020, true), "offer");
  assert.equal(handover.phase, "handing");
  assert.equal(handover.deadline, 1040);
  assert.equal(handover.next(1039, true), "wait");
  assert.equal(handover.next(1040, true), "offer");
});

Deno.test("what was not offered is cancelled after an election minimum; what was offered cannot be", () => {
  const handover = new Handover("b", { now: 1000, timing: TIMING });
  assert.equal(handover.deadline, 1250);
  assert.equal(handover.next(1250, false), "cancel");
  const offered = new Handover("b", { now: 1000, timing: TIMING });
  offered.next(1100, true);
  assert.equal(offered.next(1349, false), "offer");
  assert.equal(offered.next(1350, true), "give-up");
});
