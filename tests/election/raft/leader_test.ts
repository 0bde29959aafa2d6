import assert from "node:assert/strict";
import { Leader } from "../../../mod/election/raft/leader.ts";
import { RaftLog } from "../../../mod/election/raft/log.ts";
import type { Message } from "../../../mod/election/raft/types.ts";
import { TIMING } from "./lab.ts";

interface Setup {
  readonly leader: Leader;
  readonly log: RaftLog;
  readonly sent: { to: string; message: Message }[];
}

/** A leader of term 2 since 1000, with an empty log before. */
function elected(peers: readonly string[] = ["b", "c"]): Setup {
  const log = new RaftLog(null);
  const sent: Setup["sent"] = [];
  const send = (to: string, message: Message): void => void sent.push({ to, message });
  return { leader: new Leader({ id: "a", peers, timing: TIMING, term: 2, log, send, graceMs: 0 }, 1000), log, sent };
}

/** Takes what was sent, as "receiver type". */
function taken(sent: Setup["sent"]): string[] {
  return sent.splice(0).map(({ to, message }) => `${to} ${message.type}`);
}

function answer({ leader }: Setup, from: string, at: { round: number; now: number }): void {
  leader.onBeatReply(at.now, from, { type: "beatReply", term: 2, round: at.round, clockMs: at.now, graceMs: 0 });
}

Deno.test("a leader begins with a no-op and a beat to everybody (§3.4, §3.6.2)", () => {
  const { log, sent } = elected();
  assert.deepEqual(taken(sent), ["b append", "c append", "b beat", "c beat"]);
  assert.deepEqual([log.lastIndex, log.lastTerm], [1, 2]);
});

Deno.test("beats follow each other, and who is silent for 0.4 beats gets the beat once more", () => {
  const setup = elected();
  taken(setup.sent);
  answer(setup, "b", { round: 1, now: 1001 });
  assert.equal(setup.leader.deadline, 1020);
  setup.leader.tick(1020);
  assert.deepEqual(taken(setup.sent), ["c beat"]);
  assert.equal(setup.leader.deadline, 1050);
  setup.leader.tick(1050);
  assert.deepEqual(taken(setup.sent).filter((each) => each.endsWith("beat")), ["b beat", "c beat"]);
});

Deno.test("the lease ends with the silence of a majority, at that instant (§6.4.1)", () => {
  const setup = elected();
  assert.equal(setup.leader.leaseUntil(1000), -Infinity);
  answer(setup, "b", { round: 1, now: 1030 });
  assert.equal(setup.leader.leaseUntil(1030), 1200);
  assert.equal(setup.leader.tick(1199), "lead");
  assert.equal(setup.leader.tick(1200), "quorum-lost");
});

Deno.test("an append is repeated when it was not answered within a beat, and duplicates of the answer set nothing off", () => {
  const setup = elected();
  taken(setup.sent);
  setup.leader.tick(1050);
  assert.deepEqual(taken(setup.sent).filter((each) => each.endsWith("append")), ["b append", "c append"]);
  setup.leader.onAppendReply(1051, "b", { type: "appendReply", term: 2, ok: true, match: 1 });
  setup.leader.propose(1052, new Uint8Array(1));
  assert.deepEqual(taken(setup.sent), ["b append"], "c has one under way");
  setup.leader.onAppendReply(1053, "b", { type: "appendReply", term: 2, ok: true, match: 1 });
  assert.deepEqual(taken(setup.sent), []);
});

Deno.test("an entry is committed when a majority has it on disk, the leader included only when its own disk has (§10.2.1)", () => {
  const setup = elected(["b", "c", "d", "e"]);
  const reply = { type: "appendReply", term: 2, ok: true, match: 1 } as const;
  for (const from of ["b", "c"]) setup.leader.onAppendReply(1001, from, reply);
  assert.equal(setup.log.commitIndex, 0);
  setup.log.markDurable(1, 2);
  setup.leader.advanceCommit();
  assert.equal(setup.log.commitIndex, 1);
});

Deno.test("an entry of an earlier term is committed only by one of this term (§3.6.2)", () => {
  const hard = { term: 2, vote: "a", joining: false };
  const log = new RaftLog({ hard, snapshot: null, entries: [{ index: 1, term: 1, data: new Uint8Array(1) }] });
  const leader = new Leader(
    { id: "a", peers: ["b", "c"], timing: TIMING, term: 2, log, send: () => {}, graceMs: 0 },
    1000,
  );
  leader.onAppendReply(1001, "b", { type: "appendReply", term: 2, ok: true, match: 1 });
  assert.equal(log.commitIndex, 0);
  log.markDurable(2, 2);
  leader.onAppendReply(1002, "b", { type: "appendReply", term: 2, ok: true, match: 2 });
  assert.equal(log.commitIndex, 2);
});

Deno.test("entries that wait for a majority are bounded", () => {
  const { leader } = elected();
  let accepted = 0;
  while (leader.propose(1000, new Uint8Array(1)) !== null) accepted++;
  assert.equal(accepted, 255);
});

Deno.test("holders get the lease a round has earned as soon as it is earned, once", () => {
  const setup = elected();
  setup.leader.assign(1000, new Map([["ip", "b"]]));
  taken(setup.sent);
  answer(setup, "b", { round: 2, now: 1001 });
  const beat = setup.sent.at(-1)?.message;
  assert.deepEqual(taken(setup.sent), ["b beat"]);
  assert.ok(beat?.type === "beat" && beat.leaseLeftMs === 199 && beat.echoMs === 1001 && beat.holds[0] === "ip");
  answer(setup, "b", { round: 2, now: 1002 });
  answer(setup, "c", { round: 2, now: 1002 });
  assert.deepEqual(taken(setup.sent), []);
});

Deno.test("a holder without a guard holds nothing before a majority knows how long it may answer", () => {
  const setup = elected();
  setup.leader.assign(1000, new Map([["ip", "b"]]));
  const told = (round: number): [number, readonly string[]][] =>
    setup.sent.splice(0).flatMap(({ to, message }) =>
      to === "b" && message.type === "beat" && message.round === round
        ? [[message.graceMs, message.holds] as [number, readonly string[]]]
        : []
    );
  const unguarded = { type: "beatReply", term: 2, clockMs: 5, graceMs: 1050 } as const;
  setup.leader.onBeatReply(1001, "b", { ...unguarded, round: 2 });
  assert.deepEqual(told(2).at(-1), [0, []]);
  setup.leader.tick(1050);
  assert.deepEqual(told(3), [[1050, []]]);
  setup.leader.onBeatReply(1051, "b", { ...unguarded, round: 3 });
  assert.deepEqual(told(3), [[1050, ["ip"]]]);
});

Deno.test("the echo is that of the latest round: after a restart the clock of a peer may have gone back", () => {
  const setup = elected();
  setup.leader.onBeatReply(1001, "b", { type: "beatReply", term: 2, round: 1, clockMs: 9e9, graceMs: 0 });
  setup.leader.tick(1050);
  setup.leader.onBeatReply(1051, "b", { type: "beatReply", term: 2, round: 2, clockMs: 5, graceMs: 0 });
  setup.leader.onBeatReply(1052, "b", { type: "beatReply", term: 2, round: 1, clockMs: 9e9, graceMs: 0 });
  setup.sent.splice(0);
  setup.leader.tick(1100);
  const echoes = setup.sent.flatMap(({ to, message }) => to === "b" && message.type === "beat" ? [message.echoMs] : []);
  assert.deepEqual(echoes, [5]);
});

Deno.test("a hand-over begins with the leader's own grants, waits for the members', and then ends the lease for good", () => {
  const setup = elected();
  const { leader, sent } = setup;
  leader.onAppendReply(1001, "c", { type: "appendReply", term: 2, ok: true, match: 1 });
  leader.assign(1001, new Map([["ip1", "a"], ["ip2", "b"]]));
  answer(setup, "b", { round: 2, now: 1002 });
  assert.deepEqual(leader.ownHolds, ["ip1"]);
  leader.beginHandover(1003, "c");
  assert.deepEqual(leader.ownHolds, []);
  assert.equal(leader.tick(1003), "lead");
  assert.ok(!sent.some(({ message }) => message.type === "timeoutNow") && leader.leaseUntil(1003) > 1003);
  answer(setup, "b", { round: 3, now: 1004 });
  leader.tick(1004);
  assert.ok(sent.some(({ to, message }) => to === "c" && message.type === "timeoutNow"));
  assert.equal(leader.leaseUntil(1004), -Infinity);
  answer(setup, "b", { round: leader.tick(1054) === "lead" ? 5 : 0, now: 1055 });
  assert.equal(leader.leaseUntil(1055), -Infinity);
});

Deno.test("the best target answers, and has most of the log", () => {
  const setup = elected(["b", "c", "d"]);
  assert.equal(setup.leader.bestTarget(1000), null);
  answer(setup, "c", { round: 1, now: 1001 });
  answer(setup, "d", { round: 1, now: 1001 });
  setup.leader.onAppendReply(1001, "b", { type: "appendReply", term: 2, ok: true, match: 1 });
  setup.leader.onAppendReply(1001, "d", { type: "appendReply", term: 2, ok: true, match: 1 });
  assert.equal(setup.leader.bestTarget(1002), "d");
});
