import assert from "node:assert/strict";
import { Asking, type Learned } from "../../../mod/election/raft/joining.ts";
import { TIMING } from "./lab.ts";

/** Answers: a term, or "fresh". `late`: asked again after an election minimum; `later`: after the longest candidacy. */
function conclude(
  voters: number,
  answers: readonly (number | "fresh")[],
  options: { late?: boolean; later?: boolean; stale?: boolean } = {},
): Learned {
  let chance = 0.1;
  const asking = new Asking({ voters, timing: TIMING, now: 1000, random: () => (chance += 0.01), selfFresh: true });
  asking.isHelloDue(1000);
  const first = asking.nonce;
  if (options.late === true) asking.isHelloDue(1255);
  if (options.later === true) asking.isHelloDue(2020);
  const nonce = options.stale === true ? first : asking.nonce;
  let learned = asking.conclusion();
  answers.forEach((answer, at) => {
    const fresh = answer === "fresh";
    learned = asking.onReply(`m${at}`, { type: "helloReply", term: fresh ? 0 : answer, fresh, nonce });
  });
  return learned;
}

const late = { late: true };
const later = { later: true };
const asking = { outcome: "asking" };
const bootstrap = { outcome: "bootstrap" };
const learn = (term: number, mayVote: boolean): object => ({ outcome: "learn", term, mayVote });

const CASES: readonly [string, Learned, object][] = [
  ["a single voter begins at once", conclude(1, []), bootstrap],
  ["three voters, one other fresh: a majority has nothing to forget", conclude(3, ["fresh"]), bootstrap],
  ["three voters, nobody answered", conclude(3, []), asking],
  ["three voters, one knows a term: the other might know a later one", conclude(3, [4], late), asking],
  ["three voters, both known: learns the later term, votes when caught up", conclude(3, [4, 7], late), learn(7, false)],
  ["answers before the end of the longest candidacy do not count", conclude(3, [4, 7]), asking],
  [
    "answers to the first question do not count after the second",
    conclude(3, [4, 7], { late: true, stale: true }),
    asking,
  ],
  ["five voters need three that know", conclude(5, [4, 7], later), asking],
  ["five voters, three that know after the longest candidacy", conclude(5, [4, 7, 5], later), learn(7, false)],
  ["before that the one that is missing may be a candidate", conclude(5, [4, 7, 5], late), asking],
  ["unless all answer: then the candidate is among them", conclude(5, [4, 7, 5, 6], late), learn(7, false)],
  ["another one without state does not count among those that know", conclude(5, [4, 7, "fresh"], later), asking],
  ["two voters: the other one knows all there is, and needs a vote", conclude(2, [4], late), learn(4, true)],
  [
    "a majority without state beside one that knows: votes, but does not lead",
    conclude(3, ["fresh", 4], late),
    learn(4, true),
  ],
];

for (const [name, learned, expected] of CASES) {
  Deno.test(`joining: ${name}`, () => assert.deepEqual(learned, expected));
}

Deno.test("joining: asks at once, then four times in an election minimum, and anew when answers begin to count", () => {
  const asking = new Asking({ voters: 3, timing: TIMING, now: 1000, random: Math.random, selfFresh: true });
  const asked: number[] = [];
  for (let now = 1000; now < 2100; now = asking.deadline) if (asking.isHelloDue(now)) asked.push(now);
  assert.deepEqual(asked.slice(0, 8), [1000, 1062.5, 1125, 1187.5, 1250, 1255, 1317.5, 1380]);
  assert.deepEqual(asked.slice(-3), [2005, 2020, 2082.5]);
});
