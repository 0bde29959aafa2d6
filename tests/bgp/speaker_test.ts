import assert from "node:assert/strict";
import { GRACEFUL_SHUTDOWN } from "../../mod/bgp/paths.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import { ADDRESSES, BFD, bgpConfig, peerConfig, POLICY } from "./configs.ts";
import { SpeakerKit, turn } from "./speaker_kit.ts";

const BOTH = new Set<Family>([4, 6]);

/** Two peers, both up. */
async function twoUp(): Promise<SpeakerKit> {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2), peerConfig(3)]));
  await kit.speaker.start();
  await kit.session(2).establish();
  await kit.session(3).establish();
  return kit;
}

Deno.test("an address is announced to every peer that is up, and to the others when they come up", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2), peerConfig(3)]));
  await kit.speaker.start();
  await kit.session(2).establish();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  assert.deepEqual([...kit.session(2).router.routes.keys()], ["10.9.0.1"]);
  await kit.session(3).establish();
  assert.deepEqual([...kit.session(3).router.routes.keys()], ["10.9.0.1"]);
  assert.deepEqual(kit.session(3).router.log, ["announce", "end-of-rib 4"]);
  assert.deepEqual(kit.speaker.reports().map(({ name, prefixesSent }) => [name, prefixesSent]), [
    ["10.0.0.2:179", 1],
    ["10.0.0.3:179", 1],
  ]);
  await kit.close();
});

Deno.test("owners that share an address take turns without a gap", async () => {
  const kit = await twoUp();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  kit.speaker.announce("10.9.0.1", "b");
  kit.speaker.withdraw("10.9.0.1", "a");
  kit.speaker.withdraw("10.9.0.1", "a");
  await turn();
  const { log } = kit.session(2).router;
  assert.deepEqual(log, ["end-of-rib 4", "announce"]);
  kit.speaker.withdraw("10.9.0.1", "b");
  assert.deepEqual(log, ["end-of-rib 4", "announce", "withdraw"]);
  assert.equal(kit.said("Address is withdrawn"), 1);
  await kit.close();
});

Deno.test("a withdrawal is with the sessions when the call returns, also of what was announced in the same turn", async () => {
  const kit = await twoUp();
  kit.speaker.announce("10.9.0.1", "a");
  kit.speaker.announce("10.9.0.2", "a");
  kit.speaker.withdraw("10.9.0.1", "a");
  assert.deepEqual([...kit.session(3).router.routes.keys()], ["10.9.0.2"]);
  kit.speaker.withdraw("10.9.0.2", "a");
  assert.equal(kit.session(3).router.routes.size, 0);
  await kit.close();
});

Deno.test("addresses are the same in whatever form they come, and what is none is refused", async () => {
  const kit = await twoUp();
  kit.speaker.announce("fd00:0:0::00AA", "a");
  kit.speaker.announce("010.0.0.1", "a");
  kit.speaker.announce("10.9.0.1/32", "a");
  assert.equal(kit.said("Only IP addresses can be announced"), 2);
  kit.speaker.withdraw("fd00::aa", "a");
  assert.equal(kit.said('Address is withdrawn {"ip":"fd00::aa"}'), 1);
  await kit.close();
});

Deno.test("a draining address asks for others, and is as before when it is announced again (RFC 8326)", async () => {
  const kit = await twoUp();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  kit.speaker.drain("10.9.0.1");
  kit.speaker.drain("10.9.0.7");
  const { router } = kit.session(2);
  assert.deepEqual(router.routes.get("10.9.0.1")?.communities, [GRACEFUL_SHUTDOWN]);
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  assert.deepEqual(router.routes.get("10.9.0.1")?.communities, []);
  assert.equal(router.routes.size, 1);
  await kit.close();
});

Deno.test("another term changes the route at once, and with several owners the highest counts", async () => {
  const kit = await twoUp();
  const { router } = kit.session(2);
  const meds: (number | null | undefined)[] = [];
  const look = async (): Promise<void> => {
    await turn();
    meds.push(router.routes.get("10.9.0.1")?.med);
  };
  kit.speaker.announce("10.9.0.1", "a", 3);
  await look();
  kit.speaker.announce("10.9.0.1", "b", 1);
  await look();
  kit.speaker.announce("10.9.0.1", "a", 3);
  kit.speaker.announce("10.9.0.1", "b", 4);
  await look();
  kit.speaker.withdraw("10.9.0.1", "b");
  meds.push(router.routes.get("10.9.0.1")?.med);
  kit.speaker.announce("10.9.0.1", "a");
  await look();
  assert.deepEqual(meds, [4294967291, 4294967291, 4294967290, 4294967291, null]);
  assert.deepEqual(router.log, ["end-of-rib 4", "announce", "announce", "announce", "announce"]);
  assert.equal(kit.said("Address is withdrawn"), 0);
  await kit.close();
});

Deno.test("a term stays through a drain, a session that ends, and another configuration", async () => {
  const kit = await twoUp();
  kit.speaker.announce("10.9.0.1", "a", 3);
  await turn();
  kit.speaker.drain("10.9.0.1");
  const { router } = kit.session(2);
  const { med, communities } = router.routes.get("10.9.0.1") ?? {};
  assert.deepEqual([med, communities], [4294967291, [GRACEFUL_SHUTDOWN]]);
  kit.speaker.announce("10.9.0.1", "a", 3);
  kit.session(3).end();
  await kit.session(3).establish({ isExternal: false });
  assert.equal(kit.session(3).router.routes.get("10.9.0.1")?.localPref, 103);
  kit.speaker.reconfigure(bgpConfig([peerConfig(2, { policy: { ...POLICY, med: 9 } }), peerConfig(3)]));
  assert.equal(router.routes.get("10.9.0.1")?.med, 9);
  kit.speaker.reconfigure(bgpConfig([peerConfig(2), peerConfig(3)]));
  assert.equal(router.routes.get("10.9.0.1")?.med, 4294967291);
  await kit.close();
});

Deno.test("1,000 addresses go out in a few messages, to peers that are up and to those that come up", async () => {
  const kit = await twoUp();
  const before = kit.session(2).router.messages;
  for (let i = 0; i < 1000; i++) kit.speaker.announce(`10.8.${i >> 8}.${i & 0xff}`, "a");
  await turn();
  const { router } = kit.session(2);
  assert.equal(router.routes.size, 1000);
  assert.ok(router.messages - before <= 5, `${router.messages - before} messages`);
  kit.session(3).end();
  await kit.session(3).establish();
  assert.equal(kit.session(3).router.routes.size, 1000);
  assert.ok(kit.session(3).router.messages <= 6);
  for (let i = 0; i < 1000; i++) kit.speaker.withdraw(`10.8.${i >> 8}.${i & 0xff}`, "a");
  assert.equal(router.routes.size, 0);
  await kit.close();
});

Deno.test("a peer that asks gets its routes again (RFC 2918)", async () => {
  const kit = await twoUp();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  const { router, options } = kit.session(2);
  router.log.length = 0;
  options.events.refresh(4);
  options.events.refresh(4);
  await turn();
  assert.deepEqual(router.log, ["begin 4", "announce", "end 4"]);
  await kit.close();
});

Deno.test("a peer that asks ten thousand times in one turn is answered once, and the machine is asked once", async () => {
  const kit = await twoUp();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  const { router, options } = kit.session(2);
  router.log.length = 0;
  kit.asked = 0;
  for (let i = 0; i < 10_000; i++) options.events.refresh(4);
  await turn();
  assert.deepEqual(router.log, ["begin 4", "announce", "end 4"]);
  assert.equal(kit.asked, 1);
  await kit.close();
});

Deno.test("routes are announced also while the machine cannot tell its addresses, and next hops follow when it can", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { families: new Set([4, 6]) })]));
  kit.isMute = true;
  await kit.speaker.start();
  kit.speaker.announce("10.9.0.1", "a");
  kit.speaker.announce("fd09::1", "a");
  await kit.session(2).establish();
  assert.deepEqual([...kit.session(2).router.routes.keys()], ["10.9.0.1"]);
  kit.speaker.announce("10.9.0.2", "a");
  await turn();
  assert.deepEqual([...kit.session(2).router.routes.keys()], ["10.9.0.1", "10.9.0.2"]);
  kit.isMute = false;
  kit.clock.advance(1000);
  assert.deepEqual([...kit.session(2).router.routes.keys()].sort(), ["10.9.0.1", "10.9.0.2", "fd09::1"]);
  assert.equal(kit.said("are not known now"), 1);
  await kit.close();
});

Deno.test("a thousand changes of addresses cost two looks, and the next hop is that of the last one", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { families: BOTH }), peerConfig(3)]));
  await kit.speaker.start();
  await kit.session(2).establish();
  await kit.session(3).establish();
  kit.speaker.announce("fd09::1", "a");
  await turn();
  kit.asked = 0;
  const link = { prefixLength: 64, linkName: "eth0", isLinkLocal: false };
  for (let i = 1; i <= 1000; i++) {
    kit.addresses = [{ ip: `fd00:1::${i.toString(16)}`, ...link }, ...ADDRESSES];
    kit.speaker.addressesChanged();
  }
  kit.clock.advance(100);
  assert.equal(kit.asked, 2);
  assert.equal(kit.session(2).router.routes.get("fd09::1")?.nextHop, "fd00:1::3e8");
  await kit.close();
});

Deno.test("what peers announce is counted, forgotten with the session, and told to nobody", async () => {
  const kit = await twoUp();
  const { options } = kit.session(2);
  const update = { is: "update", endOfRib: null, faults: [] } as const;
  options.events.received({ ...update, announced: 100_000, withdrawn: 0 });
  options.events.received({ ...update, announced: 0, withdrawn: 40_000 });
  await turn();
  assert.deepEqual(kit.speaker.reports().map((report) => report.prefixesRefused), [60_000, 0]);
  assert.deepEqual(kit.session(3).router.log, ["end-of-rib 4"]);
  options.events.received({ ...update, announced: 0, withdrawn: 90_000 });
  assert.equal(kit.speaker.reports()[0]?.prefixesRefused, 0);
  options.events.received({ ...update, announced: 5, withdrawn: 0 });
  kit.session(2).end();
  assert.equal(kit.speaker.reports()[0]?.prefixesRefused, 0);
  await kit.close();
});

Deno.test("an address whose family no peer carries is warned of once", async () => {
  const kit = await twoUp();
  kit.speaker.announce("fd09::1", "a");
  kit.speaker.announce("fd09::2", "a");
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  assert.equal(kit.said("announced to nobody"), 1);
  assert.deepEqual(kit.speaker.reports().map((report) => [report.prefixesSent, report.prefixesUnsent]), [[1, 0], [
    1,
    0,
  ]]);
  await kit.close();
});

Deno.test("a family without a next hop is warned of once for each peer, counted, and announced when there is one", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { families: BOTH }), peerConfig(3)]));
  const all = kit.addresses;
  kit.addresses = all.filter(({ ip }) => !ip.includes(":"));
  await kit.speaker.start();
  await kit.session(2).establish();
  kit.speaker.announce("fd09::1", "a");
  await turn();
  kit.speaker.announce("fd09::2", "a");
  await turn();
  assert.equal(kit.said("cannot be announced to a BGP peer"), 1);
  assert.equal(kit.speaker.reports()[0]?.prefixesUnsent, 2);
  kit.addresses = all;
  kit.speaker.addressesChanged();
  assert.equal(kit.session(2).router.routes.get("fd09::2")?.nextHop, "fd00::1");
  assert.equal(kit.speaker.reports()[0]?.prefixesUnsent, 0);
  kit.addresses = [];
  kit.speaker.addressesChanged();
  kit.clock.advance(100);
  assert.equal(kit.session(2).router.routes.size, 0);
  assert.equal(kit.said("cannot be announced to a BGP peer"), 2);
  await kit.close();
});

Deno.test("an address that is announced is no next hop, and a route never leads to itself", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { families: BOTH })]));
  kit.addresses = [{ ip: "fd09::1", prefixLength: 128, linkName: "eth0", isLinkLocal: false }, ...kit.addresses];
  await kit.speaker.start();
  await kit.session(2).establish();
  kit.speaker.announce("fd09::2", "a");
  await turn();
  const { routes } = kit.session(2).router;
  assert.equal(routes.get("fd09::2")?.nextHop, "fd09::1");
  kit.speaker.announce("fd09::1", "a");
  await turn();
  assert.equal(routes.get("fd09::2")?.nextHop, "fd00::1");
  assert.equal(routes.get("fd09::1")?.nextHop, "fd00::1");
  kit.speaker.announce("10.0.0.1", "a");
  await turn();
  assert.ok(!routes.has("10.0.0.1"));
  assert.equal(kit.speaker.reports()[0]?.prefixesUnsent, 1);
  await kit.close();
});

Deno.test("settled waits until the kernel has taken everything, and not longer than it may", async () => {
  const kit = await twoUp();
  await kit.speaker.settled(100);
  kit.session(3).queuedBytes = 10;
  let isSettled = false;
  const settled = kit.speaker.settled(100).then(() => void (isSettled = true));
  kit.clock.advance(50);
  await turn();
  assert.ok(!isSettled);
  kit.session(3).queuedBytes = 0;
  kit.clock.advance(2);
  await settled;
  kit.session(3).queuedBytes = 10;
  const late = kit.speaker.settled(100);
  for (let i = 0; i < 60; i++) {
    kit.clock.advance(2);
    await turn();
  }
  await late;
  await kit.close();
});

Deno.test("settled tells what was announced in the same turn first, and does not wait for peers that are down", async () => {
  const kit = await twoUp();
  kit.session(3).end();
  kit.session(3).queuedBytes = 10;
  kit.speaker.announce("10.9.0.1", "a");
  await kit.speaker.settled(100);
  assert.equal(kit.session(2).router.routes.size, 1);
  await kit.close();
});

Deno.test("100 flaps leave nothing behind", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { bfd: BFD })]));
  await kit.speaker.start();
  kit.speaker.announce("10.9.0.1", "a");
  for (let i = 0; i < 100; i++) {
    await kit.session(2).establish();
    assert.deepEqual(kit.session(2).router.log, ["announce", "end-of-rib 4"]);
    kit.clock.advance(100);
    kit.bfd.watched.become("up");
    if (i % 2 === 0) kit.bfd.watched.become("down");
    else kit.session(2).end();
    assert.notEqual(kit.session(2).state, "established");
    kit.clock.advance(10_000);
    assert.equal(kit.bfd.live.length, 0);
  }
  assert.equal(kit.sessions.length, 1);
  assert.equal(kit.monitors, 1);
  assert.equal(kit.clock.pending, 0);
  assert.equal(kit.speaker.reports()[0]?.prefixesSent, 0);
  await kit.close();
  assert.ok(kit.bfd.isClosed);
});

Deno.test("a path policy is told as configured", async () => {
  const policy = { ...POLICY, prepend: 1, med: 20, communities: [0xfde80001] };
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { policy })]));
  await kit.speaker.start();
  await kit.session(2).establish();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  assert.deepEqual(kit.session(2).router.routes.get("10.9.0.1"), {
    nextHop: "10.0.0.1",
    linkLocal: null,
    asPath: [65000, 65000],
    med: 20,
    localPref: null,
    communities: [0xfde80001],
  });
  await kit.close();
});
