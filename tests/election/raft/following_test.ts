import assert from "node:assert/strict";
import { Following } from "../../../mod/election/raft/following.ts";
import { EchoClock } from "../../../mod/election/raft/grants.ts";
import { Ledger } from "../../../mod/election/raft/ledger.ts";
import { RaftLog } from "../../../mod/election/raft/log.ts";
import type { Beat } from "../../../mod/election/raft/types.ts";

const data = new Uint8Array(0);

/** A member of term 2 whose log has one entry of term 1. */
function follower(): { following: Following; log: RaftLog; ledger: Ledger; echo: EchoClock } {
  const hard = { term: 2, vote: null, joining: false };
  const log = new RaftLog({ hard, snapshot: null, entries: [{ index: 1, term: 1, data }] });
  const ledger = new Ledger(log, hard);
  const echo = new EchoClock(1000, 0.5);
  return { following: new Following(log, ledger, { echo, graceMs: 0 }), log, ledger, echo };
}

function beat(change: Partial<Beat>): Beat {
  return {
    type: "beat",
    term: 2,
    round: 1,
    commit: 1,
    lastIndex: 1,
    echoMs: null,
    leaseLeftMs: 0,
    graceMs: 0,
    holds: [],
    ...change,
  };
}

Deno.test("a beat commits only what is known to agree with this leader", () => {
  const { following, log, ledger } = follower();
  following.onBeat(1000, "a", beat({}));
  assert.equal(log.commitIndex, 0);
  assert.deepEqual(ledger.ready().send, [{ to: "a", message: { type: "appendReply", term: 2, ok: false, match: 1 } }]);
  following.onAppend("a", { type: "append", term: 2, prevIndex: 1, prevTerm: 1, commit: 0, entries: [] });
  following.onBeat(1000, "a", beat({ round: 2 }));
  assert.equal(log.commitIndex, 1);
});

Deno.test("what agreed with one leader has to be shown again by the next", () => {
  const { following, log } = follower();
  following.onAppend("a", { type: "append", term: 2, prevIndex: 1, prevTerm: 1, commit: 0, entries: [] });
  following.forgetTerm();
  following.onBeat(1000, "b", beat({ term: 3 }));
  assert.equal(log.commitIndex, 0);
});

Deno.test("a learner takes part again when it has what the leader had after its start, shown by an echo of this life", () => {
  const { following, ledger, echo } = follower();
  following.beginLearning(false);
  following.onAppend("a", { type: "append", term: 2, prevIndex: 1, prevTerm: 1, commit: 0, entries: [] });
  following.onBeat(1010, "a", beat({ echoMs: null }));
  assert.ok(following.isLearning && !following.mayVote, "the beat may be older than this life");
  following.onBeat(1010, "a", beat({ round: 2, lastIndex: 2, echoMs: echo.show(1005) }));
  assert.ok(following.isLearning, "the log does not reach");
  const entries = [{ index: 2, term: 2, data }];
  following.onAppend("a", { type: "append", term: 2, prevIndex: 1, prevTerm: 1, commit: 0, entries });
  assert.ok(!following.isLearning && following.mayVote);
  assert.equal(ledger.hard.vote, "a", "its vote of this term may have been cast before");
});

Deno.test("a learner that changes leaders begins again", () => {
  const { following, echo } = follower();
  following.beginLearning(true);
  assert.ok(following.mayVote);
  following.onBeat(1010, "a", beat({ echoMs: echo.show(1005) }));
  following.forgetLeader();
  following.onAppend("b", { type: "append", term: 2, prevIndex: 1, prevTerm: 1, commit: 0, entries: [] });
  assert.ok(following.isLearning);
});

Deno.test("a committed entry is not given up, and nothing is acknowledged", () => {
  const { following, log, ledger } = follower();
  log.commitTo(1);
  following.onAppend("a", {
    type: "append",
    term: 2,
    prevIndex: 0,
    prevTerm: 0,
    commit: 0,
    entries: [{ index: 1, term: 2, data }],
  });
  assert.equal(log.lastTerm, 1);
  assert.deepEqual(ledger.ready().send, []);
});
