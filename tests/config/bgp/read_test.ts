import assert from "node:assert/strict";
import type { ManagerBgp } from "../../../mod/config/bgp/types.ts";
import { type Given, loadBare, problemLines, warningLines } from "../manager/helpers.ts";

const BASE = { "cp_enable": "true", address: "192.168.0.40", "bgp_enable": "true" };
const ONE = { ...BASE, "bgp_peers": "10.0.0.1:65001" };

function load(env: Record<string, string>, given: Given = {}): ReturnType<typeof loadBare> {
  return loadBare({ ...given, env: { ...ONE, ...env } });
}

function bgpOf(env: Record<string, string>, given: Given = {}): ManagerBgp {
  const result = load(env, given);
  assert.deepEqual(problemLines(result), []);
  assert.ok(result.outcome === "valid");
  return result.config.bgp ?? assert.fail();
}

Deno.test("one peer is enough, and the rest is as upstream has it", () => {
  const { defaults, peers, ...speaker } = bgpOf({});
  assert.deepEqual(speaker, {
    as: 65000,
    routerId: null,
    routerInterface: null,
    sourceIp: null,
    sourceInterface: null,
    listenPort: null,
    gracefulRestartMs: 60_000,
    annotationsPrefix: null,
  });
  assert.deepEqual(defaults.policy, { communities: [], largeCommunities: [], localPref: null, med: null, prepend: 0 });
  assert.deepEqual(peers.map(({ name, as, port }) => [name, as, port]), [["10.0.0.1:179", 65001, 179]]);
  assert.deepEqual(warningLines(load({})), []);
});

/** Reference §6.2: the strings of upstream's own test, to the end. */
Deno.test("every peer string of the reference becomes peers for the speaker", () => {
  const rows: [string, Record<string, string>, unknown[]][] = [
    ["192.168.0.10:65000::false,192.168.0.11:65000::false", {}, [
      { name: "192.168.0.10:179", as: 65000, families: new Set([4]) },
      { name: "192.168.0.11:179", as: 65000, password: null, multihopTtl: null },
    ]],
    ["192.168.0.10:65000::false:180,192.168.0.11:65000::false:190", {}, [{ port: 180 }, { port: 190 }]],
    ["[fd00:1::5d52]:65501::false::mpbgp_nexthop=auto_sourceif", { "bgp_sourceif": "eth0" }, [
      { name: "[fd00:1::5d52]:179", nextHop: { is: "source-interface" }, families: new Set([4, 6]) },
    ]],
    ["[fd00:1::5d52]:65501::false:::true;300;300;3", {}, [
      { bfd: { desiredTxMs: 300, requiredRxMs: 300, multiplier: 3 }, families: new Set([6]) },
    ]],
    ["[fd00:100:64::2]:65000:secret:true", {}, [{ password: "secret", multihopTtl: 50 }]],
    ["unnumbered:eth0,unnumbered:eth1:65000::true::mpbgp_nexthop=auto_sourceif", {}, [
      { name: "eth0", as: null, port: 179, sourceInterface: "eth0", nextHop: { is: "self" } },
      { name: "eth1", as: 65000, port: 179, multihopTtl: 50, nextHop: { is: "source-interface" } },
    ]],
  ];
  for (const [text, env, wanted] of rows) {
    const { peers } = bgpOf({ "bgp_peers": text, ...env });
    assert.equal(peers.length, wanted.length, text);
    for (const [i, part] of wanted.entries()) assert.partialDeepStrictEqual(peers[i], part, text);
  }
  for (
    const text of [":::::::", "1.2.3.4:65000/mpbgp_nexthop", "1.2.3.4:65000;unknown=value", "[fd00:100:64::2:65000"]
  ) {
    assert.match(problemLines(load({ "bgp_peers": text })).join(), /^bgp_peers/, text);
  }
  const none = loadBare({ env: BASE });
  assert.match(problemLines(none).join(), /^bgp_peers: you need to provide at least one peer/);
  assert.deepEqual(warningLines(none), []);
});

Deno.test("one more peer comes from settings of its own, by variable and by flag alike", () => {
  const wanted = ["10.0.0.1:179", "[fd00::1]:179"];
  const flags = { peerAddress: "fd00::1", peerAS: "65009", peerPass: "a:b,c", multihop: "true" };
  const env = {
    "bgp_peeraddress": "[fd00::1]",
    "bgp_peeras": "65009",
    "bgp_peerpass": "a:b,c",
    "bgp_multihop": "true",
  };
  for (const { peers } of [bgpOf({}, { flags }), bgpOf(env), bgpOf({}, { content: { bgpPeerConfig: FILE_PEER } })]) {
    assert.deepEqual(peers.map(({ name }) => name), wanted);
    assert.deepEqual([peers[1]?.as, peers[1]?.password, peers[1]?.multihopTtl], [65009, "a:b,c", 50]);
  }
  assert.deepEqual(bgpOf({ "bgp_peers": "", ...env }).peers.length, 1);
  const stray = warningLines(load({ "bgp_peerpass": "hush" })).join();
  assert.match(stray, /^bgp_peerpass "\*{8}": has no effect without bgp_peeraddress/);
});

const FILE_PEER = { address: "fd00::1", as: 65009, password: "a:b,c", multiHop: true };

Deno.test("timers are those of RFC 4271, or refused", () => {
  const rows: [string, string, [number, number] | RegExp][] = [
    ["", "", [30_000, 10_000]],
    ["0", "0", [90_000, 30_000]],
    ["3", "0", [3000, 1000]],
    ["9", "", [9000, 3000]],
    ["9", "3", [9000, 3000]],
    ["65535", "65534", [65_535_000, 65_534_000]],
    ["1", "0", /^bgp_hold_time "1": must be 0 \(for 90\) or a number of seconds from 3 to 65535/],
    ["2", "", /^bgp_hold_time "2"/],
    ["65536", "", /^bgp_hold_time "65536"/],
  ];
  for (const [hold, keepalive, wanted] of rows) {
    const env = { "bgp_hold_time": hold, "bgp_keepalive_interval": keepalive };
    if (wanted instanceof RegExp) assert.match(problemLines(load(env)).join(), wanted);
    else {
      const [{ holdTimeMs, keepaliveMs } = { holdTimeMs: 0, keepaliveMs: 0 }] = bgpOf(env).peers;
      assert.deepEqual([holdTimeMs, keepaliveMs], wanted);
    }
  }
  const capped = load({ "bgp_hold_time": "9", "bgp_keepalive_interval": "9" });
  assert.match(warningLines(capped).join(), /^bgp_keepalive_interval "9": is not less than the hold time of 9 seconds/);
  assert.equal(bgpOf({ "bgp_hold_time": "9", "bgp_keepalive_interval": "9" }).defaults.keepaliveMs, 3000);
});

Deno.test("an election leaves no stale routes behind, whatever is asked for", () => {
  const elected = { "vip_leaderelection": "true" };
  assert.equal(bgpOf({ "bgp_graceful_restart": "120" }).gracefulRestartMs, 120_000);
  assert.equal(bgpOf({ "bgp_graceful_restart": "0" }).gracefulRestartMs, null);
  assert.equal(bgpOf(elected).gracefulRestartMs, null);
  assert.deepEqual(warningLines(load({ ...elected, "bgp_graceful_restart": "0" })), []);
  const both = { ...elected, "bgp_graceful_restart": "60" };
  assert.equal(bgpOf(both).gracefulRestartMs, null);
  assert.match(warningLines(load(both)).join(), /^bgp_graceful_restart "60": has no effect with an election/);
});

Deno.test("all peers share what is set for all", () => {
  const env = {
    "bgp_peers": "10.0.0.1:65001,10.0.0.2:65002:own",
    "bgp_communities": "65000:1",
    "bgp_large_communities": "1:2:3",
    "bgp_local_pref": "200",
    "bgp_med": "0",
    "bgp_as_prepend": "2",
    "bgp_ttl_security": "1",
    "bgp_listen_port": "1179",
    "bgp_passive": "true",
    "bgp_peerpass_file": "/p",
  };
  const { peers, listenPort } = bgpOf(env, { files: { "/p": "a:b,c\n" } });
  assert.equal(listenPort, 1179);
  assert.deepEqual(peers.map(({ password }) => password), ["a:b,c", "own"]);
  for (const { policy, ttlSecurityHops, passive } of peers) {
    const largeCommunities = [{ global: 1, local1: 2, local2: 3 }];
    assert.deepEqual(policy, {
      communities: [65000 * 65536 + 1],
      largeCommunities,
      localPref: 200,
      med: 0,
      prepend: 2,
    });
    assert.deepEqual([ttlSecurityHops, passive], [1, true]);
  }
});

Deno.test("what cannot be is refused by its setting, in upstream's words where it has any", () => {
  const rows: [Record<string, string>, RegExp][] = [
    [{ "bgp_as": "0" }, /^bgp_as "0": you need to provide AS; must be a number from 1 to 4294967295/],
    [{ "bgp_as": "23456" }, /^bgp_as "23456": stands for other numbers/],
    [{ "bgp_routerid": "fd00::1" }, /^bgp_routerid "fd00::1": router-id must be an IPv4 address/],
    [
      { "bgp_sourceip": "10.0.0.9", "bgp_sourceif": "eth0" },
      /^bgp_sourceip .*sourceIP and SourceIF are mutually exclusive/,
    ],
    [{ "bgp_peers": "10.0.0.1:1,10.0.0.1:2" }, /BGP peer 10\.0\.0\.1:179 is listed twice/],
    [{ "bgp_peeraddress": "10.0.0.1" }, /^bgp_peeraddress: BGP peer 10\.0\.0\.1:179 is listed twice/],
    [{ "bgp_peeraddress": "10.0.0.300" }, /^bgp_peeraddress: a BGP peer has an address that is neither/],
    [{ "mpbgp_nexthop": "fixed" }, /^mpbgp_nexthop "fixed": mpbgp_nexthop fixed needs mpbgp_ipv4/],
    [{ "mpbgp_nexthop": "fixed", "mpbgp_ipv4": "x" }, /^mpbgp_ipv4 "x": must be an IPv4 address$/],
    [
      { "mpbgp_nexthop": "fixed", "mpbgp_ipv4": "10.0.0.1", "mpbgp_ipv6": "10.0.0.2" },
      /^mpbgp_ipv6 "10\.0\.0\.2": must be an IPv6 address$/,
    ],
    [{ "mpbgp_nexthop": "auto_sourceif" }, /^bgp_peers: BGP peer 10.* auto_sourceif needs a source interface/],
    [
      { "bgp_listen_port": "2112" },
      /^bgp_listen_port "2112": is the port of prometheus_server or health_check_port too/,
    ],
    [{ "bgp_passive": "true" }, /^bgp_peers: BGP peer 10.*: a passive peer needs a port/],
    [{ "bgp_ttl_security": "1", "bgp_peers": "10.0.0.1:1::true" }, /TTL security .* mutually exclusive/],
    [{ "bgp_peerpass_file": "/none" }, /^bgp_peerpass_file "\/none": cannot be read: No such file/],
    [
      { "zebra_enable": "true" },
      /^zebra_enable "true": FRR's zebra is not spoken to; use routing-table mode .*redistribute/,
    ],
  ];
  for (const [env, pattern] of rows) {
    const lines = problemLines(load(env));
    assert.equal(lines.length, 1, `${JSON.stringify(env)}\n${lines.join("\n")}`);
    assert.match(lines[0] ?? "", pattern);
  }
});

Deno.test("what does nothing, or could be meant otherwise, is said once", () => {
  const rows: [Record<string, string>, RegExp][] = [
    [{ "zebra_url": "tcp:x" }, /^zebra_url "tcp:x": has no effect: FRR's zebra is not spoken to$/],
    [{ "mpbgp_ipv4": "10.0.0.1" }, /^mpbgp_ipv4 "10\.0\.0\.1": has no effect without mpbgp_nexthop=fixed$/],
    [
      { "bgp_peers": "10.0.0.1:1:::::true;50;50;3,10.0.0.2:1:::::true;50;50;3,10.0.0.3:1:::::true;50000;50000;3" },
      /^bgp_peers: BFD intervals are taken as follows .*: 10\.0\.0\.1:179, 10\.0\.0\.2:179: receive 50 milli.*; 10\.0\.0\.3:179: receive 50000 micro/,
    ],
    [{ address: "192.168.0.40,fd00::40" }, /^address "fd00::40": no BGP peer carries IPv6 routes/],
  ];
  for (const [env, pattern] of rows) {
    const lines = warningLines(load(env));
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", pattern);
  }
  assert.deepEqual(warningLines(load({ address: "fd00::40", "bgp_peers": "router.example:1" })), []);
});

Deno.test("a peer of a file may have its own of almost everything, and no message shows a password", () => {
  const peers = [
    { address: "10.0.0.1", as: 1, passwordFile: "/p", communities: ["1:2"], med: 5, ttlSecurity: 1 },
    { address: "10.0.0.2", as: 2, multihopTTL: 4, sourceIF: "eth1", password: "sesame" },
  ];
  const content = { bgpConfig: { peers, communities: ["3:4"] } };
  const found = bgpOf({ "bgp_peers": "" }, { content, files: { "/p": "hush" } }).peers;
  assert.deepEqual(found.map((one) => [one.password, one.policy.communities, one.policy.med, one.multihopTtl]), [
    ["hush", [65538], 5, null],
    ["sesame", [3 * 65536 + 4], null, 4],
  ]);
  const broken = load({ "bgp_peers": "" }, { content: { bgpConfig: { peers: [{ ...peers[1], ttlSecurity: 1 }] } } });
  assert.match(
    problemLines(broken).join(),
    /^config\.yaml:\d+: bgpConfig\.peers\[0\]: BGP peer 10\.0\.0\.2:179: TTL security/,
  );
  const secret = load({ "bgp_peers": "10.0.0.1:1:sesame,10.0.0.1:2:sesame" });
  assert.doesNotMatch(JSON.stringify(secret), /sesame/);
});

Deno.test("a password on the command line is warned about and not repeated, one in the environment is not", () => {
  const seen = /: has a password that everybody on this machine can read/;
  const single = { "bgp_peeraddress": "10.0.0.9" };
  const rows: [Record<string, string>, Record<string, string>, RegExp | null][] = [
    [{ ...BASE, ...single }, { peerPass: "hidden" }, /^--peerPass: /],
    [BASE, { bgppeers: "10.0.0.1:65001:hidden" }, /^--bgppeers: /],
    [{ ...BASE, ...single, "bgp_peerpass": "hidden" }, {}, null],
    [{ ...BASE, "bgp_peers": "10.0.0.1:65001:hidden" }, {}, null],
    [BASE, { bgppeers: "10.0.0.1:65001" }, null],
  ];
  for (const [env, flags, wanted] of rows) {
    const lines = warningLines(loadBare({ env, flags }));
    if (wanted === null) assert.deepEqual(lines, []);
    else {
      assert.equal(lines.length, 1);
      assert.match(lines.join(), seen);
      assert.match(lines.join(), wanted);
    }
    assert.doesNotMatch(lines.join(), /hidden/);
  }
});
