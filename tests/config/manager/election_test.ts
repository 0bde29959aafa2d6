import assert from "node:assert/strict";
import { type Given, load, mustLoad, problemLines, vars, warningLines } from "./helpers.ts";

const lines = (env: Record<string, string>, more: Given = {}): string =>
  problemLines(load({ ...more, env })).join("\n");

Deno.test("an election of an unknown kind is refused in upstream's words", () => {
  assert.match(
    lines({ vip_leaderelectiontype: "raft" }),
    /^vip_leaderelectiontype "raft": invalid LeaderElectionMode raft not supported; must be kubernetes, etcd or peers$/,
  );
});

const ETCD = vars("vip_leaderelectiontype=etcd", "etcd_endpoints=10.0.0.1:2379,http://b:1");

Deno.test("etcd's servers become URLs, https as soon as there are certificates", () => {
  assert.deepEqual(mustLoad({ env: ETCD }).election, {
    type: "etcd",
    endpoints: ["http://10.0.0.1:2379", "http://b:1"],
    caPath: null,
    certPath: null,
    keyPath: null,
  });
  const env = { ...ETCD, ...vars("etcd_ca_cert=/ca", "etcd_cert=/cert", "etcd_key=/key") };
  assert.deepEqual(mustLoad({ env }).election, {
    type: "etcd",
    endpoints: ["https://10.0.0.1:2379", "http://b:1"],
    caPath: "/ca",
    certPath: "/cert",
    keyPath: "/key",
  });
});

Deno.test("labels for nodes are written at an API server, so etcd has a warning for them", () => {
  const warned = (env: Record<string, string>): string[] => load({ env }).warnings.map(({ key }) => key);
  assert.deepEqual(warned({ ...ETCD, "enable_node_labeling": "true" }), ["enable_node_labeling"]);
  assert.deepEqual(warned({ "enable_node_labeling": "true" }), []);
});

Deno.test("etcd needs servers, a certificate together with its key, and no Services", () => {
  assert.match(lines({ vip_leaderelectiontype: "etcd" }), /^etcd_endpoints: is missing: give the servers of etcd/);
  assert.match(lines({ ...ETCD, etcd_cert: "/c" }), /^etcd_key: is missing: etcd_cert is given without its key/);
  assert.match(lines({ ...ETCD, etcd_key: "/k" }), /^etcd_cert: is missing: etcd_key is given without its certificate/);
  assert.match(
    lines({ ...ETCD, svc_enable: "true" }),
    /svc_enable "true": cannot be used with leaderElectionType etcd/,
  );
});

const PEERS = vars(
  "vip_leaderelectiontype=peers",
  "vip_localpeer=a:10.0.0.1:10000",
  "vip_peers=a:10.0.0.1:10000,b:10.0.0.2:10000,c:10.0.0.3:10000",
  "vip_peersecret=0123456789abcdef",
);

Deno.test("peers elect among themselves, with the settings of start", () => {
  const { election } = mustLoad({ env: { ...PEERS, vip_timing: "fast" } });
  assert.ok(election.type === "peers");
  assert.deepEqual(election.localPeer, { id: "a", address: "10.0.0.1", port: 10000 });
  assert.deepEqual(election.remotePeers.map(({ id }) => id), ["b", "c"]);
  assert.deepEqual([election.peerSecret, election.timing.beatMs], ["0123456789abcdef", 10]);
  assert.match(election.clusterId, /^[0-9a-f]{16}$/);
  const named = mustLoad({ env: { ...PEERS, vip_clusterid: "mine" } }).election;
  assert.equal(named.type === "peers" && named.clusterId, "mine");
  assert.deepEqual(warningLines(load({ env: PEERS })), []);
});

Deno.test("what cannot be an election of peers is refused by name", () => {
  assert.match(lines({ ...PEERS, vip_localpeer: "" }), /^vip_localpeer: is missing: name this member/);
  assert.match(
    lines({ ...PEERS, vip_peers: "b:10.0.0.1:1" }),
    /vip_peers "10.0.0.1": has the address of vip_localpeer/,
  );
  assert.match(lines({ ...PEERS, address: "10.0.0.2" }), /^address "10.0.0.2": is the address of member b/);
  assert.match(
    lines({ ...PEERS, vip_peersecretfile: "/f" }),
    /vip_peersecretfile "\/f": is given together with peerSecret/,
  );
  assert.match(
    lines({ ...PEERS, vip_peersecret: "", vip_peersecretfile: "/f" }),
    /"\/f": cannot be read: No such file/,
  );
});

Deno.test("the secret may be in a file, and its absence, like that of other members, is a warning", () => {
  const env = { ...PEERS, ...vars("vip_peersecret=", "vip_peersecretfile=/f") };
  const { election } = mustLoad({ env, files: { "/f": "fedcba9876543210\n" } });
  assert.equal(election.type === "peers" && election.peerSecret, "fedcba9876543210");
  const none = warningLines(load({ env: { ...PEERS, vip_peersecret: "" } })).join();
  assert.match(none, /^vip_peersecret: is missing: anybody on the network can take part/);
  const alone = warningLines(load({ env: { ...PEERS, vip_peers: "" } })).join();
  assert.match(alone, /^vip_peers: is missing: this member is alone; list the others in vip_peers$/);
});

Deno.test("settings of an election that was not chosen are only read", () => {
  const env = {
    ...PEERS,
    ...ETCD,
    ...vars("vip_leaderelectiontype=kubernetes", "etcd_cert=/only", "vip_peersecretfile=/f"),
  };
  const result = load({ env });
  assert.deepEqual([...problemLines(result), ...warningLines(result)], []);
});
