import assert from "node:assert/strict";
import {
  Campaign,
  electionTimeout,
  longestCandidacyMs,
  retryTime,
  seatOf,
  succession,
} from "../../../mod/election/raft/campaign.ts";
import { TIMING } from "./lab.ts";

function campaign(kind: "preVote" | "vote", options: { voters?: number; random?: number } = {}): Campaign {
  const random = (): number => options.random ?? 0;
  return new Campaign({
    kind,
    term: 2,
    released: false,
    voters: options.voters ?? 5,
    timing: TIMING,
    now: 1000,
    random,
  });
}

Deno.test("times of campaigns lie where they should: timeout, retry, succession", () => {
  const rows = [[{ place: 0, of: 2 }, [250, 280]], [{ place: 1, of: 2 }, [300, 330]], [{ place: 0, of: 1 }, [
    250,
    310,
  ]]] as const;
  for (const [seat, moments] of rows) {
    assert.deepEqual([0, 1].map((chance) => electionTimeout(0, TIMING, { random: () => chance, seat })), moments);
  }
  assert.deepEqual([0, 1].map((chance) => retryTime(0, TIMING, () => chance)), [25, 100]);
  assert.deepEqual([0, 1].map((chance) => succession(0, TIMING, () => chance)), [0, 25]);
});

Deno.test("followers take their places by name, the leader has none", () => {
  assert.deepEqual(seatOf("c", ["a", "b"], "a"), { place: 1, of: 2 });
  assert.deepEqual(seatOf("b", ["c", "a"], "a"), { place: 0, of: 2 });
  assert.deepEqual(seatOf("c", ["a", "b"], null), { place: 2, of: 3 });
});

Deno.test("a majority of grants wins, a majority of refusals loses, the last word of a member counts", () => {
  const round = campaign("vote");
  assert.equal(round.count("a", true), "open");
  assert.equal(round.count("b", false), "open");
  assert.equal(round.count("b", true), "open");
  assert.equal(round.count("b", true), "open");
  assert.equal(round.count("c", true), "won");
  const lost = campaign("vote");
  assert.deepEqual(["a", "b", "c"].map((id) => lost.count(id, false)), ["open", "open", "lost"]);
  assert.ok(lost.hasAnswered("a") && !lost.hasAnswered("d"));
});

Deno.test("with two voters a single refusal loses", () => {
  const round = campaign("vote", { voters: 2 });
  assert.equal(round.count("a", true), "open");
  assert.equal(round.count("b", false), "lost");
});

Deno.test("a vote nobody refused is waited for four election minimums, a refused one only until the retry", () => {
  const round = campaign("vote");
  assert.equal(round.endsAt, 2000);
  assert.equal(longestCandidacyMs(TIMING), 1000);
  round.count("b", false);
  assert.equal(round.endsAt, 1025);
  assert.equal(campaign("preVote").endsAt, 1025);
});

Deno.test("no candidacy outlasts the longest one, however wide the spread of timeouts", () => {
  const timing = { ...TIMING, electionMaxMs: 5000 };
  const round = new Campaign(
    { kind: "vote", term: 2, released: false, voters: 3, timing, now: 0, random: () => 0.99 },
  );
  round.count("b", false);
  assert.equal(round.endsAt, 1000);
});

Deno.test("the silent are asked again every 0.4 beats", () => {
  const round = campaign("preVote", { random: 0.99 });
  assert.equal(round.deadline, 1020);
  assert.ok(!round.isResendDue(1019));
  assert.ok(round.isResendDue(1020));
  assert.ok(!round.isResendDue(1020));
  assert.equal(round.deadline, 1040);
});
