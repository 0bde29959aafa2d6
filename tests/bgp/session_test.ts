import assert from "node:assert/strict";
import { answer, cease, finish, ROUTER, SEED, Station, upPair } from "./session_kit.ts";
import { BgpNetwork } from "../fakes/bgp_transport.ts";
import { VirtualClock } from "../fakes/clock.ts";

Deno.test("a session comes up with a router that answers, and says with whom", async () => {
  const both = upPair();
  const { node, router } = both;
  assert.deepEqual(router.wire.kinds, ["open", "keepalive"]);
  assert.deepEqual(node.told, ["established"]);
  const [negotiated] = node.ups;
  assert.equal(negotiated?.remoteId, "10.0.0.254");
  assert.equal(negotiated.localIp, "192.0.2.1");
  assert.equal(negotiated.remoteIp, ROUTER);
  const report = node.session.report();
  assert.deepEqual([report.state, report.established, report.remoteAs, report.lastError], [
    "established",
    1,
    65001,
    null,
  ]);
  await finish(both);
});

Deno.test("two sessions find each other whoever connects, with one connection in the end", async () => {
  for (let seed = SEED; seed < SEED + 20; seed += 1) {
    const clock = new VirtualClock();
    const network = new BgpNetwork(clock);
    const one = new Station({ network, clock, listens: true, seed });
    const other = new Station({
      network,
      clock,
      listens: true,
      seed: seed + 1000,
      ip: ROUTER,
      as: 65001,
      routerId: "10.0.0.2",
      peer: { as: 65000, address: { is: "ip", ip: "192.0.2.1" } },
    });
    one.session.start();
    clock.advance(seed % 4);
    other.session.start();
    clock.advance(3000);
    assert.deepEqual([one.state, other.state], ["established", "established"], `seed ${seed}`);
    assert.equal(network.ends.size, 2, `seed ${seed}`);
    clock.advance(60_000);
    assert.deepEqual([one.told, other.told], [["established"], ["established"]], `seed ${seed}`);
    const stopped = Promise.all([one.session.stop({ is: "deconfigured" }), other.session.stop({ is: "deconfigured" })]);
    clock.advance(2000);
    await stopped;
    assert.deepEqual([clock.pending, network.ends.size], [0, 0], `seed ${seed}`);
  }
});

Deno.test("a router that ends the session is back within two seconds", async () => {
  const both = upPair();
  const { clock, node, router } = both;
  router.wire.say(cease(2));
  clock.advance(5);
  assert.deepEqual(node.told, ["established", "ended"]);
  for (let waitedMs = 0; router.wires.length === 1; waitedMs += 50) {
    assert(waitedMs <= 1000, "no second connection");
    clock.advance(50);
  }
  answer(both);
  await finish(both);
});
