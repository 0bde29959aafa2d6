import assert from "node:assert/strict";
import { type BgpPeer, bgpPeersKind } from "../../../mod/config/bgp/peer_string.ts";
import { Findings, Place } from "../../../mod/config/findings.ts";
import { INVALID } from "../../../mod/config/setting.ts";
import { problemLines, values, warningLines } from "../manager/helpers.ts";

function parse(text: string): { peers: readonly Partial<BgpPeer>[] | null; problems: readonly string[] } {
  const findings = new Findings();
  const peers = bgpPeersKind.fromText(text, new Place(findings, "bgp_peers"));
  return { peers: peers === INVALID ? null : peers.peers, problems: findings.problems.map((one) => one.message) };
}

const BFD = "false;300;300;3";

/** The table of upstream's own test, reference §6.2. */
const GOOD: [string, Partial<BgpPeer>[]][] = [
  ["192.168.0.10:65000::false,192.168.0.11:65000::false", [
    { address: "192.168.0.10", as: 65000, port: 179, password: "", multihop: false, bfd: BFD },
    { address: "192.168.0.11", as: 65000, port: 179, password: "", multihop: false, bfd: BFD },
  ]],
  ["192.168.0.10:65000::false:180,192.168.0.11:65000::false:190", [{ port: 180 }, { port: 190 }]],
  ["[fd00:1::5d52]:65501::false::mpbgp_nexthop=auto_sourceif", [
    { address: "fd00:1::5d52", as: 65501, mpbgp: "mpbgp_nexthop=auto_sourceif", port: 179 },
  ]],
  ["[fd00:1::5d52]:65501::false:::true;300;300;3", [{ bfd: "true;300;300;3" }]],
  ["[fd00:100:64::2]:65000:secret:true", [{ address: "fd00:100:64::2", password: "secret", multihop: true }]],
  ["unnumbered:eth0,unnumbered:eth1:65000::true::mpbgp_nexthop=auto_sourceif", [
    { address: "", interface: "eth0", as: 0, port: 0 },
    { address: "", interface: "eth1", as: 65000, port: 179, multihop: true },
  ]],
  ["10.0.0.1:1,,", [{ address: "10.0.0.1", as: 1 }]],
  ["router.example:4294967295:p:T", [{ address: "router.example", as: 4294967295, multihop: true }]],
];

Deno.test("peer strings are read as upstream reads them", () => {
  for (const [text, wanted] of GOOD) {
    const { peers, problems } = parse(text);
    assert.deepEqual(problems, [], text);
    assert.equal(peers?.length, wanted.length, text);
    for (const [i, part] of wanted.entries()) assert.deepEqual({ ...peers?.[i], ...part }, peers?.[i], text);
  }
});

Deno.test("what is no peer is refused in upstream's words, without repeating it", () => {
  const rows: [string, RegExp][] = [
    ["", /^no BGP Peer configurations found/],
    [",", /^no BGP Peer configurations found/],
    [":::::::", /mandatory peering params <host>:<AS> incomplete/],
    ["1.2.3.4", /mandatory peering params/],
    ["1.2.3.4:65000/mpbgp_nexthop", /BGP Peer AS format error \[/],
    ["1.2.3.4:65000;unknown=value", /BGP Peer AS format error \[/],
    ["1.2.3.4:4294967296", /BGP Peer AS format error/],
    ["[fd00:100:64::2:65000", /no matching \] found for IPv6 BGP Peer/],
    ["[fd00::1]65000", /a colon follows the \]/],
    ["1.2.3.4:1::maybe", /BGP MultiHop format error \(true\/false\)/],
    ["1.2.3.4:1:::70000", /BGP Peer Port format error/],
    ["1.2.3.4:1::::mpbgp_nexthop", /is missing a value \(expected key=value\)/],
    ["1.2.3.4:1::::other=1", /is not supported; must be mpbgp_nexthop, mpbgp_ipv4, mpbgp_ipv6/],
    ["1.2.3.4:1:::::true;1", /BFD configuration error/],
    ["1.2.3.4:1:::::x;1;1;1", /BFD configuration error: enable/],
    ["1.2.3.4:1:::::true;1;1;1:more", /more than seven fields/],
    ["1.2.3.4:1,5.6.7.8:x", /^peer 2: /],
  ];
  for (const [text, pattern] of rows) {
    const { peers, problems } = parse(text);
    assert.equal(peers, null, text);
    assert.match(problems.join("\n"), pattern, text);
  }
  assert.equal(parse("10.0.0.1:1,".repeat(129)).peers, null);
  assert.equal(parse("x".repeat(20_000)).peers, null);
});

Deno.test("peers of a file become peer strings, which a list may also have", () => {
  const peers = [
    {
      address: "fd00::1",
      as: 1,
      port: 180,
      password: "p",
      multiHop: true,
      mpbgpNexthop: "fixed",
      mpbgpIPv4: "10.0.0.1",
    },
    { address: "10.0.0.2", as: 2, bfdEnabled: true, bfdReceiveInterval: 50, bfdTransmitInterval: 60 },
    { interface: "eth0", as: 3 },
    "10.0.0.4:4:q",
  ];
  const text = "[fd00::1]:1:p:true:180:mpbgp_nexthop=fixed;mpbgp_ipv4=10.0.0.1,10.0.0.2:2::false:::true;50;60;3," +
    "unnumbered:eth0:3::false,10.0.0.4:4:q";
  for (const content of [{ bgpConfig: { peers } }, { bgpPeers: peers }]) {
    const result = values({ content });
    assert.deepEqual(problemLines(result), []);
    assert.deepEqual(result.outcome === "valid" && result.values.get("bgp_peers"), {
      name: "bgp_peers",
      text,
      given: true,
      changed: true,
      secret: true,
    });
    assert.equal(result.outcome === "valid" && result.values.has("bgpPeers"), false);
  }
  assert.deepEqual(parse(text).peers?.map((peer) => peer.as), [1, 2, 3, 4]);
});

Deno.test("peers of a file are refused by their place", () => {
  const rows: [unknown, RegExp][] = [
    [[{ as: 1 }], /bgpConfig.peers\[0\]: has neither address nor interface/],
    [[{ address: "a" }], /bgpConfig.peers\[0\]: has no as/],
    [[{ address: "a", as: 1, password: "a:b" }], /has a password with a colon or comma/],
    [[{ address: "a", as: 1, passwort: "x" }], /peers\[0\].passwort: is not a known setting; did you mean password\?/],
    [[["a"]], /peers\[0\].*: must be .*, not a list/],
    [{ address: "a" }, /peers.*: must be .*, not a mapping/],
  ];
  for (const [peers, pattern] of rows) {
    assert.match(problemLines(values({ content: { bgpConfig: { peers } } })).join("\n"), pattern);
  }
});

Deno.test("peers are secret only if one has a password; those at the top of a file give way", () => {
  const result = values({ env: { bgp_peers: "10.0.0.1:1::true" }, content: { bgpPeers: "10.0.0.2:2" } });
  const value = result.outcome === "valid" ? result.values.get("bgp_peers") : null;
  assert.deepEqual([value?.text, value?.secret], ["10.0.0.1:1::true", false]);
  assert.match(warningLines(result).join(), /bgpPeers: has no effect: bgpConfig.peers or bgp_peers is given/);
});

Deno.test("what a variable cannot carry is named when a manifest is made, and its text is without it", () => {
  const peers = [{ address: "10.0.0.1", as: 1, med: 5, passive: true }, { address: "10.0.0.2", as: 2 }];
  const result = values({ content: { bgpConfig: { peers } } });
  assert.equal(
    result.outcome === "valid" && result.values.get("bgp_peers")?.text,
    "10.0.0.1:1::false,10.0.0.2:2::false",
  );
  assert.deepEqual(warningLines(result).map((line) => line.replace(/^config\.yaml:\d+: /, "")), [
    "bgpConfig.peers[0]: has passive, med, which no variable can carry: the manifest is without them",
  ]);
});

Deno.test("a password that TCP-MD5 does not take is refused, as text and in a file", () => {
  const long = "x".repeat(81);
  assert.match(parse(`10.0.0.1:1:${long}`).problems.join(), /has a password of more than 80 bytes/);
  const peers = [{ address: "10.0.0.1", as: 1, password: long }];
  assert.match(problemLines(values({ content: { bgpConfig: { peers } } })).join(), /more than 80 bytes/);
});
