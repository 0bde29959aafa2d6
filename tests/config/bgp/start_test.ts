import assert from "node:assert/strict";
import type { BgpSettings } from "../../../mod/config/bgp/types.ts";
import { base, load, problemLines, warningLines } from "../helpers.ts";

const PEERS = ["10.0.0.254:65001", { address: "10.0.0.253", as: 65001, passwordFile: "/p" }];
const FILES = { "/p": "hush\n" };

function bgpOf(changes: Record<string, unknown>, env: Record<string, string> = {}): BgpSettings | null {
  const result = load(base(changes), { env, files: FILES });
  assert.deepEqual(problemLines(result), []);
  return result.outcome === "valid" ? result.config.bgp : null;
}

Deno.test("the group bgp is all that BGP needs, with peers as text or by their fields", () => {
  const bgp = bgpOf({
    bgp: {
      as: 65000,
      routerID: "10.0.0.1",
      sourceInterface: "eth0",
      listenPort: 179,
      holdTime: 9,
      keepalive: 2,
      communities: ["65000:1"],
      peers: PEERS,
    },
  });
  assert.ok(bgp !== null);
  assert.deepEqual([bgp.as, bgp.routerId, bgp.sourceInterface, bgp.listenPort], [65000, "10.0.0.1", "eth0", 179]);
  assert.deepEqual(bgp.peers.map(({ name, password }) => [name, password]), [
    ["10.0.0.254:179", null],
    ["10.0.0.253:179", "hush"],
  ]);
  assert.deepEqual([bgp.peers[0]?.holdTimeMs, bgp.peers[0]?.keepaliveMs], [9000, 2000]);
  assert.equal(bgp.peers[0]?.sourceInterface, "eth0");
});

Deno.test("members elect, so that peers keep no routes of the one before; a single node's they may keep", () => {
  assert.equal(bgpOf({ bgp: { peers: PEERS } })?.gracefulRestartMs, null);
  const alone = { singleNode: true, remotePeers: [], bgp: { peers: PEERS } };
  assert.equal(bgpOf(alone)?.gracefulRestartMs, 60_000);
});

Deno.test("files and variables of the raft era mean what they meant", () => {
  const old = { bgpConfig: { as: 65010, routerID: "10.0.0.1" }, bgpPeerConfig: { address: "10.0.0.254", as: 65001 } };
  const bgp = bgpOf({ enableBGP: true, ...old });
  assert.deepEqual([bgp?.as, bgp?.routerId, bgp?.peers.map(({ name }) => name)], [65010, "10.0.0.1", [
    "10.0.0.254:179",
  ]]);
  const env = {
    "bgp_enable": "true",
    "bgp_as": "65010",
    "bgp_routerid": "10.0.0.1",
    "bgp_peeraddress": "10.0.0.254",
    "bgp_peeras": "65001",
  };
  assert.deepEqual(bgpOf({}, env), bgp);
});

Deno.test("an old file that has the groups without the switch is without BGP, and says so", () => {
  const rows: [Record<string, unknown>, Record<string, string>, RegExp | null][] = [
    [{}, {}, null],
    [{ bgp: {} }, {}, null],
    [{ bgpConfig: { as: 0, routerID: "" }, bgpPeerConfig: { address: "", as: 0 } }, {}, null],
    [{ enableBGP: false, bgp: { peers: PEERS } }, {}, null],
    [{ enableBGP: false, bgpConfig: { as: 65000 } }, { "bgp_peers": "10.0.0.254:1" }, null],
    [
      { bgpConfig: { as: 65000 } },
      {},
      /^config\.yaml:\d+: bgpConfig: has no effect: BGP is off; set enableBGP to true/,
    ],
    [{ bgpPeerConfig: { as: 65000 } }, {}, /bgpPeerConfig: has no effect/],
    [{}, { "bgp_peers": "10.0.0.254:1" }, /^bgp_peers: has no effect: BGP is off/],
    [{}, { "bgp_peeraddress": "10.0.0.254" }, /^bgp_peeraddress: has no effect/],
  ];
  for (const [changes, env, warning] of rows) {
    assert.equal(bgpOf(changes, env), null, JSON.stringify(changes));
    const lines = warningLines(load(base(changes), { env, files: FILES }));
    assert.equal(lines.length, warning === null ? 0 : 1, lines.join("\n"));
    if (warning !== null) assert.match(lines[0] ?? "", warning);
  }
});

Deno.test("what is wrong in the group is refused by its place", () => {
  const rows: [Record<string, unknown>, RegExp][] = [
    [{ bgp: { as: 1 } }, /bgp\.peers: you need to provide at least one peer/],
    [{ bgp: { peers: PEERS, as: 0 } }, /^config\.yaml:\d+: bgp\.as "0": you need to provide AS/],
    [{ bgp: { peers: PEERS, ass: 1 } }, /bgp\.ass: is not a known setting; did you mean as\?/],
    [
      { bgp: { peers: [{ address: "10.0.0.254", as: 1, weight: 1 }] } },
      /bgp\.peers\[0\]\.weight: is not a known setting/,
    ],
    [{ bgp: { peers: PEERS }, bgpConfig: { as: 1 } }, /bgpConfig: is the old name of bgp, which is given too/],
    [
      { bgp: { peers: ["10.0.0.254:65001", "10.0.0.9:65001"] } },
      /bgp\.peers\[1\]: BGP peer 10\.0\.0\.9:179 is a virtual address, which the nodes hold themselves \(vip\); must be the address of/,
    ],
    [
      { bgp: { peers: PEERS, listenPort: 6443 } },
      /^config\.yaml:\d+: bgp\.listenPort "6443": is the port of the load balancer tcp-6443; BGP needs its own$/,
    ],
    [
      {
        bgp: { peers: PEERS, listenPort: 179 },
        loadBalancers: [{ name: "open", type: "tcp", port: 179, backends: [{ address: "10.0.0.1", port: 6444 }] }],
      },
      /bgp\.listenPort "179": is the port of the load balancer open; BGP needs its own$/,
    ],
    [{ bgp: "on" }, /bgp "on": must be a mapping, not text/],
  ];
  for (const [changes, pattern] of rows) {
    const lines = problemLines(load(base(changes), { files: FILES }));
    assert.match(lines.join("\n"), pattern);
  }
});

Deno.test("without an address there is nothing to announce, and an address of a family without peers is named", () => {
  const idle = { singleNode: true, disableVIP: true, vip: "", bgp: { peers: PEERS }, enableBGP: true };
  const balancer = [{ type: "tcp", port: 6443, backends: [{ address: "10.0.0.1", port: 6444 }] }];
  const result = load(base({ ...idle, remotePeers: [], loadBalancers: balancer }), { files: FILES });
  assert.equal(result.outcome === "valid" && result.config.bgp, null);
  assert.match(warningLines(result).join(), /enableBGP: has no effect: disableVIP is set/);
  const six = load(base({ vip: ["10.0.0.9", "fd00::9"], bgp: { peers: PEERS } }), { files: FILES });
  assert.match(warningLines(six).join(), /"fd00::9": no BGP peer carries IPv6 routes/);
});
