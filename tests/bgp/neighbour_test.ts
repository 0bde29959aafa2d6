/** One peer of a speaker, with BFD. */
import assert from "node:assert/strict";
import type { Family } from "../../mod/net/bgp/types.ts";
import { BFD, bgpConfig, peerConfig } from "./configs.ts";
import { SpeakerKit, turn } from "./speaker_kit.ts";

async function started(changed: Parameters<typeof peerConfig>[1]): Promise<SpeakerKit> {
  const kit = new SpeakerKit(bgpConfig([peerConfig(2, changed)]));
  await kit.speaker.start();
  return kit;
}

/** The session is up, and its path is watched. */
async function up(kit: SpeakerKit): Promise<void> {
  await kit.session(2).establish();
  kit.clock.advance(100);
}

Deno.test("the path of a session is watched", async () => {
  const kit = await started({ bfd: BFD, sourceIp: "10.0.0.1" });
  assert.equal(kit.bfd.live.length, 0);
  assert.equal(kit.speaker.reports()[0]?.bfd, "down");
  await up(kit);
  assert.deepEqual(kit.bfd.watched.path, {
    ...BFD,
    localIp: "10.0.0.1",
    remoteIp: "10.0.0.2",
    interface: null,
    multihop: false,
  });
  kit.bfd.watched.become("up");
  assert.equal(kit.speaker.reports()[0]?.bfd, "up");
  await kit.close();
});

Deno.test("a peer without BFD is never watched and reports none", async () => {
  const kit = await started({});
  await kit.session(2).establish();
  assert.equal(kit.monitors, 0);
  assert.equal(kit.speaker.reports()[0]?.bfd, null);
  await kit.close();
});

Deno.test("BFD that goes down ends the session, and the routes come back with the path", async () => {
  const kit = await started({ bfd: BFD });
  const session = kit.session(2);
  kit.speaker.announce("10.9.0.1", "a");
  await up(kit);
  kit.bfd.watched.become("up");
  kit.clock.advance(5000);
  kit.bfd.watched.become("down");
  assert.equal(session.calls.at(-1), "path down");
  assert.equal(kit.speaker.reports()[0]?.prefixesSent, 0);
  kit.bfd.watched.become("up");
  assert.equal(session.calls.at(-1), "path up");
  await session.establish();
  assert.deepEqual([...session.router.routes.keys()], ["10.9.0.1"]);
  assert.equal(kit.bfd.watches.length, 1);
  await kit.close();
});

Deno.test("BFD is watched until the session has ended for good", async () => {
  const kit = await started({ bfd: BFD });
  await up(kit);
  const ending = Promise.withResolvers<void>();
  kit.session(2).stopped = ending.promise;
  kit.speaker.reconfigure(bgpConfig([]));
  await turn();
  assert.equal(kit.bfd.live.length, 1, "the router must hear of the end from BGP first");
  ending.resolve();
  await turn();
  assert.equal(kit.bfd.live.length, 0);
  await kit.close();
});

Deno.test("a session that begins again with other BFD timers has one path, the new one", async () => {
  const kit = await started({ bfd: BFD });
  await up(kit);
  kit.speaker.reconfigure(bgpConfig([peerConfig(2, { bfd: { ...BFD, multiplier: 5 } })]));
  await turn();
  await up(kit);
  assert.equal(kit.bfd.watched.path.multiplier, 5);
  await kit.close();
});

Deno.test("a peer that does not take a configured family is warned of once while it is so", async () => {
  const families = new Set<Family>([4, 6]);
  const kit = await started({ families });
  kit.speaker.announce("fd09::1", "a");
  for (let i = 0; i < 3; i++) {
    await kit.session(2).establish({ families: new Set<Family>([4]) });
    kit.session(2).end();
  }
  assert.equal(kit.said("the peer takes no IPv6 routes"), 1);
  await kit.session(2).establish();
  assert.equal(kit.session(2).router.routes.size, 1);
  kit.session(2).end();
  await kit.session(2).establish({ families: new Set<Family>([4]) });
  assert.equal(kit.said("the peer takes no IPv6 routes"), 2);
  await kit.close();
});

Deno.test("nothing is sent to a session that has ended meanwhile", async () => {
  const kit = await started({});
  kit.speaker.announce("10.9.0.1", "a");
  const up = kit.session(2).establish();
  kit.session(2).end();
  await up;
  kit.session(2).options.events.refresh(4);
  await turn();
  assert.deepEqual(kit.session(2).calls, ["start"]);
  await kit.close();
});
