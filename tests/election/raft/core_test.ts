import assert from "node:assert/strict";
import { RaftCore } from "../../../mod/election/raft/core.ts";
import type { Message, VoteRequest } from "../../../mod/election/raft/types.ts";
import { type Flying, Lab, TIMING } from "./lab.ts";

const THREE = ["a", "b", "c"];

function vote(from: string, to: string, change: Partial<VoteRequest>): Flying {
  const message = { type: "vote", term: 3, lastIndex: 9, lastTerm: 9, transfer: false, ...change } as const;
  return { from, to, message };
}

/** What `to` answers to a request, as granted or not; null if it does not. */
function answer(lab: Lab, request: Flying): boolean | null {
  lab.flying = [];
  lab.inject(request);
  const reply = lab.flying.find((each) => each.to === request.from)?.message;
  return reply !== undefined && "granted" in reply ? reply.granted : null;
}

Deno.test("§3.4: a voter gives one vote a term, the same one when asked again", () => {
  const lab = Lab.veterans(THREE);
  lab.now += 1000;
  assert.equal(answer(lab, vote("b", "a", {})), true);
  assert.equal(answer(lab, vote("c", "a", {})), false);
  assert.equal(answer(lab, vote("b", "a", {})), true);
  assert.equal(answer(lab, vote("c", "a", { term: 4 })), true);
});

Deno.test("§3.8: a vote survives a restart", () => {
  const lab = Lab.veterans(THREE);
  lab.now += 1000;
  answer(lab, vote("b", "a", {}));
  lab.crash("a");
  lab.start("a");
  lab.now += 1000;
  assert.equal(answer(lab, vote("c", "a", {})), false);
});

Deno.test("§3.8: a vote is given when it is on disk, not before", () => {
  const lab = Lab.veterans(THREE);
  lab.now += 1000;
  lab.slowDisk("a");
  assert.equal(answer(lab, vote("b", "a", {})), null);
  lab.sync("a");
  assert.deepEqual(lab.flying.map(({ message }) => message), [{ type: "voteReply", term: 3, granted: true }]);
});

Deno.test("a leader that steps down stands by its own lease until it ends: members may still hold under it", () => {
  const lab = Lab.led(THREE, "a");
  lab.run(10);
  const until = lab.core("a").leaseUntil(lab.now);
  lab.inject({ from: "b", to: "a", message: { type: "beatReply", term: 9, round: 0, clockMs: 0, graceMs: 0 } });
  assert.equal(lab.core("a").role, "follower");
  lab.now = until - 1;
  assert.equal(answer(lab, vote("c", "a", { term: 10 })), false);
  lab.now = until;
  assert.equal(answer(lab, vote("c", "a", { term: 10 })), true);
});

Deno.test("a leader whose kernel has no guard is waited for as much longer as it may answer", () => {
  const lab = Lab.led(THREE, "a");
  lab.crash("a");
  for (const to of ["b", "c"]) {
    lab.inject({
      from: "a",
      to,
      message: {
        type: "beat",
        term: lab.core(to).term,
        round: 99,
        commit: 0,
        lastIndex: 0,
        echoMs: null,
        leaseLeftMs: 0,
        graceMs: 1000,
        holds: [],
      },
    });
  }
  lab.run(1240);
  assert.deepEqual(["b", "c"].map((id) => lab.core(id).role), ["follower", "follower"]);
  assert.equal(answer(lab, vote("c", "b", { term: 9 })), false);
  lab.run(300);
  assert.equal(["b", "c"].some((id) => lab.core(id).role === "leader"), true);
});

Deno.test("§3.6.1: no vote for a log that lacks what this one has", () => {
  const lab = Lab.led(THREE, "a");
  lab.crash("a");
  lab.run(300, { deliver: false });
  assert.equal(answer(lab, vote("c", "b", { term: 9, lastIndex: 1, lastTerm: 1 })), false);
  assert.equal(answer(lab, vote("c", "b", { term: 9, lastIndex: 1, lastTerm: 2 })), true);
});

Deno.test("§3.3: an older term is refused and learns the newer one", () => {
  const lab = Lab.led(THREE, "a");
  lab.inject({
    from: "c",
    to: "b",
    message: { type: "append", term: 1, prevIndex: 0, prevTerm: 0, commit: 9, entries: [] },
  });
  assert.deepEqual(lab.flying.map(({ message }) => message), [{ type: "appendReply", term: 2, ok: false, match: 0 }]);
  assert.equal(lab.core("b").leader, "a");
});

Deno.test("§4.2.3: who hears a leader refuses votes and pre-votes for one election minimum, and keeps its term", () => {
  const lab = Lab.led(THREE, "a");
  lab.isolate("a");
  lab.now += TIMING.electionMinMs - 1;
  for (const type of ["vote", "preVote"] as const) assert.equal(answer(lab, vote("c", "b", { type, term: 7 })), false);
  assert.equal(lab.core("b").term, 2);
  lab.now += 1;
  assert.equal(answer(lab, vote("c", "b", { type: "preVote", term: 7 })), true);
});

Deno.test("§6.4.1: a leader refuses votes while it leads", () => {
  const lab = Lab.led(THREE, "a");
  assert.equal(answer(lab, vote("c", "a", { term: 7 })), false);
  assert.equal(answer(lab, vote("c", "a", { term: 3, transfer: true })), false, "it offered leadership to nobody");
  assert.equal(lab.core("a").role, "leader");
});

Deno.test("a voter that restarts grants no vote for one election minimum: it has forgotten whose lease it stood for", () => {
  const lab = Lab.led(THREE, "a");
  lab.crash("b");
  lab.start("b");
  assert.equal(answer(lab, vote("c", "b", {})), false);
  lab.now += TIMING.electionMinMs;
  assert.equal(answer(lab, vote("c", "b", {})), true);
});

Deno.test("§9.6: a returning follower does not disturb the leader", () => {
  const lab = Lab.led(THREE, "a");
  lab.isolate("c");
  lab.run(5000);
  assert.equal(lab.core("c").term, 2, "it could not even raise its own term");
  lab.heal();
  lab.run(1000);
  assert.deepEqual([lab.leader(), lab.core("a").term, lab.core("c").leader], ["a", 2, "a"]);
  lab.crash("c");
  lab.start("c");
  lab.run(1000);
  assert.deepEqual([lab.leader(), lab.core("a").term, lab.core("c").leader], ["a", 2, "a"]);
});

const LOSSES: Record<string, (lab: Lab) => void> = {
  "its followers are gone": (lab) => {
    lab.isolate("a");
    lab.run(TIMING.leaseMs);
  },
  "a later term is heard": (lab) => {
    lab.inject({ from: "b", to: "a", message: { type: "beatReply", term: 9, round: 1, clockMs: 0, graceMs: 0 } });
  },
  "a successor is heard": (lab) => {
    const beat: Message = {
      type: "beat",
      term: 9,
      round: 1,
      commit: 0,
      lastIndex: 0,
      echoMs: null,
      leaseLeftMs: 0,
      graceMs: 0,
      holds: [],
    };
    lab.inject({ from: "b", to: "a", message: beat });
  },
  "leadership is handed over": (lab) => void lab.core("a").transfer(lab.now, "b"),
  "it resigns": (lab) => lab.core("a").resign(lab.now),
  "the process stood still past its lease": (lab) => {
    lab.now += 1000;
    lab.inject({ from: "b", to: "a", message: { type: "beatReply", term: 2, round: 1, clockMs: 0, graceMs: 0 } });
  },
};

for (const [why, lose] of Object.entries(LOSSES)) {
  Deno.test(`loss is always delivered: the grants of a leader are gone when ${why}`, () => {
    const lab = Lab.led(THREE, "a");
    lab.core("a").assign(lab.now, new Map([["ip", "a"]]));
    lab.run(10);
    assert.equal(lab.core("a").grants(lab.now).length, 1);
    lose(lab);
    assert.deepEqual(lab.core("a").grants(lab.now), []);
  });
}

Deno.test("a leader whose lease ran out says so and sends no more beats; whoever hears it elects at once", () => {
  const lab = Lab.led(THREE, "a");
  lab.cut("b>a", "c>a");
  lab.run(TIMING.leaseMs - 1);
  assert.equal(lab.leader(), "a");
  lab.run(30);
  assert.notEqual(lab.leader(), "a");
  assert.equal(lab.core("a").role, "follower");
  assert.ok(["b", "c"].includes(lab.leader() ?? ""), "within the spread of a succession");
});

Deno.test("beats of a leader that has resigned come too late: nobody follows or acknowledges it", () => {
  const lab = Lab.led(THREE, "a");
  lab.now += 50;
  lab.core("a").tick(lab.now);
  lab.pump("a");
  const late = lab.drop({ to: "b", type: "beat" });
  lab.core("a").resign(lab.now);
  lab.pump("a");
  lab.deliver({ to: "b", type: "resign" });
  lab.flying = [];
  for (const each of late) lab.inject(each);
  assert.equal(lab.core("b").leader, null);
  assert.deepEqual(lab.flying.map(({ message }) => message.type === "beatReply" && message.round), [0]);
});

Deno.test("a reply to an older leader's beat acknowledges no round of the term it names", () => {
  const lab = Lab.led(THREE, "a");
  const beat: Message = {
    type: "beat",
    term: 1,
    round: 1,
    commit: 0,
    lastIndex: 0,
    echoMs: null,
    leaseLeftMs: 0,
    graceMs: 0,
    holds: [],
  };
  lab.inject({ from: "a", to: "b", message: beat });
  assert.deepEqual(lab.flying.map(({ message }) => message.type === "beatReply" && [message.term, message.round]), [[
    2,
    0,
  ]]);
});

Deno.test("§3.10: a hand-over takes four messages, waits for no timeout, and the former leader follows", () => {
  const lab = Lab.led(THREE, "a");
  const before = lab.now;
  assert.deepEqual(lab.core("a").transfer(lab.now, null), { outcome: "started", to: "b" });
  lab.pump("a");
  lab.settle();
  assert.deepEqual([lab.leader(), lab.core("b").term, lab.core("a").leader, lab.now], ["b", 3, "b", before]);
});

Deno.test("a hand-over to nobody, by nobody, or to a stranger says so", () => {
  const lab = Lab.led(THREE, "a");
  assert.deepEqual(lab.core("b").transfer(lab.now, "c"), { outcome: "not-leader", leader: "a" });
  assert.deepEqual(lab.core("a").transfer(lab.now, "x"), { outcome: "no-target" });
  const single = Lab.led(["a"], "a");
  assert.deepEqual(single.core("a").transfer(single.now, null), { outcome: "no-target" });
});

Deno.test("an offer that arrives after the old leader stands again is worthless", () => {
  const lab = Lab.led(THREE, "a");
  lab.core("a").transfer(lab.now, "b");
  lab.pump("a");
  const offers = lab.drop({ type: "timeoutNow" });
  assert.equal(offers.length, 1);
  lab.cut("a>b");
  lab.run(TIMING.electionMinMs + 50);
  assert.deepEqual([lab.leader(), lab.core("a").term], ["a", 3]);
  for (const offer of offers) lab.inject(offer);
  lab.settle();
  assert.deepEqual([lab.leader(), lab.core("a").role], ["a", "leader"]);
});

Deno.test("a single voter leads as soon as its vote is on disk, and always has a lease", () => {
  const lab = new Lab(["a"]);
  lab.start("a");
  lab.run(0);
  assert.equal(lab.core("a").role, "leader");
  lab.core("a").assign(lab.now, new Map([["ip", "a"]]));
  lab.run(5000);
  assert.deepEqual(lab.core("a").grants(lab.now), [{ ip: "ip", validUntil: lab.now + TIMING.leaseMs }]);
  assert.equal(lab.core("a").propose(lab.now, new Uint8Array(1)).outcome, "accepted");
  lab.pump("a");
  assert.equal(lab.core("a").commitIndex, 2);
});

Deno.test("strangers are not heard, and a member outside its own cluster or with an unsafe lease is refused", () => {
  const lab = Lab.led(THREE, "a");
  lab.inject(vote("x", "b", { term: 99, transfer: true }));
  assert.equal(lab.core("b").term, 2);
  const options = { id: "a", voters: THREE, timing: TIMING, stored: null, now: 0, random: () => 0 };
  assert.throws(() => new RaftCore({ ...options, id: "x" }), /one of the voters/);
  assert.throws(() => new RaftCore({ ...options, timing: { ...TIMING, leaseMs: 246 } }), /lease/);
});

Deno.test("a member without state that hears nobody stays fresh and silent, which a solo start relies on", () => {
  const lab = new Lab(THREE);
  lab.start("a");
  lab.run(10_000);
  assert.deepEqual([lab.core("a").role, lab.core("a").fresh], ["joining", true]);
});

Deno.test("total restart: a leader again within two election timeouts of the second member's start", () => {
  const lab = Lab.led(THREE, "a");
  for (const id of THREE) lab.crash(id);
  lab.run(1000);
  lab.start("a");
  lab.run(3000);
  assert.equal(lab.leader(), null);
  lab.start("c");
  lab.run(2 * TIMING.electionMaxMs);
  assert.notEqual(lab.leader(), null);
});

Deno.test("a voter that restarts without a guard stands by a leader without one for the longer time it may answer", () => {
  for (const [graceMs, quietMs] of [[0, TIMING.electionMinMs], [1050, TIMING.electionMinMs + 1071]] as const) {
    const voterAt = (now: number): boolean => {
      const stored = { hard: { term: 1, vote: null, joining: false }, snapshot: null, entries: [] };
      const core = new RaftCore({ id: "a", voters: THREE, timing: TIMING, stored, now: 0, random: () => 0.5, graceMs });
      core.step(now, "b", { type: "preVote", term: 2, lastIndex: 0, lastTerm: 0, transfer: false });
      return core.ready(now).send.some(({ message }) => message.type === "preVoteReply" && message.granted);
    };
    assert.deepEqual([voterAt(quietMs - 1), voterAt(quietMs)], [false, true], `grace ${graceMs}`);
    const stored = { hard: { term: 1, vote: null, joining: false }, snapshot: null, entries: [] };
    const core = new RaftCore({ id: "a", voters: THREE, timing: TIMING, stored, now: 0, random: () => 0, graceMs });
    for (let at = core.nextDeadline(); at < quietMs; at = core.nextDeadline()) core.tick(at);
    assert.equal(core.role, "follower", "nor does it stand itself");
  }
});

Deno.test("members whose disks need longer than an election minimum for a write still elect a leader", () => {
  for (const writeMs of [100, 300, 450]) {
    const lab = Lab.veterans(THREE);
    const due = new Map<string, number>();
    for (const id of THREE) lab.slowDisk(id);
    const start = lab.now;
    while (!THREE.some((id) => lab.core(id).leaseUntil(lab.now) > lab.now)) {
      lab.run(5);
      for (const id of THREE) {
        if ((lab.node(id).pending ?? []).length === 0) continue;
        const at = due.get(id) ?? lab.now + writeMs;
        due.set(id, at);
        if (lab.now < at) continue;
        due.delete(id);
        lab.sync(id);
        lab.slowDisk(id);
      }
      assert(lab.now - start < 2500, `nobody leads with ${writeMs} ms a write`);
    }
  }
});
