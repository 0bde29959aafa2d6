import assert from "node:assert/strict";
import { GRACEFUL_SHUTDOWN, type Path, type PathsQuestion, peerPaths } from "../../mod/bgp/paths.ts";
import type { BgpPeerConfig, Negotiated } from "../../mod/bgp/types.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import { ADDRESSES, agreement, LOCAL_AS, peerConfig, POLICY } from "./configs.ts";

function question(peer: Partial<BgpPeerConfig>, session: Partial<Negotiated> = {}): PathsQuestion {
  return {
    as: LOCAL_AS,
    peer: peerConfig(2, peer),
    session: agreement(session),
    addresses: ADDRESSES,
    isAnnounced: () => false,
  };
}

function pathsOf(asked: PathsQuestion, family: Family = 4): { plain: Path; draining: Path } {
  const paths = peerPaths(asked).get(family);
  assert.ok(paths?.is === "paths");
  return paths;
}

Deno.test("an external peer gets the own AS, more of it as configured, and no LOCAL_PREF", () => {
  const { attributes } = pathsOf(question({ policy: { ...POLICY, prepend: 2, localPref: 300, med: 7 } })).plain;
  assert.deepEqual(attributes.asPath, [LOCAL_AS, LOCAL_AS, LOCAL_AS]);
  assert.equal(attributes.localPref, null);
  assert.equal(attributes.med, 7);
  assert.equal(attributes.nextHop, "10.0.0.1");
});

Deno.test("an internal peer gets an empty path whatever is prepended, and LOCAL_PREF 100 unless another is configured", () => {
  const session = { isExternal: false, remoteAs: LOCAL_AS };
  const plain = pathsOf(question({ policy: { ...POLICY, prepend: 2 } }, session)).plain.attributes;
  assert.deepEqual([plain.asPath, plain.localPref], [[], 100]);
  const given = pathsOf(question({ policy: { ...POLICY, localPref: 0 } }, session)).plain.attributes;
  assert.equal(given.localPref, 0);
});

Deno.test("a draining route carries GRACEFUL_SHUTDOWN once beside the other communities (RFC 8326)", () => {
  const large = [{ global: 1, local1: 2, local2: 3 }];
  const policy = { ...POLICY, communities: [GRACEFUL_SHUTDOWN, 0x00010002], largeCommunities: large };
  const { plain, draining } = pathsOf(question({ policy }));
  assert.deepEqual(plain.attributes.communities, [GRACEFUL_SHUTDOWN, 0x00010002]);
  assert.deepEqual(draining.attributes.communities, [0x00010002, GRACEFUL_SHUTDOWN]);
  assert.deepEqual(draining.attributes.largeCommunities, large);
  assert.equal(draining.attributes.localPref, null);
});

Deno.test("a draining route to an internal peer has LOCAL_PREF 0 (RFC 8326 §4.1)", () => {
  const { draining } = pathsOf(question({ policy: { ...POLICY, localPref: 500 } }, { isExternal: false }));
  assert.equal(draining.attributes.localPref, 0);
});

Deno.test("equal attributes have equal keys and others have others", () => {
  const one = pathsOf(question({}));
  const same = pathsOf(question({}));
  const other = pathsOf(question({ policy: { ...POLICY, med: 0 } }));
  assert.equal(one.plain.key, same.plain.key);
  assert.notEqual(one.plain.key, one.draining.key);
  assert.notEqual(one.plain.key, other.plain.key);
});

Deno.test("a family that the peer does not take has no paths and says so, one that is not configured is not there", () => {
  const paths = peerPaths(question({ families: new Set<Family>([4, 6]) }));
  assert.equal(paths.get(4)?.is, "paths");
  assert.deepEqual(paths.get(6), { is: "none", why: "the peer takes no IPv6 routes" });
  assert.equal(peerPaths(question({})).has(6), false);
});

Deno.test("a family without a next hop has no paths and says why", () => {
  const families = new Set<Family>([4, 6]);
  const paths = peerPaths({ ...question({ families }, { families }), addresses: ADDRESSES.slice(0, 1) });
  assert.deepEqual(paths.get(6), { is: "none", why: "eth0 has no IPv6 address that could be the next hop" });
});

Deno.test("IPv6 routes have both next hops where RFC 2545 wants both", () => {
  const families = new Set<Family>([6]);
  const session = { families, localIp: "fd00::1", remoteIp: "fd00::2" };
  const { attributes } = pathsOf(question({ families }, session), 6).plain;
  assert.deepEqual([attributes.nextHop, attributes.nextHopLinkLocal], ["fd00::1", "fe80::1"]);
});
