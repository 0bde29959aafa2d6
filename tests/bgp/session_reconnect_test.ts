import assert from "node:assert/strict";
import { encodeNotification } from "../../mod/net/bgp/message.ts";
import { seededRandom } from "../fakes/random.ts";
import {
  answer,
  CAPABILITIES,
  cease,
  finish,
  KEEPALIVE,
  type Pair,
  pair,
  routerOpen,
  SEED,
  upPair,
} from "./session_kit.ts";

/** Answers every connection until the session is up; how long that took. */
function msUntilUp(both: Pair, limitMs: number): number {
  const { clock, router, node } = both;
  const sinceMs = clock.now();
  const answered = new Set(router.wires);
  while (node.state !== "established") {
    assert(
      clock.now() - sinceMs <= limitMs,
      `seed ${SEED}: not up after ${limitMs} ms: ${node.session.report().lastError}`,
    );
    clock.advance(5);
    for (const wire of router.wires) {
      if (answered.has(wire) || wire.kinds[0] !== "open") continue;
      answered.add(wire);
      wire.say(routerOpen(), KEEPALIVE);
    }
  }
  return clock.now() - sinceMs;
}

Deno.test("a router that was away is found within two seconds of its return, however long it was away", async () => {
  const random = seededRandom(SEED);
  for (let run = 0; run < 30; run += 1) {
    const both = upPair({ seed: SEED + run });
    both.network.weather = "refusing";
    both.router.wire.connection.abort();
    both.clock.advance(Math.floor(random() * 20_000));
    assert.notEqual(both.node.state, "established");
    both.network.weather = "clear";
    const tookMs = msUntilUp(both, 2000);
    assert(tookMs <= 1100, `seed ${SEED + run}: ${tookMs} ms`);
    await finish(both);
  }
});

Deno.test("a link that has healed is used within two seconds", async () => {
  const random = seededRandom(SEED);
  for (let run = 0; run < 30; run += 1) {
    const both = upPair({ seed: SEED + run });
    both.network.weather = "silent";
    both.clock.advance(9000 + Math.floor(random() * 20_000));
    assert.deepEqual(both.node.told, ["established", "ended"]);
    both.network.weather = "clear";
    const tookMs = msUntilUp(both, 2000);
    assert(tookMs <= 1100, `seed ${SEED + run}: ${tookMs} ms`);
    await finish(both);
  }
});

Deno.test("a session that an error has ended is back within 2.5 seconds the first time", async () => {
  for (let run = 0; run < 20; run += 1) {
    const both = upPair({ seed: SEED + run });
    both.clock.advance(run * 10_000);
    both.router.wire.say(encodeNotification({ is: "notification", code: 3, subcode: 1, data: new Uint8Array() }));
    both.clock.advance(5);
    msUntilUp(both, 2500);
    await finish(both);
  }
});

Deno.test("errors that repeat are damped up to thirty seconds, for both sides, and never longer", async () => {
  const both = pair({ listens: true });
  const { clock, router, node, network } = both;
  node.session.start();
  const gaps: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    const sinceMs = clock.now();
    while (router.wires.length === round) clock.advance(50);
    gaps.push(clock.now() - sinceMs);
    clock.advance(5);
    router.wire.say(routerOpen({ capabilities: CAPABILITIES, as: 65009 }));
    router.wire.say(encodeNotification({ is: "notification", code: 2, subcode: 2, data: new Uint8Array() }));
    clock.advance(5);
    assert.equal(node.state, "idle", "it does not try");
  }
  const bounds = [0, 1, 2, 4, 8, 16, 30, 30];
  gaps.forEach((gapMs, round) => {
    const most = (bounds[round] ?? 0) * 1000;
    assert(gapMs <= most + 100 && gapMs >= most * 0.75 - 100, `seed ${SEED}: ${gapMs} ms in round ${round}`);
  });
  const wire = router.connect();
  clock.advance(5);
  assert.equal(wire.closed, "connection reset by the peer");
  assert.match(node.session.report().lastError ?? "", /bad peer AS/);
  clock.advance(31_000);
  answer(both);
  assert.equal(network.ends.size, 2);
  await finish(both);
});

Deno.test("a hundred quick flaps are not damped and leave nothing behind", async () => {
  const both = upPair();
  const { clock, router, node, network } = both;
  for (let flap = 0; flap < 100; flap += 1) {
    if (flap % 3 === 0) router.wire.connection.abort();
    else router.wire.say(cease(flap % 3 === 1 ? 2 : 4));
    clock.advance(5);
    router.wire.connection.close(0);
    msUntilUp(both, 1100);
    clock.advance(5);
    assert.equal(network.ends.size, 2, `flap ${flap}`);
    // The session's, and the one that tells that it lasts.
    assert(clock.pending <= 2, `flap ${flap}: ${clock.pending} timers`);
  }
  assert.equal(node.session.report().established, 101);
  assert.equal(node.ends.length, 100);
  await finish(both);
});

Deno.test("attempts without an answer follow each other within a second, and never pile up", async () => {
  const both = pair();
  const { clock, network, node } = both;
  network.weather = "silent";
  node.session.start();
  clock.advance(60_000);
  const attempts = network.requests.length;
  assert(attempts >= 60 && attempts <= 81, `seed ${SEED}: ${attempts} attempts`);
  assert(network.ends.size <= 1);
  await finish(both);
});

Deno.test("a router that refuses is asked every quarter to whole second", async () => {
  const both = pair();
  const { clock, network, node } = both;
  network.weather = "refusing";
  node.session.start();
  clock.advance(60_000);
  const attempts = network.requests.length;
  assert(attempts >= 60 && attempts <= 240, `seed ${SEED}: ${attempts} attempts`);
  const report = node.session.report();
  assert.deepEqual([report.state, report.lastError], ["connect", "connection refused"]);
  assert.equal(report.stateForMs, 60_000);
  await finish(both);
});

Deno.test("silence makes a password a suspect, and the password itself is never told", async () => {
  const both = pair({ peer: { password: "hunter2" } });
  both.network.weather = "silent";
  both.node.session.start();
  both.clock.advance(1100);
  assert.equal(both.node.session.report().lastError, "no answer from 192.0.2.254");
  both.clock.advance(3000);
  const { lastError } = both.node.session.report();
  assert.equal(lastError, "no answer from 192.0.2.254 (is the password right on both sides?)");
  await finish(both);
});

Deno.test("silences before a session do not make the password a suspect after it", async () => {
  const both = pair({ peer: { password: "hunter2" } });
  both.network.weather = "silent";
  both.node.session.start();
  both.clock.advance(10_000);
  both.network.weather = "clear";
  msUntilUp(both, 2000);
  both.network.weather = "silent";
  both.router.wire.connection.abort();
  both.clock.advance(9000 + 2100);
  assert.equal(both.node.session.report().lastError, "no answer from 192.0.2.254");
  await finish(both);
});

Deno.test("an error on the router's own connection damps what this side tries, too", async () => {
  const both = pair({ listens: true });
  const { clock, network, node, router } = both;
  network.weather = "refusing";
  node.session.start();
  clock.advance(5);
  network.weather = "clear";
  const theirs = router.connect();
  clock.advance(1200);
  const asked = network.requests.length;
  theirs.say(routerOpen({ as: 65009, capabilities: [] }));
  clock.advance(5);
  assert.deepEqual([theirs.kinds.at(-1), node.state], ["notification 2/2", "idle"]);
  clock.advance(700);
  assert.equal(network.requests.length, asked);
  answerAfterRestart(both);
  await finish(both);
});

/** A restart by hand forgets the damping: the router may connect at once. */
function answerAfterRestart(both: Pair): void {
  both.node.session.restart({ is: "config-change" });
  both.router.connect();
  answer(both);
}

Deno.test("a passive peer waits to be called, and is taken again at once", async () => {
  const both = pair({ listens: true, peer: { passive: true } });
  const { clock, router, node, network } = both;
  node.session.start();
  clock.advance(10_000);
  assert.deepEqual([network.requests.length, node.state], [0, "active"]);
  for (let round = 1; round <= 3; round += 1) {
    router.connect();
    answer(both);
    router.wire.connection.abort();
    clock.advance(2);
    assert.deepEqual([node.state, node.ends.length], ["active", round]);
  }
  clock.advance(10_000);
  assert.equal(network.requests.length, 3, "only the router has connected");
  await finish(both);
});

Deno.test("restart ends the session with its reason and begins again within a second", async () => {
  const both = upPair();
  both.node.session.restart({ is: "reset", text: "new key" });
  both.clock.advance(5);
  assert.equal(both.router.wire.kinds.at(-1), "notification 6/4");
  assert.deepEqual(both.node.ends, [{
    why: "ended by this side: Cease: administrative reset: new key",
    routes: "dropped",
  }]);
  msUntilUp(both, 1100);
  await finish(both);
});
