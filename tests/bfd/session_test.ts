import assert from "node:assert/strict";
import { BfdSession, nextState } from "../../mod/bfd/session.ts";
import type { BfdConfig, BfdState } from "../../mod/bfd/types.ts";
import { BfdDiagnostic, type BfdPacket } from "../../mod/net/bfd.ts";

const CONFIG: BfdConfig = { desiredTxMs: 50, requiredRxMs: 50, multiplier: 3 };
const OURS = 11;
const THEIRS = 22;
const STATES: readonly BfdState[] = ["admin-down", "down", "init", "up"];

function session(config: Partial<BfdConfig> = {}, random = 0.5): BfdSession {
  return new BfdSession({ ...CONFIG, ...config }, { discriminator: OURS, now: 0, random: () => random });
}

/** What the other side sends: 100 ms × 3, a second while not up, unless told otherwise. */
function packet(state: BfdState, differs: Partial<BfdPacket> = {}): BfdPacket {
  return {
    state,
    diagnostic: 0,
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: 3,
    myDiscriminator: THEIRS,
    yourDiscriminator: state === "down" ? 0 : OURS,
    desiredMinTxUs: state === "up" ? 100_000 : 1_000_000,
    requiredMinRxUs: 100_000,
    requiredMinEchoRxUs: 0,
    ...differs,
  };
}

/** A session that is up at 10 ms, its poll answered. */
function upSession(config: Partial<BfdConfig> = {}, random = 0.5): BfdSession {
  const one = session(config, random);
  one.tick(0);
  one.receive(packet("down"), 5);
  one.receive(packet("init"), 10);
  one.receive(packet("up", { final: true }), 10);
  assert.equal(one.state, "up");
  return one;
}

/** The moments of the packets that a session sends on its own until `untilMs`. */
function sendTimes(one: BfdSession, untilMs: number): number[] {
  const times: number[] = [];
  while (one.deadlineMs <= untilMs) {
    const now = one.deadlineMs;
    times.push(...one.tick(now).packets.map(() => now));
  }
  return times;
}

Deno.test("RFC 5880 §6.8.6: the next state, for every state of both sides", () => {
  const table: Record<BfdState, Record<BfdState, BfdState>> = {
    "admin-down": { "admin-down": "admin-down", down: "admin-down", init: "admin-down", up: "admin-down" },
    down: { "admin-down": "down", down: "init", init: "up", up: "down" },
    init: { "admin-down": "down", down: "init", init: "up", up: "up" },
    up: { "admin-down": "down", down: "down", init: "up", up: "up" },
  };
  for (const local of STATES) {
    for (const remote of STATES) {
      assert.equal(nextState(local, remote), table[local][remote], `${local} hears ${remote}`);
    }
  }
});

Deno.test("the first packet is due at once and asks for nothing but slow ones (§6.8.3)", () => {
  const one = session();
  assert.equal(one.deadlineMs, 0);
  const { packets, change } = one.tick(0);
  assert.deepEqual(packets, [
    packet("down", { myDiscriminator: OURS, requiredMinRxUs: 50_000 }),
  ]);
  assert.equal(change, null);
  assert.equal(one.deadlineMs, 875);
  assert.deepEqual(sendTimes(one, 3000), [875, 1750, 2625]);
});

Deno.test("changes of state are answered at once, and up begins with a poll for the fast interval", () => {
  const one = session();
  one.tick(0);
  const first = one.receive(packet("down"), 200);
  assert.deepEqual(first.change, { state: "init", why: "", remoteAdminDown: false });
  assert.deepEqual(first.packets.map((each) => [each.state, each.poll, each.yourDiscriminator]), [[
    "init",
    false,
    THEIRS,
  ]]);
  const second = one.receive(packet("up"), 210);
  assert.deepEqual(second.change, { state: "up", why: "", remoteAdminDown: false });
  assert.deepEqual(second.packets.map((each) => [each.state, each.poll, each.desiredMinTxUs]), [["up", true, 50_000]]);
  assert.equal(one.deadlineMs, 210 + 87.5);
  assert.equal(one.tick(297.5).packets[0]?.poll, true);
  assert.deepEqual(one.receive(packet("up", { final: true }), 300), { packets: [], change: null });
  assert.equal(one.tick(one.deadlineMs).packets[0]?.poll, false);
});

Deno.test("an interval of a second or more needs no poll: it does not change", () => {
  const one = session({ desiredTxMs: 1500 });
  one.receive(packet("down"), 0);
  const { packets } = one.receive(packet("init"), 10);
  assert.deepEqual(packets.map((each) => [each.poll, each.desiredMinTxUs]), [[false, 1_500_000]]);
});

Deno.test("a poll is answered at once in every state, and the next periodic packet comes as it would have", () => {
  for (const state of ["down", "init", "up"] as const) {
    const one = state === "up" ? upSession() : session();
    one.tick(0);
    if (state === "init") one.receive(packet("down"), 5);
    const before = one.deadlineMs;
    const hears = state === "up" ? "up" : state === "init" ? "down" : "admin-down";
    const { packets } = one.receive(packet(hears, { poll: true }), 20);
    assert.deepEqual(packets.map((each) => [each.state, each.poll, each.final]), [[state, false, true]]);
    assert.equal(one.deadlineMs, Math.min(before, one.expiresAtMs));
  }
});

Deno.test("§6.8.4: the detection time is the other side's multiplier times the slower of its sending and our receiving", () => {
  const table = [
    { ours: 50, theirsUs: 100_000, multiplier: 3, ms: 300 },
    { ours: 50, theirsUs: 10_000, multiplier: 3, ms: 150 },
    { ours: 200, theirsUs: 10_000, multiplier: 5, ms: 1000 },
    { ours: 50, theirsUs: 50_000, multiplier: 1, ms: 50 },
  ];
  for (const { ours, theirsUs, multiplier, ms } of table) {
    const one = upSession({ requiredRxMs: ours });
    one.receive(packet("up", { desiredMinTxUs: theirsUs, detectMultiplier: multiplier }), 1000);
    assert.equal(one.detectionMs, ms);
    assert.equal(one.expiresAtMs, 1000 + ms);
  }
});

Deno.test("silence for the detection time means down, said at once to a side that is unknown again", () => {
  const one = upSession();
  one.receive(packet("up"), 100);
  while (one.deadlineMs < 400) assert.equal(one.tick(one.deadlineMs).change, null);
  assert.equal(one.deadlineMs, 400);
  const { packets, change } = one.tick(400);
  assert.deepEqual(change, { state: "down", why: "nothing heard for 300 ms", remoteAdminDown: false });
  assert.deepEqual(packets.map((each) => [each.state, each.diagnostic, each.yourDiscriminator, each.desiredMinTxUs]), [
    ["down", BfdDiagnostic.detectionTimeExpired, 0, 1_000_000],
  ]);
  assert.deepEqual(sendTimes(one, 2200), [1275, 2150]);
});

Deno.test("the other side's word that it is down is passed on with its reason", () => {
  const one = upSession();
  const { packets, change } = one.receive(packet("down", { diagnostic: 1, yourDiscriminator: OURS }), 50);
  assert.deepEqual(change, {
    state: "down",
    why: "the other side is down: control detection time expired",
    remoteAdminDown: false,
  });
  assert.deepEqual(packets.map((each) => [each.state, each.diagnostic]), [[
    "down",
    BfdDiagnostic.neighborSignaledDown,
  ]]);
});

Deno.test("a side that has begun anew with another discriminator is up again with its next packet", () => {
  const one = upSession();
  const anew = { myDiscriminator: 33, yourDiscriminator: 0 };
  const down = one.receive(packet("down", anew), 100);
  assert.equal(down.change?.state, "down");
  assert.deepEqual(down.packets.map((each) => [each.state, each.yourDiscriminator]), [["down", 33]]);
  const up = one.receive(packet("init", { myDiscriminator: 33 }), 101);
  assert.equal(up.change?.state, "up");
  assert.deepEqual(up.packets.map((each) => [each.state, each.yourDiscriminator]), [["up", 33]]);
});

Deno.test("a new discriminator is taken while down and while coming up", () => {
  const one = session();
  one.receive(packet("down", { myDiscriminator: 33 }), 10);
  one.receive(packet("down", { myDiscriminator: 44 }), 20);
  assert.deepEqual(one.tick(one.deadlineMs).packets.map((each) => [each.state, each.yourDiscriminator]), [[
    "init",
    44,
  ]]);
});

Deno.test("§6.8.7: nothing periodic is sent to a side that wants none, until it does", () => {
  const one = upSession();
  one.receive(packet("up", { requiredMinRxUs: 0 }), 20);
  assert.equal(one.deadlineMs, one.expiresAtMs);
  assert.equal(one.receive(packet("up", { requiredMinRxUs: 0, poll: true }), 30).packets.length, 1);
  one.receive(packet("up"), 200);
  assert.equal(one.deadlineMs, 200);
  assert.equal(one.tick(200).packets.length, 1);
});

Deno.test("§6.6: a side in demand mode is left in peace while both are up, but not before its answer to our poll", () => {
  const one = session();
  one.receive(packet("down"), 0);
  one.receive(packet("init", { demand: true }), 10);
  assert.ok(one.deadlineMs < one.expiresAtMs, "the poll goes on");
  one.receive(packet("up", { demand: true, final: true }), 20);
  assert.equal(one.deadlineMs, one.expiresAtMs);
  one.receive(packet("down", { demand: true, yourDiscriminator: OURS }), 30);
  assert.ok(one.deadlineMs < one.expiresAtMs, "no demand mode while down");
});

Deno.test("§6.8.2: the slower of what we want to send and what they want to receive, counted from the last packet", () => {
  const one = upSession({}, 0);
  const [first = 0, last = 0] = sendTimes(one, 200);
  assert.equal(last - first, 75);
  one.receive(packet("up", { requiredMinRxUs: 400_000 }), last + 10);
  assert.equal(one.deadlineMs, last + 300);
  one.receive(packet("up", { requiredMinRxUs: 1000 }), last + 20);
  assert.equal(one.deadlineMs, last + 37.5);
});

Deno.test("§6.8.7: jitter takes up to a quarter of the interval, and at least a tenth when one loss is fatal", () => {
  const almostOne = 1 - 2 ** -32;
  const table = [
    { multiplier: 3, random: 0, least: 75, most: 75 },
    { multiplier: 3, random: almostOne, least: 99.99, most: 100 },
    { multiplier: 1, random: 0, least: 75, most: 75 },
    { multiplier: 1, random: almostOne, least: 89.99, most: 90 },
  ];
  for (const { multiplier, random, least, most } of table) {
    const one = upSession({ multiplier }, random);
    one.tick(one.deadlineMs);
    const before = one.deadlineMs;
    one.tick(before);
    const interval = one.deadlineMs - before;
    assert.ok(interval >= least && interval <= most, `${interval} for ${multiplier} and ${random}`);
  }
});

Deno.test("a side that was shut down on purpose is told as such, stays so in silence, and can come back", () => {
  const one = upSession();
  const { change } = one.receive(packet("admin-down", { diagnostic: 7 }), 50);
  assert.deepEqual(change, { state: "down", why: "the other side has been shut down", remoteAdminDown: true });
  const expiresAtMs = one.expiresAtMs;
  while (one.deadlineMs <= expiresAtMs) assert.equal(one.tick(one.deadlineMs).change, null);
  assert.deepEqual(one.receive(packet("down"), 5000).change, { state: "init", why: "", remoteAdminDown: false });
});

Deno.test("a side that is shut down while we were down anyway is told too", () => {
  const one = session();
  assert.deepEqual(one.receive(packet("admin-down"), 10).change, { state: "down", why: "", remoteAdminDown: true });
  assert.equal(one.receive(packet("admin-down"), 20).change, null);
});

Deno.test("a stopped session says AdminDown once and is silent and deaf from then on", () => {
  const one = upSession();
  const last = one.stop();
  assert.deepEqual([last.state, last.diagnostic, last.yourDiscriminator, last.poll], [
    "admin-down",
    BfdDiagnostic.administrativelyDown,
    THEIRS,
    false,
  ]);
  assert.equal(one.deadlineMs, Infinity);
  assert.deepEqual(one.receive(packet("up", { poll: true }), 100), { packets: [], change: null });
  assert.equal(one.state, "admin-down");
});

Deno.test("a late call after the deadline sends one packet, not those that were missed", () => {
  const one = upSession();
  one.receive(packet("up"), 100);
  assert.equal(one.tick(390).packets.length, 1);
  assert.ok(one.deadlineMs > 390);
});
