import assert from "node:assert/strict";
import type { Capability } from "../../mod/net/bgp/types.ts";
import {
  CAPABILITIES,
  cease,
  finish,
  KEEPALIVE,
  type Pair,
  pair,
  routerOpen,
  upPair,
  type Wire,
} from "./session_kit.ts";

const RESTARTS: Capability = {
  is: "graceful-restart",
  restarting: false,
  notification: false,
  restartTimeS: 120,
  families: [{ family: 4, forwarding: true }],
};

/** Both connections are there, and both OPENs of ours have come. */
function bothConnected(changes: Parameters<typeof pair>[0] = {}): Pair {
  const both = pair({ listens: true, ...changes });
  both.node.session.start();
  both.clock.advance(1);
  both.router.connect();
  both.clock.advance(5);
  assert.deepEqual(both.router.wires.map((wire) => wire.kinds), [["open"], ["open"]]);
  return both;
}

/** The wires by who has made them. */
function wires({ router }: Pair): { ours: Wire; theirs: Wire } {
  const theirs = router.wires.find((wire) => wire.isDialled);
  const ours = router.wires.find((wire) => !wire.isDialled);
  assert(theirs !== undefined && ours !== undefined);
  return { ours, theirs };
}

Deno.test("the connection of the higher identifier stays: ours (RFC 4271 §6.8)", async () => {
  const both = bothConnected({ routerId: "10.0.1.0" });
  const { ours, theirs } = wires(both);
  theirs.say(routerOpen());
  both.clock.advance(2);
  ours.say(routerOpen(), KEEPALIVE);
  both.clock.advance(5);
  assert.deepEqual(theirs.kinds, ["open", "keepalive", "notification 6/7"]);
  assert.deepEqual(ours.kinds, ["open", "keepalive"]);
  assert.deepEqual([both.node.told, both.network.ends.size], [["established"], 2]);
  await finish(both);
});

Deno.test("the connection of the higher identifier stays: the router's", async () => {
  const both = bothConnected();
  const { ours, theirs } = wires(both);
  theirs.say(routerOpen());
  both.clock.advance(2);
  ours.say(routerOpen());
  both.clock.advance(2);
  theirs.say(KEEPALIVE);
  both.clock.advance(5);
  assert.deepEqual(ours.kinds, ["open", "notification 6/7"]);
  assert.deepEqual(theirs.kinds, ["open", "keepalive"]);
  assert.deepEqual([both.node.told, both.network.ends.size], [["established"], 2]);
  assert.equal(both.node.session.report().lastError, null, "a collision is no trouble");
  both.clock.advance(5000);
  assert.equal(both.network.requests.length, 2, "nothing is tried beside the session");
  await finish(both);
});

Deno.test("equal identifiers are decided by the AS number (RFC 6286 §2.3)", async () => {
  const both = bothConnected({ routerId: "10.0.0.254", as: 65002 });
  const { ours, theirs } = wires(both);
  ours.say(routerOpen());
  both.clock.advance(2);
  theirs.say(routerOpen());
  both.clock.advance(5);
  assert.deepEqual(theirs.kinds, ["open", "notification 6/7"]);
  ours.say(KEEPALIVE);
  both.clock.advance(2);
  assert.equal(both.node.state, "established");
  await finish(both);
});

Deno.test("a connection that loses against one that then fails does not end the trying", async () => {
  const both = bothConnected();
  const { ours, theirs } = wires(both);
  theirs.say(routerOpen());
  both.clock.advance(2);
  ours.say(routerOpen());
  both.clock.advance(2);
  theirs.connection.abort();
  both.clock.advance(1100);
  assert.equal(both.network.requests.length, 3);
  await finish(both);
});

Deno.test("a second connection beside a session gets Cease/7, and the session stands", async () => {
  const both = upPair({ listens: true });
  const second = both.router.connect();
  both.clock.advance(5);
  second.say(routerOpen());
  both.clock.advance(5);
  assert.deepEqual(second.kinds, ["open", "notification 6/7"]);
  assert.deepEqual([both.node.told, both.network.ends.size], [["established"], 2]);
  await finish(both);
});

Deno.test("a second connection makes sure at once that the first one still has somebody at its other end", async () => {
  const both = upPair({ listens: true });
  const [first] = both.router.wires;
  assert(first !== undefined);
  for (let i = 0; i < 5; i += 1) {
    both.router.connect();
    both.clock.advance(20);
  }
  assert.deepEqual(first.kinds, ["open", "keepalive", "keepalive"], "once a second at most");
  both.clock.advance(1000);
  both.router.connect();
  both.clock.advance(20);
  assert.deepEqual(first.kinds.slice(3), ["keepalive"]);
  assert.deepEqual(both.node.told, ["established"]);
  await finish(both);
});

Deno.test("a second connection that talks nonsense neither ends the session nor damps the peer", async () => {
  const both = upPair({ listens: true });
  for (let i = 0; i < 5; i += 1) {
    const second = both.router.connect();
    both.clock.advance(5);
    assert.deepEqual(second.kinds, ["open"], "it is taken");
    second.say(new Uint8Array(19));
    both.clock.advance(5);
    assert.equal(second.kinds[1], "notification 1/1");
  }
  both.router.wires[0]?.say(KEEPALIVE);
  both.clock.advance(8000);
  assert.deepEqual([both.node.told, both.network.requests.length], [["established"], 6]);
  await finish(both);
});

Deno.test("a router that restarts gracefully replaces its old connection without a NOTIFICATION (RFC 4724 §5)", async () => {
  for (const passive of [false, true]) {
    const both = pair({ listens: true, gracefulRestartMs: 120_000, peer: { passive } });
    const open = routerOpen({ capabilities: [...CAPABILITIES, RESTARTS] });
    both.node.session.start();
    if (passive) both.router.connect();
    both.clock.advance(5);
    both.router.wire.say(open, KEEPALIVE);
    both.clock.advance(500);
    const old = both.router.wire;
    const anew = both.router.connect();
    both.clock.advance(5);
    assert.equal(old.closed, null, "the old connection stays until the OPEN");
    anew.say(open, KEEPALIVE);
    both.clock.advance(5);
    assert.deepEqual(old.kinds, ["open", "keepalive", "keepalive"], "the last one asks whether it is still there");
    assert.equal(old.closed, "connection reset by the peer");
    assert.deepEqual(both.node.told, ["established", "ended", "established"]);
    assert.deepEqual(both.node.ends, [{ why: "the peer has restarted: it connects anew", routes: "kept" }]);
    both.clock.advance(2000);
    assert.deepEqual([both.node.state, both.network.ends.size], ["established", 2]);
    await finish(both);
  }
});

Deno.test("a router that connects again before it has said anything gives up its first connection", async () => {
  const both = pair({ listens: true, peer: { passive: true } });
  both.node.session.start();
  const first = both.router.connect();
  both.clock.advance(5);
  const second = both.router.connect();
  both.clock.advance(5);
  assert.deepEqual([first.kinds, second.kinds], [["open", "notification 6/7"], ["open"]]);
  second.say(routerOpen(), KEEPALIVE);
  both.clock.advance(5);
  assert.equal(both.node.state, "established");
  second.say(cease(2));
  both.clock.advance(5);
  await finish(both);
});

Deno.test("while a connection of the router may become the session, none is made to it", async () => {
  const both = pair({ listens: true });
  both.network.weather = "refusing";
  both.node.session.start();
  both.clock.advance(10);
  both.network.weather = "clear";
  const theirs = both.router.connect();
  both.clock.advance(1500);
  assert.equal(both.network.requests.length, 2);
  assert.equal(both.node.session.report().lastError, "connection refused", "who was not asked need not answer");
  theirs.connection.abort();
  both.clock.advance(1100);
  assert(both.network.requests.length > 2);
  await finish(both);
});
