import assert from "node:assert/strict";
import { type FamilyPaths, GRACEFUL_SHUTDOWN, pathFor, type PathsQuestion, peerPaths } from "../../mod/bgp/paths.ts";
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

function pathsOf(asked: PathsQuestion, family: Family = 4): FamilyPaths & { readonly is: "paths" } {
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

/** Term → what an address announced under it carries. */
const RANKS: readonly {
  readonly name: string;
  readonly external: boolean;
  readonly policy: Partial<typeof POLICY>;
  readonly draining?: boolean;
  readonly expected: readonly [term: number | null, med: number | null, localPref: number | null][];
}[] = [
  {
    name: "an external peer gets a MED that falls as the term grows",
    external: true,
    policy: {},
    expected: [
      [null, null, null],
      [0, 4294967294, null],
      [1, 4294967293, null],
      [2, 4294967292, null],
      [4294967294, 0, null],
      [4294967295, 0, null],
      [Number.MAX_SAFE_INTEGER, 0, null],
    ],
  },
  {
    name: "an external peer gets the MED that is configured, whatever the term",
    external: true,
    policy: { med: 0, localPref: 300 },
    expected: [[null, 0, null], [0, 0, null], [9, 0, null]],
  },
  {
    name: "a draining route keeps its MED at an external peer",
    external: true,
    policy: {},
    draining: true,
    expected: [[null, null, null], [5, 4294967289, null]],
  },
  {
    name: "an internal peer gets a LOCAL_PREF that grows with the term, and no MED",
    external: false,
    policy: {},
    expected: [[null, null, 100], [0, null, 100], [7, null, 107], [2 ** 32, null, 4294967295]],
  },
  {
    name: "the configured LOCAL_PREF is where that begins, and a configured MED stays",
    external: false,
    policy: { localPref: 4294967290, med: 3 },
    expected: [[null, 3, 4294967290], [5, 3, 4294967295], [6, 3, 4294967295]],
  },
  {
    name: "LOCAL_PREF 0 as a base is none that is draining",
    external: false,
    policy: { localPref: 0 },
    expected: [[null, null, 0], [6, null, 6]],
  },
  {
    name: "LOCAL_PREF of a draining route is 0, whatever the term",
    external: false,
    policy: { localPref: 500 },
    draining: true,
    expected: [[null, null, 0], [7, null, 0]],
  },
];

for (const { name, external, policy, draining: isDraining = false, expected } of RANKS) {
  Deno.test(name, () => {
    const paths = pathsOf(question({ policy: { ...POLICY, ...policy } }, { isExternal: external }));
    for (const [term, med, localPref] of expected) {
      const { attributes } = pathFor(paths, { isDraining, term });
      const base = (isDraining ? paths.draining : paths.plain).attributes;
      assert.deepEqual(attributes, { ...base, med, localPref }, `term ${term}`);
    }
  });
}

Deno.test("paths have equal keys exactly when their attributes are equal", () => {
  const terms = [null, 0, 1, 2, 2, 4294967294, 4294967295];
  for (const isExternal of [true, false]) {
    for (const med of [null, 7]) {
      const paths = pathsOf(question({ policy: { ...POLICY, med } }, { isExternal }));
      const all = [true, false].flatMap((isDraining) => terms.map((term) => pathFor(paths, { isDraining, term })));
      for (const one of all) {
        for (const other of all) {
          const areEqual = JSON.stringify(one.attributes) === JSON.stringify(other.attributes);
          assert.equal(one.key === other.key, areEqual, `${one.key} and ${other.key}`);
        }
      }
    }
  }
});
