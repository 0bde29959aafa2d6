/** How a speaker begins, changes and ends. */
import assert from "node:assert/strict";
import { bgpConfig, peerConfig, POLICY } from "./configs.ts";
import { SpeakerKit, turn } from "./speaker_kit.ts";

const RESTART_MS = 120_000;

Deno.test("after a restart End-of-RIB waits until the first routes are decided (RFC 4724 §4.1)", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2), peerConfig(3)], { gracefulRestartMs: RESTART_MS }));
  await kit.speaker.start();
  await kit.session(2).establish();
  const { router } = kit.session(2);
  assert.deepEqual(router.log, []);
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  assert.deepEqual(router.log, ["announce"]);
  kit.speaker.ready();
  assert.deepEqual(router.log, ["announce", "end-of-rib 4"]);
  await kit.session(3).establish();
  assert.deepEqual(kit.session(3).router.log, ["announce", "end-of-rib 4"]);
  kit.speaker.ready();
  assert.deepEqual(router.log, ["announce", "end-of-rib 4"]);
  await kit.close();
});

Deno.test("what is announced in the turn of ready goes before End-of-RIB", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)], { gracefulRestartMs: RESTART_MS }));
  await kit.speaker.start();
  await kit.session(2).establish();
  kit.speaker.announce("10.9.0.1", "a");
  kit.speaker.ready();
  assert.deepEqual(kit.session(2).router.log, ["announce", "end-of-rib 4"]);
  await kit.close();
});

Deno.test("a session that comes up in a turn with other news is told all routes before End-of-RIB", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)]));
  await kit.speaker.start();
  kit.speaker.announce("10.9.0.1", "a");
  kit.speaker.announce("10.9.0.2", "a");
  await turn();
  const up = kit.session(2).establish();
  kit.speaker.withdraw("10.9.0.2", "a");
  await up;
  assert.deepEqual(kit.session(2).router.log, ["announce", "end-of-rib 4"]);
  await kit.close();
});

Deno.test("when the restart time is over End-of-RIB is sent whatever is known, and R is set until then", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)], { gracefulRestartMs: RESTART_MS }));
  await kit.speaker.start();
  const { speaker } = kit.session(2).options;
  assert.ok(speaker.restarting());
  await kit.session(2).establish();
  kit.clock.advance(RESTART_MS - 1);
  assert.ok(speaker.restarting());
  assert.deepEqual(kit.session(2).router.log, []);
  kit.clock.advance(1);
  assert.ok(!speaker.restarting());
  assert.deepEqual(kit.session(2).router.log, ["end-of-rib 4"]);
  await kit.close();
});

Deno.test("after a boot F is not set until the restart time is over: nothing has answered meanwhile", async () => {
  for (const kept of [true, false]) {
    const kit = new SpeakerKit(bgpConfig([peerConfig(2)], { gracefulRestartMs: RESTART_MS }), kept);
    await kit.speaker.start();
    const { speaker } = kit.session(2).options;
    assert.equal(speaker.forwarding(), kept);
    kit.clock.advance(RESTART_MS);
    assert.equal(speaker.forwarding(), true);
    await kit.close();
  }
});

Deno.test("without graceful restart nothing waits and R is never set", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)]));
  await kit.speaker.start();
  assert.ok(!kit.session(2).options.speaker.restarting());
  await kit.session(2).establish();
  assert.deepEqual(kit.session(2).router.log, ["end-of-rib 4"]);
  await kit.close();
});

Deno.test("closing withdraws, waits for the kernel, says Cease/2, and ends; then nothing happens any more", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)], { listenPort: 179 }));
  await kit.speaker.start();
  const session = kit.session(2);
  await session.establish();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  session.queuedBytes = 5;
  session.calls.length = 0;
  const closed = kit.speaker.close();
  await turn();
  assert.deepEqual(session.router.log, ["end-of-rib 4", "announce", "withdraw"]);
  assert.deepEqual(session.calls, ["send"]);
  session.queuedBytes = 0;
  kit.clock.advance(2);
  await turn();
  assert.deepEqual(session.calls, ["send", "stop shutdown"]);
  await closed;
  kit.speaker.announce("10.9.0.2", "a");
  kit.speaker.withdraw("10.9.0.2", "a");
  kit.speaker.drain("10.9.0.2");
  kit.speaker.reconfigure(bgpConfig([peerConfig(4)]));
  await kit.close();
  assert.equal(kit.sessions.length, 1);
  assert.deepEqual(session.calls, ["send", "stop shutdown"]);
});

Deno.test("closing takes two seconds at most, whatever a session does", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)]));
  await kit.speaker.start();
  const session = kit.session(2);
  await session.establish();
  session.queuedBytes = 5;
  const stuck = Promise.withResolvers<void>();
  session.stopped = stuck.promise;
  let isClosed = false;
  const closed = kit.speaker.close().then(() => void (isClosed = true));
  for (let i = 0; i < 999; i++) {
    kit.clock.advance(2);
    await turn();
  }
  assert.ok(!isClosed);
  kit.clock.advance(4);
  await closed;
  stuck.resolve();
  await kit.close();
});

Deno.test("another configuration touches only what it changes", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2), peerConfig(3), peerConfig(4), peerConfig(5)]));
  await kit.speaker.start();
  for (const host of [2, 3, 4, 5]) await kit.session(host).establish();
  kit.speaker.announce("10.9.0.1", "a");
  await turn();
  const [same, removed, changed, retold] = [2, 3, 4, 5].map((host) => kit.session(host));
  const policy = { ...POLICY, med: 9 };
  kit.speaker.reconfigure(
    bgpConfig([peerConfig(2), peerConfig(4, { password: "p" }), peerConfig(5, { policy }), peerConfig(6)]),
  );
  await turn();
  assert.ok(!same?.calls.some((call) => call.startsWith("stop")));
  assert.deepEqual(removed?.calls.at(-1), "stop deconfigured");
  assert.deepEqual(changed?.calls.at(-1), "stop config-change");
  assert.ok(!retold?.calls.some((call) => call.startsWith("stop")));
  assert.equal(retold?.router.routes.get("10.9.0.1")?.med, 9);
  assert.notEqual(kit.session(4), changed);
  assert.deepEqual(kit.session(4).calls, ["start"]);
  assert.deepEqual(kit.session(6).calls, ["start"]);
  assert.deepEqual(kit.speaker.reports().map(({ name }) => name), [2, 4, 5, 6].map((host) => `10.0.0.${host}:179`));
  await kit.session(6).establish();
  assert.deepEqual(kit.session(6).router.log, ["announce", "end-of-rib 4"]);
  await kit.close();
});

Deno.test("a changed session begins only when the old one has ended, and not at all after close", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)]));
  await kit.speaker.start();
  const old = kit.session(2);
  const ending = Promise.withResolvers<void>();
  old.stopped = ending.promise;
  kit.speaker.reconfigure(bgpConfig([peerConfig(2, { password: "p" })]));
  await turn();
  assert.deepEqual(kit.session(2).calls, []);
  const closed = kit.close();
  await turn();
  ending.resolve();
  await closed;
  assert.deepEqual(kit.session(2).calls, ["stop shutdown"]);
});

Deno.test("a peer that moves to another port is begun when its old session has ended", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)]));
  await kit.speaker.start();
  const ending = Promise.withResolvers<void>();
  kit.session(2).stopped = ending.promise;
  kit.speaker.reconfigure(bgpConfig([peerConfig(2, { name: "10.0.0.2:1179", port: 1179 })]));
  await turn();
  assert.deepEqual(kit.sessions.at(-1)?.calls, []);
  ending.resolve();
  await turn();
  assert.deepEqual(kit.sessions.at(-1)?.calls, ["start"]);
  await kit.close();
});

Deno.test("another router ID makes all sessions begin again", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2), peerConfig(3)]));
  await kit.speaker.start();
  kit.speaker.reconfigure(bgpConfig([peerConfig(2), peerConfig(3)], { routerId: "10.0.0.9" }));
  await turn();
  assert.equal(kit.sessions.length, 4);
  assert.equal(kit.session(3).options.speaker.routerId, "10.0.0.9");
  await kit.close();
});

Deno.test("a family that gets a carrier, and loses it again, is warned of again", async () => {
  const kit = new SpeakerKit(bgpConfig([]));
  await kit.speaker.start();
  kit.speaker.announce("10.9.0.1", "a");
  kit.speaker.reconfigure(bgpConfig([peerConfig(2)]));
  assert.equal(kit.said("announced to nobody"), 1);
  kit.speaker.reconfigure(bgpConfig([]));
  assert.equal(kit.said("announced to nobody"), 2);
  await kit.close();
});

Deno.test("connections go to the peer they are of; others are refused and named once", async () => {
  const unnumbered = peerConfig(9, { address: { is: "unnumbered", interface: "eth1" } });
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { password: "p" }), unnumbered], { listenPort: 0 }));
  await kit.speaker.start();
  assert.equal(kit.speaker.listenPort, 40179);
  assert.deepEqual(kit.transport.requests[0]?.keys, [{ ip: "10.0.0.2", password: "p" }]);
  const [first, second] = [kit.transport.incoming("10.0.0.2"), kit.transport.incoming("fe80::7", "eth1")];
  assert.deepEqual(kit.session(2).accepted, [first]);
  assert.deepEqual(kit.session(9).accepted, [second]);
  for (let i = 0; i < 3; i++) kit.transport.incoming("10.0.0.66");
  assert.equal(kit.said("no BGP peer has that address"), 1);
  kit.session(2).isWelcoming = false;
  kit.transport.incoming("10.0.0.2");
  assert.equal(kit.said("no BGP peer has that address"), 1);
  await kit.close();
  assert.equal(kit.speaker.listenPort, null);
});

Deno.test("a new configuration can open the door, change its keys and close it", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)]));
  await kit.speaker.start();
  assert.equal(kit.speaker.listenPort, null);
  kit.speaker.reconfigure(bgpConfig([peerConfig(2)], { listenPort: 179 }));
  await turn();
  assert.equal(kit.speaker.listenPort, 179);
  kit.speaker.reconfigure(bgpConfig([peerConfig(2, { password: "p" })], { listenPort: 179 }));
  await turn();
  assert.deepEqual(kit.transport.requests.at(-1)?.keys.length, 1);
  kit.speaker.reconfigure(bgpConfig([peerConfig(2)]));
  await turn();
  assert.equal(kit.speaker.listenPort, null);
  await kit.close();
});

Deno.test("the password of an unnumbered peer is with the listening socket once its router is known", async () => {
  const address = { is: "unnumbered", interface: "eth1" } as const;
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, { address, password: "p" })], { listenPort: 179 }));
  await kit.speaker.start();
  const keys = (): unknown => kit.transport.requests.at(-1)?.keys;
  assert.deepEqual(keys(), []);
  kit.links.see("eth1", "fe80::1");
  await turn();
  assert.deepEqual(keys(), [{ ip: "fe80::1", password: "p" }]);
  kit.links.see("eth7", "fe80::7");
  await turn();
  assert.equal(kit.transport.requests.length, 2, "other links change nothing");
  kit.links.see("eth1", "fe80::2");
  await turn();
  assert.deepEqual(keys(), [{ ip: "fe80::2", password: "p" }]);
  assert.equal(kit.transport.open, 1);
  await kit.close();
  assert.equal(kit.links.listeners.size, 0);
});

Deno.test("a peer with a password is not taken from where the kernel does not ask for it (RFC 2385)", async () => {
  const address = { is: "unnumbered", interface: "eth1" } as const;
  const linked = peerConfig(2, { address, password: "p" });
  const named = peerConfig(3, { address: { is: "name", host: "router" }, password: "p" });
  const kit = new SpeakerKit(bgpConfig([linked, named], { listenPort: 179 }));
  await kit.speaker.start();
  kit.transport.incoming("fe80::1", "eth1");
  kit.links.see("eth1", "fe80::1");
  await turn();
  kit.transport.incoming("fe80::bad", "eth1");
  kit.transport.incoming("10.0.0.3");
  assert.deepEqual([kit.session(2).accepted, kit.session(3).accepted], [[], []]);
  const signed = kit.transport.incoming("fe80::1", "eth1");
  assert.deepEqual(kit.session(2).accepted, [signed]);
  await kit.close();
});

Deno.test("a speaker that was never started closes, too", async () => {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2)], { gracefulRestartMs: 1000 }));
  kit.speaker.announce("10.9.0.1", "a");
  await kit.close();
  await kit.speaker.start();
  assert.equal(kit.sessions.length, 0);
});
