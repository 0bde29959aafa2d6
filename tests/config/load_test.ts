import assert from "node:assert/strict";
import { loadOne } from "../../mod/config/load.ts";
import { START } from "../../mod/config/settings.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { base, load, mustLoad, problemLines, TEST_SECRET, warningLines } from "./helpers.ts";

const TESTDATA = new URL("../testdata/config/", import.meta.url);
const example = (name: string): string => Deno.readTextFileSync(new URL(name, TESTDATA));

Deno.test("the canonical file of the raft era starts unchanged, with one warning about the missing secret", () => {
  const result = load(example("raft-example.yaml"));
  assert.deepEqual(problemLines(result), []);
  assert.equal(warningLines(result).length, 1);
  assert.match(warningLines(result)[0] ?? "", /^peerSecret: is missing: anybody/);
  const config = mustLoad(example("raft-example.yaml"));
  assert.deepEqual(config.vips, [{ ip: "192.168.0.75", prefixLength: 32 }]);
  assert.deepEqual(config.localPeer, { id: "server1", address: "192.168.0.70", port: 10000 });
  assert.deepEqual(config.remotePeers.map((peer) => peer.id), ["server2", "server3"]);
  assert.equal(config.interface, "ens192");
  assert.equal(config.announce && config.startAsLeader && !config.singleNode, true);
  const [balancer] = config.balancers;
  assert.deepEqual(balancer && [balancer.name, balancer.type, balancer.port, balancer.bindToVip, balancer.backends], [
    "Kubernetes Control Plane",
    "tcp",
    6443,
    true,
    ["70", "71", "72"].map((end) => ({ address: `192.168.0.${end}`, port: 6444, weight: 1 })),
  ]);
});

Deno.test("a file with every old key at its zero value starts without a word about them", () => {
  const result = load(example("raft-zero-values.yaml"));
  assert.deepEqual(problemLines(result), []);
  assert.deepEqual(warningLines(result).map((line) => line.split(":")[0]), ["peerSecret"]);
  const config = mustLoad(example("raft-zero-values.yaml"));
  assert.deepEqual(config.remotePeers.map((peer) => peer.id), ["2", "3"]);
  const web = config.balancers[1];
  assert.deepEqual(web?.backends.map((one) => "url" in one && one.url.href), ["http://192.168.0.70:8081/"]);
});

Deno.test("JSON is read, keys do not depend on case, and peers become backends", () => {
  const config = mustLoad(example("raft-example.json"));
  assert.equal(config.localPeer.id, "server1");
  assert.deepEqual(
    config.balancers[0]?.backends,
    ["1", "2", "3"].map((end) => {
      return { address: `192.168.0.${end}`, port: 6444, weight: 1 };
    }),
  );
});

Deno.test("the variables and flags of the raft era are enough without a file", () => {
  const env = Object.fromEntries([
    ["vip_address", "192.168.0.75"],
    ["vip_localpeer", "server1:192.168.0.70:10000"],
    ["vip_peers", "server1:192.168.0.70:10000,server2:192.168.0.71:10000,server3:192.168.0.72:10000"],
    ["vip_startleader", "true"],
    ["vip_addpeerstolb", "true"],
    ["lb_enable", "false"],
    ["lb_port", "08080"],
    ["lb_backendport", "6443"],
    ["lb_type", "tcp"],
    ["lb_name", ""],
  ]);
  const config = mustLoad(null, { env, flags: { lbName: "api", lbBindToVip: "true", interface: "eth0" } });
  const [balancer] = config.balancers;
  assert.deepEqual([balancer?.name, balancer?.port, balancer?.bindToVip], ["api", 8080, true]);
  assert.equal(balancer?.backends.length, 3);
  assert.equal(config.remotePeers.length, 2);
});

Deno.test("several addresses of both versions, with and without prefix, come as a list or with commas", () => {
  const wanted = [
    { ip: "10.0.0.9", prefixLength: 32 },
    { ip: "10.0.0.8", prefixLength: 24 },
    { ip: "fd00::9", prefixLength: 128 },
    { ip: "fd00::8", prefixLength: 64 },
  ];
  for (
    const vip of ["10.0.0.9, 10.0.0.8/24,fd00::9,FD00:0::8/64", ["10.0.0.9", "10.0.0.8/24", "fd00::9", "fd00::8/64"]]
  ) {
    assert.deepEqual(mustLoad(base({ vip })).vips, wanted);
    assert.deepEqual(mustLoad(base({ vip: undefined, vips: vip })).vips, wanted);
  }
});

Deno.test("the secret may come from a file, and only one of both may be given", () => {
  const files = { "/secret": `${TEST_SECRET}\n`, "/short": "short" };
  assert.equal(mustLoad(base({ peerSecret: "", peerSecretFile: "/secret" }), { files }).peerSecret, TEST_SECRET);
  const bad: [Record<string, unknown>, RegExp][] = [
    [{ peerSecretFile: "/secret" }, /peerSecretFile "\/secret": is given together with peerSecret/],
    [{ peerSecret: "", peerSecretFile: "/short" }, /holds 5 characters; must hold at least 16/],
    [{ peerSecret: "", peerSecretFile: "/none" }, /"\/none": cannot be read: No such file/],
  ];
  for (const [changes, pattern] of bad) assert.match(problemLines(load(base(changes), { files })).join(), pattern);
});

Deno.test("no line of output contains a secret", () => {
  const secrets = { peerSecret: "tooshort-Hush", packetAPIKey: "HushHush", localPeer: { id: "a", peerSecret: "x" } };
  const result = load(base(secrets), { env: { vip_peersecret: "Hush" } });
  const text = [...problemLines(result), ...warningLines(result)].join("\n");
  assert.match(text, /peerSecret "\*{8}": must be at least 16 characters/);
  assert.doesNotMatch(text, /Hush/);
  const good = load(base({ peerSecret: "Hush-0123456789abcdef" }));
  assert.doesNotMatch(JSON.stringify(good.outcome === "valid" && good.effective), /Hush/);
});

Deno.test("a cluster has the same derived id on each of its members, and another than other clusters", () => {
  const peers = [1, 2, 3].map((n) => ({ id: `m${n}`, address: `10.0.0.${n}`, port: 10000 }));
  const ids = peers.map((localPeer) => mustLoad(base({ localPeer, remotePeers: peers.toReversed() })).clusterId);
  assert.equal(new Set(ids).size, 1);
  assert.match(ids[0] ?? "", /^[0-9a-f]{16}$/);
  const other = peers.map((peer) => ({ ...peer, id: `${peer.id}x` }));
  assert.notEqual(mustLoad(base({ localPeer: other[0], remotePeers: other })).clusterId, ids[0]);
  assert.equal(mustLoad(base({ clusterId: "mine" })).clusterId, "mine");
});

Deno.test("a single node needs neither peers nor a secret, and may leave addresses alone", () => {
  const alone = { singleNode: true, vip: "10.0.0.9" };
  assert.deepEqual(load(alone).warnings, []);
  assert.equal(mustLoad(alone).localPeer.id, "local");
  assert.deepEqual(mustLoad({ singleNode: true, disableVIP: true }).vips, []);
  assert.match(
    problemLines(load(base({ disableVIP: true }))).join(),
    /disableVIP "true": is only accepted together with/,
  );
  assert.match(warningLines(load(base({ singleNode: true }))).join(), /remotePeers: has no effect: singleNode is set/);
});

Deno.test("one setting can be asked for, whatever is wrong with the others", () => {
  const text = "vip: nonsense\nstateDir: /x\n";
  assert.deepEqual(loadOne(START.stateDir, { file: "f", text, env: {}, flags: {} }), { outcome: "valid", value: "/x" });
  const bad = loadOne(START.stateDir, { file: "f", text: "stateDir: x", env: {}, flags: {} });
  assert.equal(bad.outcome, "invalid");
});

/** Damages a text in one to four places. */
function mutate(text: string, random: () => number): string {
  const pieces = [
    "\n",
    " ",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "&a ",
    "*a",
    "!!x ",
    "\t",
    "#",
    "|",
    "\0",
    "é",
    "<<: ",
    "0x",
    "-1",
  ];
  let out = text;
  for (let n = Math.floor(random() * 4); n >= 0; n--) {
    const at = Math.floor(random() * out.length);
    const cut = Math.floor(random() * 12);
    const piece = random() < 0.4 ? "" : pieces[Math.floor(random() * pieces.length)] ?? "";
    const copy = random() < 0.2 ? out.slice(at, at + 40) : piece;
    out = out.slice(0, at) + copy + out.slice(at + (random() < 0.5 ? cut : 0));
  }
  return out;
}

Deno.test("20000 damaged files are answered with findings, never with an exception", () => {
  const seed = seedFromEnv(4711);
  const random = seededRandom(seed);
  const texts = ["raft-example.yaml", "raft-zero-values.yaml", "raft-example.json"].map(example);
  let invalid = 0;
  for (let i = 0; i < 20_000; i++) {
    const text = mutate(texts[i % texts.length] ?? "", random);
    try {
      const result = load(text);
      if (result.outcome === "invalid") {
        invalid++;
        assert.ok(result.problems.length > 0);
        for (const line of problemLines(result)) assert.doesNotMatch(line, /\n/);
      }
    } catch (error) {
      throw new Error(`seed ${seed}, file ${i}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
  assert.ok(invalid > 5000 && invalid < 20_000, `${invalid} of 20000 refused`);
});

Deno.test("without a file there is nothing to watch", () => {
  const env = { "vip_address": "10.0.0.9", "vip_singlenode": "true" };
  const said = (content: unknown): string =>
    warningLines(load(content, { env, flags: { watchConfig: "true" } })).join();
  assert.match(said(null), /watchConfig: has no effect: there is no file/);
  assert.doesNotMatch(said(base({})), /there is no file/);
});
