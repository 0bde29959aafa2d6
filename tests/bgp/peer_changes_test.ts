import assert from "node:assert/strict";
import { peerChanges } from "../../mod/bgp/peer_changes.ts";
import type { BgpConfig, BgpPeerConfig } from "../../mod/bgp/types.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import { BFD, bgpConfig, peerConfig, POLICY } from "./configs.ts";

function named(changes: ReturnType<typeof peerChanges>): Record<string, string[]> {
  const names = (peers: readonly BgpPeerConfig[]): string[] => peers.map(({ name }) => name);
  return {
    removed: [...changes.removed],
    added: names(changes.added),
    restarted: names(changes.restarted),
    retold: names(changes.retold),
  };
}

const NOTHING = { removed: [], added: [], restarted: [], retold: [] };
const BEFORE = bgpConfig([peerConfig(2), peerConfig(3)]);

Deno.test("the same configuration changes nothing, in whatever order its keys and families are", () => {
  const families = new Set<Family>([6, 4]);
  const before = bgpConfig([peerConfig(2, { families: new Set<Family>([4, 6]), bfd: BFD })]);
  const { multiplier, ...rest } = BFD;
  assert.deepEqual(
    named(peerChanges(before, bgpConfig([peerConfig(2, { families, bfd: { multiplier, ...rest } })]))),
    NOTHING,
  );
});

Deno.test("peers come and go", () => {
  const after = bgpConfig([peerConfig(3), peerConfig(4)]);
  assert.deepEqual(named(peerChanges(BEFORE, after)), {
    ...NOTHING,
    removed: ["10.0.0.2:179"],
    added: ["10.0.0.4:179"],
  });
});

const SESSION: readonly Partial<BgpPeerConfig>[] = [
  { address: { is: "ip", ip: "10.0.0.7" } },
  { port: 1179 },
  { as: 65009 },
  { password: "p" },
  { multihopTtl: 2 },
  { ttlSecurityHops: 1 },
  { sourceIp: "10.0.0.1" },
  { sourceInterface: "eth0" },
  { families: new Set<Family>([4, 6]) },
  { holdTimeMs: 9000 },
  { keepaliveMs: 1000 },
  { passive: true },
  { bfd: BFD },
];

Deno.test("what a session is made of makes that session begin again, and no other", () => {
  for (const changed of SESSION) {
    const after = bgpConfig([peerConfig(2, changed), peerConfig(3)]);
    assert.deepEqual(
      named(peerChanges(BEFORE, after)),
      { ...NOTHING, restarted: ["10.0.0.2:179"] },
      JSON.stringify(changed),
    );
  }
});

Deno.test("what is told over a session does not end it", () => {
  const changes: readonly Partial<BgpPeerConfig>[] = [
    { policy: { ...POLICY, med: 3 } },
    { nextHop: { is: "fixed", ipv4: null, ipv6: "fd00::9" } },
  ];
  for (const changed of changes) {
    const after = bgpConfig([peerConfig(2, changed), peerConfig(3)]);
    assert.deepEqual(named(peerChanges(BEFORE, after)), { ...NOTHING, retold: ["10.0.0.2:179"] });
  }
});

Deno.test("who we are is part of every session; where we listen is of none", () => {
  const changes: readonly Partial<BgpConfig>[] = [{ as: 1 }, { routerId: "1.1.1.1" }, { gracefulRestartMs: 1000 }];
  const restarted = ["10.0.0.2:179", "10.0.0.3:179"];
  for (const changed of changes) {
    assert.deepEqual(named(peerChanges(BEFORE, bgpConfig(BEFORE.peers, changed))), { ...NOTHING, restarted });
  }
  assert.deepEqual(named(peerChanges(BEFORE, bgpConfig(BEFORE.peers, { listenPort: 179 }))), NOTHING);
});
