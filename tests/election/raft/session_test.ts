import assert from "node:assert/strict";
import { deriveKeys, encodeFrame } from "../../../mod/election/raft/frame.ts";
import { PeerSessions } from "../../../mod/election/raft/session.ts";
import type { OpenOutcome, Sealed } from "../../../mod/election/raft/session.ts";
import type { MemberId } from "../../../mod/election/raft/types.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

const IDS = ["a", "b", "c"];
const chance = seededRandom(77);
let sessionCount = 0n;

function end(self: MemberId, secret: string | null = "s3cret", clusterId = "test"): PeerSessions {
  return new PeerSessions({
    self,
    peers: IDS.filter((id) => id !== self),
    secret,
    clusterId,
    session: ++sessionCount,
    nonce: () => Uint8Array.from({ length: 16 }, () => chance() * 256),
  });
}

/** Delivers a datagram and every answer that follows, back and forth; the outcomes in order. */
function deliver(
  ends: Map<MemberId, PeerSessions>,
  from: MemberId,
  first: { sealed: Sealed; now?: number },
): OpenOutcome[] {
  const outcomes: OpenOutcome[] = [];
  let sender = from;
  let next: Sealed | null = first.sealed;
  while (next !== null) {
    const receiver: MemberId = next.to;
    const outcome: OpenOutcome | undefined = ends.get(receiver)?.open(first.now ?? 0, next.datagram);
    assert(outcome !== undefined && outcomes.length < 10, `${sender} to ${receiver}`);
    outcomes.push(outcome);
    next = outcome.answer;
    sender = receiver;
  }
  return outcomes;
}

function present<T>(value: T | null | undefined): T {
  assert(value !== null && value !== undefined);
  return value;
}

function pair(): { a: PeerSessions; b: PeerSessions; ends: Map<MemberId, PeerSessions> } {
  const [a, b] = [end("a"), end("b")];
  return { a, b, ends: new Map([["a", a], ["b", b]]) };
}

/** The datagram of a payload that the sender may send. */
function data(sender: PeerSessions, to: MemberId, payload = Uint8Array.of(1)): Uint8Array<ArrayBuffer> {
  const sealed = sender.seal(0, to, payload);
  assert(sealed.outcome === "sealed");
  return sealed.datagram;
}

function reason(outcome: OpenOutcome): string {
  return outcome.outcome === "dropped" ? outcome.reason : outcome.outcome;
}

Deno.test("one hello, one welcome and one confirm prove both sides, and data passes", () => {
  const { a, b, ends } = pair();
  const refused = a.seal(0, "b", Uint8Array.of(9));
  assert(refused.outcome === "unproven");
  const outcomes = deliver(ends, "a", { sealed: present(refused.hello) });
  const steps = outcomes.map((each) => [each.outcome, each.outcome === "handshake" && each.proven]);
  assert.deepEqual(steps, [["handshake", false], ["handshake", true], ["handshake", true]]);
  assert(a.isProven("b") && b.isProven("a"));
  assert.deepEqual(b.open(0, data(a, "b")), { outcome: "data", from: "a", payload: Uint8Array.of(1), answer: null });
  assert.equal(a.open(0, data(b, "a")).outcome, "data");
});

Deno.test("hellos that cross prove both sides too", () => {
  const { a, b } = pair();
  const [fromA, fromB] = [present(a.hello(0, "b")), present(b.hello(0, "a"))];
  const [welcomeToB, welcomeToA] = [
    present(a.open(0, fromB.datagram).answer),
    present(b.open(0, fromA.datagram).answer),
  ];
  const [confirmToB, confirmToA] = [a.open(0, welcomeToA.datagram), b.open(0, welcomeToB.datagram)];
  assert.equal(b.open(0, present(confirmToB.answer).datagram).outcome, "handshake");
  assert.equal(a.open(0, present(confirmToA.answer).datagram).outcome, "handshake");
  assert.equal(b.open(0, data(a, "b")).outcome, "data");
  assert.equal(a.open(0, data(b, "a")).outcome, "data");
});

Deno.test("a lost confirm is made good by the next data: it is dropped once and the session proven", () => {
  const { a, b, ends } = pair();
  const welcome = present(b.open(0, present(a.hello(0, "b")).datagram).answer);
  a.open(0, welcome.datagram);
  const dropped = b.open(0, data(a, "b"));
  assert.equal(reason(dropped), "unproven-session");
  deliver(ends, "b", { sealed: present(dropped.answer) });
  assert.equal(b.open(0, data(a, "b")).outcome, "data");
});

Deno.test("a restarted peer is proven again in one round trip, and its old session is dead", () => {
  const { a, b, ends } = pair();
  deliver(ends, "a", { sealed: present(a.hello(0, "b")) });
  const late = data(b, "a");
  const toOld = data(a, "b");
  const restarted = end("b");
  ends.set("b", restarted);
  const dropped = restarted.open(0, toOld);
  assert.equal(reason(dropped), "stale-session");
  assert.equal(deliver(ends, "b", { sealed: present(dropped.answer) }).length, 3);
  assert.equal(restarted.open(0, data(a, "b")).outcome, "data");
  assert.equal(a.open(0, data(restarted, "a")).outcome, "data");
  assert.equal(reason(a.open(0, late)), "stale-session");
});

Deno.test("hellos to one peer, and answers to one peer's hellos, are limited in rate", () => {
  const { a, b } = pair();
  const hello = present(a.hello(0, "b"));
  assert.equal(a.hello(19.9, "b"), null);
  assert.notEqual(a.hello(20, "b"), null);
  const answered = Array.from({ length: 20 }, () => reason(b.open(1000, hello.datagram)));
  assert.deepEqual(answered, [...Array(8).fill("handshake"), ...Array(12).fill("too-many")]);
  assert.equal(reason(b.open(1005, hello.datagram)), "handshake");
  assert.equal(reason(b.open(1005, hello.datagram)), "too-many");
});

Deno.test("whatever does not come from a proven member to this one is dropped by name", () => {
  const { a, b, ends } = pair();
  deliver(ends, "a", { sealed: present(a.hello(0, "b")) });
  const keys = deriveKeys("s3cret", "test");
  const base = { from: "a", to: "b", senderSession: 900n, receiverSession: 901n, sequence: 1 };
  const frame = (parts: Partial<typeof base>, kind: "confirm" | "data" = "data"): Uint8Array =>
    encodeFrame(keys, { ...base, ...parts }, {
      content: kind === "data" ? { kind, payload: new Uint8Array() } : { kind, echo: new Uint8Array(16) },
    });
  const mine = sessionCount;
  const table: readonly [datagram: Uint8Array, reason: string][] = [
    [new Uint8Array(5), "malformed"],
    [data(a, "b").slice(0, -1), "bad-mac"],
    [frame({ from: "b" }), "reflected"],
    [data(b, "a"), "reflected"],
    [frame({ from: "mallory" }), "unknown-member"],
    [frame({ to: "c" }), "misdirected"],
    [frame({}), "stale-session"],
    [frame({ receiverSession: mine }), "unproven-session"],
    [frame({}, "confirm"), "stale-session"],
    [frame({ receiverSession: mine }, "confirm"), "stale-handshake"],
    [present(end("a", "s3cret", "other").hello(0, "b")).datagram, "wrong-cluster"],
    [present(end("a", "wrong").hello(0, "b")).datagram, "bad-mac"],
    [present(end("a", null).hello(0, "b")).datagram, "bad-mac"],
  ];
  for (const [datagram, expected] of table) assert.equal(reason(b.open(0, datagram)), expected);
});

Deno.test("a proof that was held back is worth nothing after another has used up the challenge", () => {
  const { a, b } = pair();
  const welcomed = present(b.open(0, present(a.hello(0, "b")).datagram).answer);
  const heldBack = present(a.open(0, welcomed.datagram).answer);
  const restarted = end("a");
  const welcome = present(b.open(0, present(restarted.hello(0, "b")).datagram).answer);
  const proof = b.open(0, present(restarted.open(0, welcome.datagram).answer).datagram);
  assert(proof.outcome === "handshake" && proof.proven);
  assert.equal(reason(b.open(0, heldBack.datagram)), "stale-handshake");
  assert.equal(b.open(0, data(restarted, "b")).outcome, "data");
});

Deno.test("a wrong secret is news once, and again only after it was right in between", () => {
  const { a, b } = pair();
  const wrong = present(end("a", "wrong").hello(0, "b")).datagram;
  const right = present(a.hello(0, "b")).datagram;
  const news = [wrong, wrong, right, wrong, wrong].map((datagram) => {
    const outcome = b.open(0, datagram);
    return outcome.outcome === "dropped" && outcome.news;
  });
  assert.deepEqual(news, [true, false, false, true, false]);
});

Deno.test("without a secret on either side the handshake works all the same", () => {
  const ends = new Map([["a", end("a", null)], ["b", end("b", null)]]);
  deliver(ends, "a", { sealed: present(present(ends.get("a")).hello(0, "b")) });
  assert.equal(present(ends.get("b")).open(0, data(present(ends.get("a")), "b")).outcome, "data");
});

Deno.test("nothing that was delivered passes a second time, at any later point, across restarts of either side", () => {
  const seed = seedFromEnv(31);
  const random = seededRandom(seed);
  const ends = new Map(IDS.map((id) => [id, end(id)]));
  const delivered: Uint8Array[] = [];
  let passed = 0;
  const carry = (sealed: Sealed | null, now: number): void => {
    for (let next = sealed; next !== null;) {
      const outcome: OpenOutcome = present(ends.get(next.to)).open(now, next.datagram);
      if (outcome.outcome === "data") passed++;
      delivered.push(next.datagram);
      next = outcome.answer;
    }
  };
  for (let turn = 0; turn < 300; turn++) {
    const [from, to] = pick(random);
    if (random() < 0.05) ends.set(from, end(from));
    const sealed = present(ends.get(from)).seal(turn * 30, to, Uint8Array.of(turn % 256));
    carry(sealed.outcome === "sealed" ? { to, datagram: sealed.datagram } : sealed.hello, turn * 30);
    for (const datagram of delivered) {
      for (const [id, receiver] of ends) {
        const again = receiver.open(turn * 30 + 10, datagram);
        const passes = again.outcome === "data" || again.outcome === "handshake" && again.proven;
        assert(!passes, `seed ${seed}, turn ${turn}, at ${id}: ${again.outcome}`);
      }
    }
    if (delivered.length > 300) delivered.splice(0, 50);
  }
  assert(passed > 100, `${passed} passed`);
});

function pick(random: () => number): [MemberId, MemberId] {
  const from = Math.floor(random() * 3);
  const to = (from + 1 + Math.floor(random() * 2)) % 3;
  return [present(IDS[from]), present(IDS[to])];
}
