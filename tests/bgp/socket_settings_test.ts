import assert from "node:assert/strict";
import { socketSettings } from "../../mod/bgp/socket_settings.ts";
import type { BgpPeerConfig } from "../../mod/bgp/types.ts";
import { peerConfig } from "./session_kit.ts";

Deno.test("TTLs are those of the kind of peer", () => {
  const cases: readonly [string, Partial<BgpPeerConfig>, number, number | null][] = [
    ["external on the link", {}, 1, null],
    ["of an unknown AS, on the link", { as: null }, 1, null],
    ["external, several hops", { multihopTtl: 50 }, 50, null],
    ["internal", { as: 65000 }, 64, null],
    ["RFC 5082, on the link", { ttlSecurityHops: 1 }, 255, 255],
    ["RFC 5082, three hops", { ttlSecurityHops: 3 }, 255, 253],
    ["RFC 5082, internal", { as: 65000, ttlSecurityHops: 2 }, 255, 254],
  ];
  for (const [what, changes, ttl, minTtl] of cases) {
    assert.deepEqual(socketSettings(peerConfig(changes), 65000), { password: null, ttl, minTtl }, what);
  }
  assert.equal(socketSettings(peerConfig({ password: "key" }), 65000).password, "key");
});
