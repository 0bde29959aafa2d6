import assert from "node:assert/strict";
import { containerInput } from "../../mod/manifest/env.ts";
import {
  hasPassword,
  refer,
  secretFile,
  type SecretPlan,
  secretVariables,
  secretWarnings,
} from "../../mod/manifest/secrets.ts";
import { settings } from "./fixture.ts";

const FILE: SecretPlan = { to: "file" };
const NAMED: SecretPlan = { to: "secret", name: "vault" };
const PEERS = { "vip_leaderelectiontype": "peers", "vip_peers": "a:10.0.0.1:10000,b:10.0.0.2:10000" };
const WITH_PASSWORD = "10.0.0.3:65003:sesame:false";

function reference(key: string, optional: boolean): unknown {
  return { name: key, valueFrom: { secretKeyRef: { key, name: "vault", ...(optional ? { optional } : {}) } } };
}

Deno.test("a BGP peer has a password in its third field, behind any kind of address", () => {
  for (
    const peers of [
      WITH_PASSWORD,
      "[fd00::2]:65000:p",
      "unnumbered:eth0:65000:p",
      `10.0.0.1:65000::false,${WITH_PASSWORD}`,
    ]
  ) {
    assert.ok(hasPassword(peers), peers);
  }
  for (
    const peers of [
      "",
      "10.0.0.1:65000",
      "10.0.0.1:65000::true",
      "[fd00::2]:65000::true",
      "unnumbered:eth0",
      "unnumbered:e:65000::",
    ]
  ) {
    assert.ok(!hasPassword(peers), peers);
  }
});

Deno.test("with a Secret, passwords become references and nothing else does", () => {
  assert.deepEqual(refer({ name: "bgp_peerpass", value: "sesame" }, NAMED), reference("bgp_peerpass", true));
  assert.deepEqual(refer({ name: "bgp_peerpass" }, NAMED), reference("bgp_peerpass", true));
  assert.deepEqual(refer({ name: "bgp_peers", value: WITH_PASSWORD }, NAMED), reference("bgp_peers", false));
  const open = { name: "bgp_peers", value: "10.0.0.3:65003::false" };
  assert.deepEqual(refer(open, NAMED), open);
  assert.deepEqual(refer({ name: "port", value: "6443" }, NAMED), { name: "port", value: "6443" });
  assert.deepEqual(refer({ name: "bgp_peerpass", value: "sesame" }, FILE), { name: "bgp_peerpass", value: "sesame" });
});

Deno.test("peers of BGP may be in the Secret alone", () => {
  assert.deepEqual(secretVariables(settings({ "bgp_enable": "true" }), NAMED), [reference("bgp_peers", true)]);
  assert.deepEqual(secretVariables(settings({ "bgp_enable": "true" }), FILE), []);
  assert.deepEqual(secretVariables(settings({ "bgp_enable": "true", "bgp_peers": WITH_PASSWORD }), NAMED), []);
});

Deno.test("the peer secret is a reference with a Secret, otherwise a file, and only in an election of peers", () => {
  assert.deepEqual(secretVariables(settings(PEERS), NAMED), [reference("vip_peersecret", false)]);
  const standard = { name: "vip_peersecretfile", value: "/etc/kube-vip/peer-secret" };
  assert.deepEqual(secretVariables(settings(PEERS), FILE), [standard]);
  const given = settings({ ...PEERS, "vip_peersecretfile": "/run/s" });
  for (const plan of [FILE, NAMED]) {
    assert.deepEqual(secretVariables(given, plan), [{ name: "vip_peersecretfile", value: "/run/s" }]);
    assert.equal(secretFile(given, plan), "/run/s");
    assert.equal(secretFile(settings({ "vip_peersecretfile": "/run/s" }), plan), null);
    assert.deepEqual(secretVariables(settings({ "vip_peersecret": "sesame-open-sesame" }), plan), []);
  }
  assert.equal(secretFile(settings(PEERS), NAMED), null);
});

Deno.test("a warning says which password can be read, and which secret is not printed", () => {
  const bgp = settings({ "bgp_enable": "true", "bgp_peerpass": "sesame", "bgp_peers": WITH_PASSWORD });
  assert.equal(secretWarnings(bgp, FILE).length, 2);
  assert.equal(secretWarnings(settings({ "bgp_peerpass": "sesame" }), FILE).length, 1);
  assert.deepEqual(secretWarnings(bgp, NAMED), []);
  const [warning, ...none] = secretWarnings(settings({ ...PEERS, "vip_peersecret": "sesame-open-sesame" }), FILE);
  assert.deepEqual(none, []);
  assert.match(warning ?? "", /^vip_peersecret: is not printed; write it to \/etc\/kube-vip\/peer-secret /);
  for (const one of [...secretWarnings(bgp, FILE), warning]) assert.doesNotMatch(one ?? "", /sesame/);
});

Deno.test("no plan prints the peer secret, and a Secret hides every password", () => {
  const given = {
    ...PEERS,
    "vip_peersecret": "sesame-peer-sesame",
    "bgp_peerpass": "sesame-bgp",
    "bgp_peers": WITH_PASSWORD,
  };
  for (const bgp of ["true", "false"]) {
    const values = settings({ ...given, "bgp_enable": bgp });
    assert.doesNotMatch(JSON.stringify(containerInput(values, FILE)), /sesame-peer/);
    assert.doesNotMatch(JSON.stringify(containerInput(values, NAMED)), /sesame/);
  }
});
