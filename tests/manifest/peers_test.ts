import assert from "node:assert/strict";
import { localPeerVariables, localPeerWarnings } from "../../mod/manifest/peers.ts";
import { settings } from "./fixture.ts";

const PEERS = { "vip_leaderelectiontype": "peers", "vip_peers": "n1:10.0.0.1:10000,n2:[fd00::2]:10000" };

Deno.test("a member that is not named is made of the node's name and address", () => {
  const [address, member, ...none] = localPeerVariables(settings(PEERS));
  assert.deepEqual(address, { name: "vip_nodeaddress", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } });
  assert.deepEqual(member, { name: "vip_localpeer", value: "$(vip_nodename):$(vip_nodeaddress):10000" });
  assert.deepEqual(none, []);
});

Deno.test("a member that is named stays, and other elections have none", () => {
  assert.deepEqual(localPeerVariables(settings({ ...PEERS, "vip_localpeer": "n1:10.0.0.1:10000" })), []);
  assert.deepEqual(localPeerVariables(settings({ "vip_peers": PEERS["vip_peers"] })), []);
  assert.deepEqual(localPeerWarnings(settings(), true), []);
});

Deno.test("one name for every node, or none that could be found, is warned of", () => {
  const named = settings({ ...PEERS, "vip_localpeer": "n1:10.0.0.1:10000" });
  assert.match(localPeerWarnings(named, true).join(), /^vip_localpeer: is the same in every Pod/);
  assert.deepEqual(localPeerWarnings(named, false), []);
  assert.deepEqual(localPeerWarnings(settings(PEERS), true), []);
  for (const peers of ["", "n1:10.0.0.1:10000,n2:10.0.0.2:10001"]) {
    const values = settings({ ...PEERS, "vip_peers": peers });
    assert.deepEqual(localPeerVariables(values), []);
    assert.match(localPeerWarnings(values, false).join(), /^vip_localpeer: is missing/);
  }
});
