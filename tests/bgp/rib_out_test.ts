import assert from "node:assert/strict";
import { type Manner, type Path, pathFor, type PeerPaths, peerPaths } from "../../mod/bgp/paths.ts";
import { RibOut } from "../../mod/bgp/rib_out.ts";
import type { Negotiated } from "../../mod/bgp/types.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import type { Random } from "../../mod/base/clock.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { ADDRESSES, agreement, LOCAL_AS, peerConfig } from "./configs.ts";
import { ModelPeer } from "./model_peer.ts";

const BOTH: ReadonlySet<Family> = new Set<Family>([4, 6]);
const NOT_COMPLETE = { complete: false };
const COMPLETE = { complete: true };

function pathsFor(session: Negotiated): PeerPaths {
  const peer = peerConfig(2, { families: session.families });
  return peerPaths({ as: LOCAL_AS, peer, session, addresses: ADDRESSES, isAnnounced: () => false });
}

const PLAIN: Manner = { isDraining: false, term: null };

function pathTo(session: Negotiated, ip: string, manner = PLAIN): Path {
  const paths = pathsFor(session).get(ip.includes(":") ? 6 : 4);
  assert.ok(paths?.is === "paths");
  return pathFor(paths, manner);
}

function v4(index: number): string {
  return `172.16.${index >> 8}.${index & 0xff}`;
}

Deno.test("1,000 host routes of a family go out and come back in a handful of messages", () => {
  for (const addressOf of [v4, (index: number) => `fd77::${(index + 1).toString(16)}`]) {
    const session = agreement({ families: BOTH });
    const rib = new RibOut(session);
    const peer = new ModelPeer();
    for (let i = 0; i < 1000; i++) rib.want(addressOf(i), pathTo(session, addressOf(i)));
    peer.receive(rib.flush(NOT_COMPLETE));
    assert.equal(peer.routes.size, 1000);
    assert.equal(rib.size, 1000);
    assert.ok(peer.messages <= 5, `${peer.messages} messages`);
    for (let i = 0; i < 1000; i++) rib.want(addressOf(i), null);
    peer.receive(rib.flush(NOT_COMPLETE));
    assert.equal(peer.routes.size, 0);
    assert.equal(rib.size, 0);
    assert.ok(peer.messages <= 10, `${peer.messages} messages`);
  }
});

Deno.test("another term changes 1,000 routes in a handful of messages and withdraws none", () => {
  for (const isExternal of [true, false]) {
    const session = agreement({ isExternal });
    const rib = new RibOut(session);
    const peer = new ModelPeer();
    for (const term of [1, 2]) {
      for (let i = 0; i < 1000; i++) rib.want(v4(i), pathTo(session, v4(i), { isDraining: false, term }));
      peer.receive(rib.flush(NOT_COMPLETE));
    }
    assert.ok(peer.messages <= 6, `${peer.messages} messages`);
    assert.deepEqual([...new Set(peer.log)], ["announce"]);
    assert.equal(peer.routes.size, 1000);
    const ranks = new Set([...peer.routes.values()].map(({ med, localPref }) => `${med} ${localPref}`));
    assert.deepEqual([...ranks], [isExternal ? "4294967292 null" : "null 102"]);
  }
});

Deno.test("nothing is said twice, and what is taken back before it was said is not said", () => {
  const session = agreement();
  const rib = new RibOut(session);
  const path = pathTo(session, "10.9.0.1");
  rib.want("10.9.0.1", path);
  rib.want("10.9.0.2", path);
  rib.want("10.9.0.2", null);
  assert.equal(rib.flush(NOT_COMPLETE).length, 1);
  rib.want("10.9.0.1", pathTo(session, "10.9.0.1"));
  assert.deepEqual(rib.flush(NOT_COMPLETE), []);
  rib.want("10.9.0.1", null);
  rib.want("10.9.0.1", path);
  assert.deepEqual(rib.flush(NOT_COMPLETE), []);
});

Deno.test("withdrawals go before announcements", () => {
  const session = agreement();
  const rib = new RibOut(session);
  const peer = new ModelPeer();
  rib.want("10.9.0.1", pathTo(session, "10.9.0.1"));
  peer.receive(rib.flush(NOT_COMPLETE));
  rib.want("10.9.0.2", pathTo(session, "10.9.0.2"));
  rib.want("10.9.0.1", null);
  peer.receive(rib.flush(NOT_COMPLETE));
  assert.deepEqual(peer.log, ["announce", "withdraw", "announce"]);
});

Deno.test("End-of-RIB follows the first routes of each family once they are complete, and never again (RFC 4724 §2)", () => {
  const session = agreement({ families: BOTH });
  const rib = new RibOut(session);
  const peer = new ModelPeer();
  rib.want("10.9.0.1", pathTo(session, "10.9.0.1"));
  peer.receive(rib.flush(NOT_COMPLETE));
  assert.deepEqual(peer.log, ["announce"]);
  rib.want("fd09::1", pathTo(session, "fd09::1"));
  peer.receive(rib.flush(COMPLETE));
  peer.receive(rib.flush(COMPLETE));
  assert.deepEqual(peer.log, ["announce", "announce", "end-of-rib 4", "end-of-rib 6"]);
});

Deno.test("a session without routes says End-of-RIB of its families only", () => {
  const peer = new ModelPeer();
  peer.receive(new RibOut(agreement()).flush(COMPLETE));
  assert.deepEqual(peer.log, ["end-of-rib 4"]);
});

Deno.test("a refresh repeats the family between two marks if both sides can do that (RFC 7313), else without", () => {
  for (const enhancedRouteRefresh of [true, false]) {
    const session = agreement({ families: BOTH, enhancedRouteRefresh });
    const rib = new RibOut(session);
    const peer = new ModelPeer();
    for (const ip of ["10.9.0.1", "fd09::1"]) rib.want(ip, pathTo(session, ip));
    peer.receive(rib.flush(COMPLETE));
    peer.log.length = 0;
    rib.refresh(6);
    rib.refresh(6);
    peer.receive(rib.flush(COMPLETE));
    assert.deepEqual(peer.log, enhancedRouteRefresh ? ["begin 6", "announce", "end 6"] : ["announce"]);
    assert.equal(peer.routes.size, 2);
  }
});

Deno.test("no mark goes out before the first End-of-RIB (RFC 7313 §4)", () => {
  const session = agreement();
  const rib = new RibOut(session);
  const peer = new ModelPeer();
  rib.want("10.9.0.1", pathTo(session, "10.9.0.1"));
  peer.receive(rib.flush(NOT_COMPLETE));
  rib.refresh(4);
  peer.receive(rib.flush(NOT_COMPLETE));
  assert.deepEqual(peer.log, ["announce", "announce"]);
});

Deno.test("a refresh of a family that was not agreed on is ignored (RFC 2918 §4)", () => {
  const rib = new RibOut(agreement());
  rib.flush(COMPLETE);
  rib.refresh(6);
  assert.deepEqual(rib.flush(COMPLETE), []);
});

/** What should be announced, and one session's two ends. */
class World {
  readonly wanted = new Map<string, Manner>();
  readonly session: Negotiated;
  rib: RibOut;
  peer: ModelPeer;
  complete = false;

  constructor(readonly random: Random, extended: boolean) {
    const enhancedRouteRefresh = random() < 0.5;
    const isExternal = random() < 0.5;
    const ends = extended ? { localIp: "fd00::1", remoteIp: "fd00::2" } : {};
    const fourOctetAs = random() < 0.7;
    const changed = {
      families: BOTH,
      enhancedRouteRefresh,
      isExternal,
      extendedNextHop: extended,
      fourOctetAs,
      ...ends,
    };
    this.session = agreement(changed);
    this.rib = new RibOut(this.session);
    this.peer = new ModelPeer(fourOctetAs);
  }

  pick(): string {
    const index = Math.floor(this.random() * 40);
    return this.random() < 0.5 ? v4(index) : `fd77::${(index + 1).toString(16)}`;
  }

  /** Few different ones, so that addresses share them. */
  term(): number | null {
    return this.random() < 0.4 ? null : Math.floor(this.random() * 4);
  }

  step(): void {
    const dice = this.random();
    const ip = this.pick();
    const before = this.wanted.get(ip);
    if (dice < 0.35) this.wanted.set(ip, { isDraining: false, term: this.term() });
    else if (dice < 0.6) this.wanted.delete(ip);
    else if (dice < 0.7 && before !== undefined) this.wanted.set(ip, { ...before, isDraining: true });
    else if (dice < 0.75) this.rib.refresh(this.random() < 0.5 ? 4 : 6);
    else if (dice < 0.78) this.flap();
    else if (dice < 0.8) this.complete = true;
    else if (dice < 0.95) this.peer.receive(this.rib.flush({ complete: this.complete }));
    const state = this.wanted.get(ip);
    this.rib.want(ip, state === undefined ? null : pathTo(this.session, ip, state));
  }

  flap(): void {
    this.rib = new RibOut(this.session);
    this.peer = new ModelPeer(this.session.fourOctetAs);
    for (const [ip, manner] of this.wanted) this.rib.want(ip, pathTo(this.session, ip, manner));
  }

  quiet(): void {
    this.peer.receive(this.rib.flush({ complete: true }));
  }
}

function checkQuiet(world: World, where: string): number {
  world.quiet();
  assert.deepEqual([...world.peer.routes.keys()].sort(), [...world.wanted.keys()].sort(), where);
  assert.equal(world.rib.size, world.wanted.size, where);
  for (const [ip, manner] of world.wanted) {
    const { attributes } = pathTo(world.session, ip, manner);
    const { nextHop, nextHopLinkLocal, asPath, med, localPref, communities } = attributes;
    const expected = { nextHop, linkLocal: nextHopLinkLocal, asPath, med, localPref, communities };
    assert.deepEqual(world.peer.routes.get(ip), expected, `${where}, ${ip}`);
  }
  return world.wanted.size;
}

Deno.test("after any sequence of changes a peer that reads the bytes has what it should have", () => {
  const seed = seedFromEnv(11);
  let checked = 0;
  for (let run = 0; run < 60; run++) {
    const world = new World(seededRandom(seed + run), run % 3 === 0);
    for (let step = 0; step < 200; step++) {
      world.step();
      if (step % 50 === 49) checked += checkQuiet(world, `seed ${seed + run}, step ${step}`);
    }
    const ends = world.peer.log.filter((entry) => entry.startsWith("end-of-rib"));
    assert.equal(new Set(ends).size, ends.length, "End-of-RIB once for each family and session");
  }
  assert.ok(checked > 2000, `${checked} routes were compared`);
});
