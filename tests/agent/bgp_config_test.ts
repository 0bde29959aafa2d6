import assert from "node:assert/strict";
import { resolveBgp } from "../../mod/agent/bgp_config.ts";
import { mustLoad, vars } from "../config/manager/helpers.ts";

const ON = vars("vip_arp=false", "bgp_enable=true", "bgp_as=65001", "bgp_peers=192.168.0.1:65002");
const HOST = {
  addresses: [{ ip: "10.0.0.9", linkName: "eth0" }, { ip: "192.168.0.2", linkName: "eth0" }],
  managed: new Set(["10.0.0.9"]),
  nodeName: "node-1",
};

Deno.test("what only the machine knows is filled in: the identifier is one of its own addresses", () => {
  const { bgp } = mustLoad({ env: ON });
  assert.ok(bgp);
  const resolved = resolveBgp(bgp, HOST);
  assert.equal(resolved.outcome, "resolved");
  assert.equal(resolved.config.routerId, "192.168.0.2");
  assert.equal(resolved.config.as, 65001);
  assert.deepEqual(resolved.config.peers, bgp.peers);
});

Deno.test("a peer that is a virtual address is refused", () => {
  const { bgp } = mustLoad({ env: ON });
  assert.ok(bgp);
  const resolved = resolveBgp(bgp, { ...HOST, managed: new Set(["192.168.0.1"]) });
  assert.equal(resolved.outcome, "unfit");
  assert.match(resolved.why, /192\.168\.0\.1:179 is a virtual address/);
});

Deno.test("an interface without an address gives no identifier, and the setting is named", () => {
  const { bgp } = mustLoad({ env: { ...ON, ...vars("bgp_routerinterface=eth5") } });
  assert.ok(bgp);
  const resolved = resolveBgp(bgp, HOST);
  assert.equal(resolved.outcome, "unfit");
  assert.match(resolved.why, /bgp_routerinterface eth5/);
});
