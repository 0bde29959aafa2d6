import assert from "node:assert/strict";
import {
  type AnnotatedBgp,
  type NodeAnnotations,
  readNodeAnnotations,
  withAnnotations,
} from "../../../mod/config/manager/node_annotations.ts";
import { loadBare, problemLines } from "./helpers.ts";

const PREFIX = "metal.equinix.com";

/** Annotations with the prefix before each name. */
function read(names: Record<string, string>): NodeAnnotations {
  const annotations = Object.fromEntries(Object.entries(names).map(([name, text]) => [`${PREFIX}/${name}`, text]));
  return readNodeAnnotations({ ...annotations, "other.io/peer-ip": "x", [`${PREFIX}-peer-ip`]: "x" }, PREFIX);
}

const REQUIRED = { "node-asn": "65000", "src-ip": "10.0.0.2", "peer-asn": "65530", "peer-ip": "169.254.255.1" };

function complete(names: Record<string, string>): AnnotatedBgp {
  const found = read(names);
  return found.outcome === "complete" ? found : assert.fail(JSON.stringify(found));
}

const PLAIN = { as: 65530, password: null, multihop: false };

Deno.test("both spellings of the names are understood", () => {
  const wanted = {
    outcome: "complete",
    as: 65000,
    sourceIp: "10.0.0.2",
    peers: [{ ip: "169.254.255.1", ...PLAIN }],
  };
  assert.deepEqual(read(REQUIRED), wanted);
  const indexed = Object.entries(REQUIRED).map(([name, text]) => [`bgp-peers-0-${name}`, text]);
  assert.deepEqual(read(Object.fromEntries(indexed)), wanted);
});

Deno.test("peers are those of all lists, each once, in the order of their numbers", () => {
  const { peers } = complete({
    ...REQUIRED,
    "peer-ip": "169.254.255.1, FD00:0::1,",
    "bgp-peers-10-peer-ip": "10.0.0.10",
    "bgp-peers-2-peer-ip": "10.0.0.22,169.254.255.1",
    "bgp-peers-x-peer-ip": "10.0.0.99",
    "bgp-peers-0-peer-ip": "",
  });
  assert.deepEqual(peers.map(({ ip }) => ip), ["169.254.255.1", "fd00::1", "10.0.0.22", "10.0.0.10"]);
});

Deno.test("a password is base64, and a list may have values of its own", () => {
  const { peers } = complete({
    ...REQUIRED,
    "bgp-pass": btoa("a:b,c\n"),
    "peer-multi-hop": "true",
    "bgp-peers-1-peer-ip": "10.0.0.11",
    "bgp-peers-1-peer-asn": "65531",
    "bgp-peers-1-bgp-pass": btoa("other"),
    "bgp-peers-1-peer-multi-hop": "false",
    "bgp-peers-2-peer-ip": "10.0.0.12",
  });
  assert.deepEqual(peers, [
    { ip: "169.254.255.1", as: 65530, password: "a:b,c", multihop: true },
    { ip: "10.0.0.11", as: 65531, password: "other", multihop: false },
    { ip: "10.0.0.12", as: 65530, password: "a:b,c", multihop: true },
  ]);
});

Deno.test("what is missing is named, all at once", () => {
  assert.deepEqual(read({}), {
    outcome: "incomplete",
    missing: ["node-asn", "src-ip", "peer-asn", "peer-ip"].map((name) => `${PREFIX}/${name}`),
  });
  for (const name of Object.keys(REQUIRED)) {
    const rest = Object.fromEntries(Object.entries(REQUIRED).filter(([key]) => key !== name));
    assert.deepEqual(read(rest), { outcome: "incomplete", missing: [`${PREFIX}/${name}`] });
    assert.deepEqual(read({ ...REQUIRED, [name]: " " }), { outcome: "incomplete", missing: [`${PREFIX}/${name}`] });
  }
});

Deno.test("what is wrong is named, and passwords are not repeated", () => {
  const rows: [string, string, RegExp][] = [
    ["node-asn", "0", /node-asn: must be an AS number from 1 to 4294967295$/],
    ["node-asn", "4294967296", /node-asn/],
    ["peer-asn", "AS65000", /peer-asn/],
    ["src-ip", "node-1", /src-ip: must be an IP address of a machine$/],
    ["src-ip", "0.0.0.0", /src-ip/],
    ["peer-ip", "10.0.0.1,router", /peer-ip: must be an IP address/],
    ["bgp-peers-3-peer-ip", "224.0.0.1", /bgp-peers-3-peer-ip: must be an IP address/],
    ["peer-multi-hop", "yes", /peer-multi-hop: must be true or false$/],
    ["bgp-pass", "sesame!", /bgp-pass: must be a password of at most 80 bytes in base64$/],
    ["bgp-pass", btoa("x".repeat(81)), /bgp-pass/],
    ["bgp-pass", btoa("\xff\xfe"), /bgp-pass/],
    ["bgp-pass", btoa("a\tb"), /bgp-pass/],
  ];
  for (const [name, text, pattern] of rows) {
    const found = read({ ...REQUIRED, [name]: text });
    assert.ok(found.outcome === "invalid", `${name}=${text}`);
    assert.equal(found.problems.length, 1);
    assert.match(found.problems[0] ?? "", pattern);
    assert.ok(found.problems[0]?.startsWith(`${PREFIX}/`) && !found.problems[0].includes("sesame"));
  }
  const many = Array.from({ length: 129 }, (_, i) => `10.0.1.${i}`).join();
  assert.equal(read({ ...REQUIRED, "peer-ip": many }).outcome, "invalid");
});

function settings(env: Record<string, string> = {}): Parameters<typeof withAnnotations>[0] {
  const on = { "cp_enable": "true", "address": "192.168.0.40", "bgp_enable": "true", "annotation": PREFIX };
  const result = loadBare({ env: { ...on, ...env }, files: { "/p": "usual" } });
  assert.deepEqual(problemLines(result), []);
  return (result.outcome === "valid" ? result.config.bgp : null) ?? assert.fail();
}

Deno.test("annotations say who and where; times and what is announced stay those of the settings", () => {
  const bgp = settings({ "bgp_hold_time": "9", "bgp_med": "5", "bgp_sourceif": "eth0", "bgp_peerpass_file": "/p" });
  const made = withAnnotations(bgp, complete({ ...REQUIRED, "bgp-peers-1-peer-ip": "10.0.0.9" }));
  assert.ok(made.outcome === "usable");
  const { as, routerId, sourceIp, sourceInterface, peers } = made.settings;
  assert.deepEqual([as, routerId, sourceIp, sourceInterface], [65000, "10.0.0.2", "10.0.0.2", null]);
  assert.deepEqual(peers.map(({ name }) => name), ["169.254.255.1:179", "10.0.0.9:179"]);
  for (const peer of peers) {
    assert.deepEqual([peer.as, peer.holdTimeMs, peer.policy.med, peer.password], [65530, 9000, 5, "usual"]);
    assert.deepEqual([peer.sourceIp, peer.sourceInterface, peer.multihopTtl], ["10.0.0.2", null, null]);
  }
});

Deno.test("an IPv6 source is no router ID, and what the settings do not allow is refused", () => {
  const six = { ...REQUIRED, "src-ip": "fd00::2", "peer-ip": "fd00::1", "peer-multi-hop": "true" };
  const made = withAnnotations(settings({ "bgp_routerid": "10.0.0.7" }), complete(six));
  assert.ok(made.outcome === "usable");
  assert.deepEqual([made.settings.routerId, made.settings.sourceIp], ["10.0.0.7", "fd00::2"]);
  assert.equal(made.settings.peers[0]?.multihopTtl, 50);
  const refused = withAnnotations(settings({ "bgp_ttl_security": "1" }), complete(six));
  assert.match(
    refused.outcome === "unusable" ? refused.problems.join() : "",
    /^BGP peer \[fd00::1\]:179: TTL security/,
  );
});
