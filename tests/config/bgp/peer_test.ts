import assert from "node:assert/strict";
import type { BgpPeerConfig } from "../../../mod/bgp/types.ts";
import { buildPeer, type PeerDraft } from "../../../mod/config/bgp/peer.ts";
import { NO_OVERRIDES, type PeerOverrides } from "../../../mod/config/bgp/peer_string.ts";
import type { PeerDefaults } from "../../../mod/config/bgp/types.ts";

const POLICY = { communities: [1], largeCommunities: [], localPref: null, med: 7, prepend: 0 };

const DEFAULTS: PeerDefaults = {
  password: null,
  ttlSecurityHops: null,
  sourceIp: null,
  sourceInterface: null,
  nextHop: { how: "", ipv4: "", ipv6: "" },
  holdTimeMs: 30_000,
  keepaliveMs: 10_000,
  passive: false,
  policy: POLICY,
};

const DRAFT: PeerDraft = {
  address: "10.0.0.1",
  interface: "",
  port: 0,
  as: 65001,
  password: "",
  multihop: false,
  nextHop: DEFAULTS.nextHop,
  bfd: "",
  overrides: NO_OVERRIDES,
};

interface Case {
  readonly draft?: Partial<PeerDraft>;
  readonly own?: Partial<PeerOverrides>;
  readonly defaults?: Partial<PeerDefaults>;
  readonly listens?: boolean;
}

interface Built {
  readonly peer: BgpPeerConfig | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly bfd: readonly string[];
}

function build({ draft = {}, own = {}, defaults = {}, listens = false }: Case): Built {
  const [problems, warnings, bfd]: string[][] = [[], [], []];
  const peer = buildPeer({ ...DRAFT, ...draft, overrides: { ...NO_OVERRIDES, ...own } }, {
    defaults: { ...DEFAULTS, ...defaults },
    listens,
    problem: (message) => void problems?.push(message),
    warning: (message) => void warnings?.push(message),
    readPassword: (path) => `content of ${path}`,
    noteBfd: (name, units) => void bfd?.push(`${name}: ${units}`),
  });
  return { peer, problems: problems ?? [], warnings: warnings ?? [], bfd: bfd ?? [] };
}

function peerOf(one: Case): BgpPeerConfig {
  const { peer, problems } = build(one);
  assert.deepEqual(problems, []);
  return peer ?? assert.fail();
}

Deno.test("a peer without more than an address and an AS has what all have", () => {
  assert.deepEqual(peerOf({}), {
    name: "10.0.0.1:179",
    address: { is: "ip", ip: "10.0.0.1" },
    port: 179,
    as: 65001,
    password: null,
    multihopTtl: null,
    ttlSecurityHops: null,
    sourceIp: null,
    sourceInterface: null,
    families: new Set([4]),
    nextHop: { is: "self" },
    holdTimeMs: 30_000,
    keepaliveMs: 10_000,
    passive: false,
    bfd: null,
    policy: POLICY,
  });
});

Deno.test("the address says the name and the families", () => {
  const rows: [Partial<PeerDraft>, string, BgpPeerConfig["address"], number[]][] = [
    [{ address: "fd00:0::1", port: 180 }, "[fd00::1]:180", { is: "ip", ip: "fd00::1" }, [6]],
    [{ address: "Router.Example." }, "router.example:179", { is: "name", host: "router.example" }, [4, 6]],
    [{ address: "", interface: "eth1", as: 0 }, "eth1", { is: "unnumbered", interface: "eth1" }, [4, 6]],
  ];
  for (const [draft, name, address, families] of rows) {
    const peer = peerOf({ draft });
    assert.deepEqual([peer.name, peer.address, [...peer.families]], [name, address, families]);
  }
  const fixed = { how: "fixed", ipv4: "", ipv6: "fd00::9" };
  const own = peerOf({ draft: { nextHop: fixed } });
  assert.deepEqual([[...own.families], own.nextHop], [[4, 6], { is: "fixed", ipv4: null, ipv6: "fd00::9" }]);
  assert.deepEqual(peerOf({ defaults: { nextHop: fixed } }).nextHop, own.nextHop);
});

Deno.test("a peer without an address is bound to its link, whatever the others are bound to", () => {
  const draft = { address: "", interface: "eth1", as: 0, nextHop: { how: "auto_sourceif", ipv4: "", ipv6: "" } };
  for (const defaults of [{}, { sourceIp: "10.0.0.9" }, { sourceInterface: "eth0" }]) {
    const peer = peerOf({ draft, defaults });
    assert.deepEqual([peer.as, peer.sourceIp, peer.sourceInterface], [null, null, "eth1"]);
    assert.deepEqual(peer.nextHop, { is: "source-interface" });
  }
});

Deno.test("what a peer says counts before what all say", () => {
  const defaults = {
    password: "all",
    ttlSecurityHops: 1,
    sourceInterface: "eth0",
    passive: true,
    policy: { communities: [1], largeCommunities: [], localPref: 1, med: 1, prepend: 1 },
  };
  const large = { global: 1, local1: 2, local2: 3 };
  const own = {
    passive: false,
    ttlSecurity: 0,
    multihopTtl: 9,
    communities: [{ value: 2, shown: "0:2" }],
    largeCommunities: [{ value: large, shown: "1:2:3" }],
    localPref: 0,
    med: 0,
    prepend: 0,
    passwordFile: "/p",
    sourceIp: "10.0.0.9",
  };
  const peer = peerOf({ own, defaults });
  assert.deepEqual(peer.policy, { communities: [2], largeCommunities: [large], localPref: 0, med: 0, prepend: 0 });
  assert.deepEqual([peer.passive, peer.ttlSecurityHops, peer.multihopTtl], [false, null, 9]);
  assert.deepEqual([peer.sourceIp, peer.sourceInterface, peer.password], ["10.0.0.9", null, "content of /p"]);
  const plain = peerOf({ defaults, listens: true });
  assert.deepEqual([plain.passive, plain.ttlSecurityHops, plain.password, plain.policy], [
    true,
    1,
    "all",
    defaults.policy,
  ]);
  assert.equal(peerOf({ draft: { password: "own" }, defaults, listens: true }).password, "own");
  assert.equal(peerOf({ draft: { multihop: true } }).multihopTtl, 50);
});

Deno.test("what contradicts itself is refused by the name of the peer", () => {
  const rows: [Case, RegExp][] = [
    [{ draft: { as: 0 } }, /^BGP peer 10\.0\.0\.1:179: needs an AS/],
    [{ draft: { address: "0.0.0.0" } }, /^a BGP peer has the unspecified address/],
    [{ draft: { address: "224.0.0.1" } }, /has a multicast address/],
    [{ draft: { address: "::ffff:10.0.0.1" } }, /IPv4 address in IPv6 form/],
    [{ draft: { address: "10.0.0.256" } }, /neither an IP address nor the name of a host/],
    [{ draft: { address: "", interface: "a/b" } }, /needs the name of an interface/],
    [{ draft: { address: "fe80::1" } }, /a link-local address needs a source interface/],
    [{ draft: { multihop: true }, defaults: { ttlSecurityHops: 1 } }, /mutually exclusive/],
    [{ own: { ttlSecurity: 1, multihopTtl: 2 } }, /mutually exclusive/],
    [{ own: { sourceIp: "10.0.0.2", sourceInterface: "a" } }, /sourceIP and SourceIF are mutually exclusive/],
    [{ own: { sourceIp: "fd00::2" } }, /the source address fd00::2 is of another IP version/],
    [{ own: { passive: true } }, /a passive peer needs a port to connect to/],
    [{ own: { passive: true }, draft: { address: "router" }, listens: true }, /known by its IP address/],
    [{ own: { passwordFile: "/p" }, draft: { password: "p" } }, /has both password and passwordFile/],
    [{ draft: { bfd: "true;1;1;1" } }, /BFD configuration error/],
    [{ defaults: { nextHop: { how: "auto_sourceip", ipv4: "", ipv6: "" } } }, /auto_sourceip needs a source address/],
    [{ draft: { address: "", interface: "eth1" }, own: { sourceInterface: "eth2" } }, /is eth1; leave sourceIP/],
  ];
  for (const [one, pattern] of rows) {
    const { peer, problems } = build(one);
    assert.equal(peer, null);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", pattern);
  }
});

Deno.test("what is of no use to a peer is warned about", () => {
  const other = build({ defaults: { sourceIp: "fd00::2" } });
  assert.deepEqual([other.peer?.sourceIp, other.problems], [null, []]);
  assert.match(other.warnings.join(), /^BGP peer 10\.0\.0\.1:179: the source address fd00::2 .* not used for it$/);
  const stray = build({ draft: { nextHop: { how: "", ipv4: "10.0.0.1", ipv6: "" } } });
  assert.match(stray.warnings.join(), /have no effect without mpbgp_nexthop=fixed/);
  const watched = build({ draft: { bfd: "true;300;300000;3" } });
  assert.deepEqual(watched.bfd, ["10.0.0.1:179: receive 300 milliseconds, transmit 300000 microseconds"]);
  assert.deepEqual(watched.peer?.bfd, { requiredRxMs: 300, desiredTxMs: 300, multiplier: 3 });
});
