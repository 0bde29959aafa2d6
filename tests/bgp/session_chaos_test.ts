import assert from "node:assert/strict";
import { BgpNetwork } from "../fakes/bgp_transport.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { seededRandom } from "../fakes/random.ts";
import { encodeMessage, encodeNotification, encodeRouteRefresh } from "../../mod/net/bgp/message.ts";
import { cease, finish, KEEPALIVE, NODE, type Pair, pair, ROUTER, routerOpen, SEED, Station } from "./session_kit.ts";

const RUNS = 150;
const STEPS = 120;

const MESSAGES: readonly Uint8Array[] = [
  routerOpen(),
  routerOpen({ as: 65009, capabilities: [] }),
  KEEPALIVE,
  KEEPALIVE,
  encodeMessage("update", [0, 0, 0, 0]),
  encodeMessage("update", [0, 99, 0, 0]),
  encodeRouteRefresh(4, 0),
  cease(2),
  encodeNotification({ is: "notification", code: 3, subcode: 1, data: new Uint8Array() }),
];

/** One thing that may happen to a session. */
function disturb(both: Pair, random: () => number): void {
  const { network, node, router } = both;
  const wire = router.wires.at(-1);
  if (random() < 0.4) {
    // Mostly the router does what routers do.
    network.weather = "clear";
    node.session.pathUp();
    return wire?.say(...(wire.kinds.length > 1 ? [KEEPALIVE] : [routerOpen(), KEEPALIVE]));
  }
  switch (Math.floor(random() * 12)) {
    case 0:
      network.weather = "clear";
      return;
    case 1:
      network.weather = random() < 0.5 ? "refusing" : "silent";
      return;
    case 2:
      node.session.pathDown();
      return;
    case 3:
      node.session.pathUp();
      return;
    case 4:
      node.session.restart({ is: "config-change" });
      return;
    case 5:
      router.connect();
      return;
    case 6:
      wire?.connection.abort();
      return;
    case 7:
      node.session.send([encodeMessage("update", [0, 0, 0, 0])]);
      return;
    case 8: {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
      return wire?.say(bytes);
    }
    default:
      return wire?.say(MESSAGES[Math.floor(random() * MESSAGES.length)] ?? KEEPALIVE);
  }
}

/** What holds at any moment. */
function checkOrder({ node, network, clock }: Pair, what: string): void {
  const told = node.told.filter((line) => line === "established" || line === "ended");
  told.forEach((line, index) => assert.equal(line, index % 2 === 0 ? "established" : "ended", what));
  assert.equal(told.length % 2 === 1, node.state === "established", `${what}: the last word is not the state`);
  const ours = [...network.ends].filter((end) => end.ends.localIp === NODE);
  assert(ours.length <= 3, `${what}: ${ours.length} connections`);
  assert(clock.pending < 200, `${what}: ${clock.pending} timers`);
}

Deno.test("whatever happens, ends follow beginnings, nothing piles up, and nothing is left after stop", async () => {
  let ups = 0;
  for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
    const random = seededRandom(seed);
    const both = pair({ seed, listens: true, peer: { passive: seed % 5 === 0 }, gracefulRestartMs: 60_000 });
    both.node.session.start();
    for (let step = 0; step < STEPS; step += 1) {
      disturb(both, random);
      both.clock.advance(random() < 0.8 ? Math.floor(random() * 50) : Math.floor(random() * 3000));
      checkOrder(both, `seed ${seed}, step ${step}`);
    }
    ups += both.node.ups.length;
    await finish(both);
    assert.equal(both.node.state, "idle");
  }
  assert(ups > RUNS / 2, `seed ${SEED}: sessions hardly came up (${ups})`);
});

Deno.test("two sessions come together again after whatever happened to both, five seconds after the hold time, and stay", async () => {
  for (let seed = SEED; seed < SEED + 60; seed += 1) {
    const random = seededRandom(seed);
    const clock = new VirtualClock();
    const network = new BgpNetwork(clock);
    const gracefulRestartMs = seed % 2 === 0 ? 60_000 : null;
    const shared = { network, clock, listens: true, gracefulRestartMs };
    const one = new Station({ ...shared, seed });
    const peer = { as: 65000, address: { is: "ip", ip: NODE } } as const;
    const other = new Station({ ...shared, seed: seed + 1000, ip: ROUTER, as: 65001, routerId: "10.0.0.2", peer });
    one.session.start();
    other.session.start();
    for (let step = 0; step < 20; step += 1) {
      const { session } = random() < 0.5 ? one : other;
      const what = random();
      if (what < 0.3) session.restart({ is: "reset", text: "" });
      else if (what < 0.5) session.pathDown();
      else if (what < 0.6) { for (const end of [...network.ends]) end.abort(); }
      else network.weather = what < 0.8 ? "silent" : what < 0.9 ? "refusing" : "clear";
      clock.advance(Math.floor(random() * 4000));
      session.pathUp();
    }
    network.weather = "clear";
    // What was silent for long may have left one side with a session that the other has not; its hold time ends that.
    clock.advance(9000 + 5000);
    const settled = [one.ups.length, other.ups.length];
    assert.deepEqual([one.state, other.state], ["established", "established"], `seed ${seed}`);
    clock.advance(60_000);
    assert.deepEqual([one.ups.length, other.ups.length], settled, `seed ${seed}: it does not stay`);
    assert.equal(network.ends.size, 2, `seed ${seed}`);
    const stopped = Promise.all([one.session.stop({ is: "deconfigured" }), other.session.stop({ is: "deconfigured" })]);
    clock.advance(2000);
    await stopped;
    assert.deepEqual([clock.pending, network.ends.size], [0, 0], `seed ${seed}`);
  }
});
