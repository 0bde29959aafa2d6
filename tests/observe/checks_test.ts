import assert from "node:assert/strict";
import type { ElectorStatus } from "../../mod/election/elector.ts";
import { type Check, complaints, electorCheck, eventLoopCheck, type Verdict } from "../../mod/observe/checks.ts";
import { VirtualClock } from "../fakes/clock.ts";

const good: Check = { name: "fine", verdict: () => ({ is: "good" }) };
const bad: Check = { name: "link", verdict: () => ({ is: "bad", why: "eth0 is down\nfor ever" }) };
const broken: Check = {
  name: "broken",
  verdict(): Verdict {
    throw new Error("no such thing");
  },
};

Deno.test("only bad checks complain, each in one line; a check that throws is bad", () => {
  assert.deepEqual(complaints([good]), []);
  assert.deepEqual(complaints([good, bad, broken]), [
    "link: eth0 is down for ever",
    "broken: the check failed: no such thing",
  ]);
});

Deno.test("the event loop is bad above the limit and not at it", () => {
  const at = (lastMs: number, largestMs: number, when: "now" | "lately"): string[] =>
    complaints([eventLoopCheck({ report: () => ({ lastMs, largestMs, stalls: 0 }) }, 5000, when)]);
  assert.deepEqual(at(0, 5000, "lately"), []);
  assert.deepEqual(at(0, 5001, "lately"), ["event-loop: stood still for 5.0 s within the last minute"]);
  assert.deepEqual(at(5000, 9000, "now"), []);
  assert.deepEqual(at(5001, 9000, "now"), ["event-loop: stood still for 5.0 s"]);
});

Deno.test("an elector that tries in vain is not stuck, one that stopped trying is", () => {
  const clock = new VirtualClock();
  let status: ElectorStatus = {
    leader: null,
    leading: false,
    transitions: 0,
    goodMs: null,
    triedMs: null,
    trouble: null,
  };
  const check = electorCheck(() => status, { clock, limitMs: 10_000 });
  clock.advance(10_000);
  assert.deepEqual(complaints([check]), []);
  clock.advance(1);
  assert.deepEqual(complaints([check]), ["election: tried nothing for 10.0 s"]);
  status = { ...status, triedMs: clock.now(), trouble: "the API server does not answer" };
  assert.deepEqual(complaints([check]), []);
  clock.advance(12_000);
  assert.deepEqual(complaints([check]), [
    "election: tried nothing for 12.0 s; last trouble: the API server does not answer",
  ]);
});
