/** Configurations of routers against files that the routers' own checkers have accepted (`bgpd -C`, `bird -p`, `gobgpd -d`, `bgpd -n`, `exabgp --validate`). */

import assert from "node:assert/strict";
import { birdConfig } from "./bird_config.ts";
import { exabgpConfig } from "./exabgp_config.ts";
import { frrConfig } from "./frr_config.ts";
import { gobgpConfig } from "./gobgp_config.ts";
import { openbgpdConfig } from "./openbgpd_config.ts";
import { type Neighbor, neighbor, type RouterConfig } from "./types.ts";

const BFD = { txMs: 50, rxMs: 60, multiplier: 3 };

const NUMBERED = [
  neighbor("10.98.0.1", 65001, { port: 1790, password: "pass_word", bfd: BFD, holdTimeS: 3, passive: true }),
  neighbor("fd98::1", 65001, { multihop: 5, families: [6] }),
  neighbor("10.98.0.9", 65000, { ttlSecurityHops: 1, families: [4] }),
];
const UNNUMBERED = neighbor("eth0", null, { unnumbered: true, bfd: BFD });

function router(neighbors: readonly Neighbor[]): RouterConfig {
  const originate = ["10.1.0.0/24", "fd01::/64"];
  return { as: 65000, routerId: "10.98.0.2", neighbors, gracefulRestart: true, originate };
}

const CASES: Readonly<Record<string, string>> = {
  "frr.conf": frrConfig(router([...NUMBERED, UNNUMBERED])),
  "bird.conf": birdConfig(router(NUMBERED)),
  "gobgpd.toml": gobgpConfig(router(NUMBERED)),
  "openbgpd.conf": openbgpdConfig(router(NUMBERED), "/run/control.sock"),
  "exabgp.conf": exabgpConfig(router(NUMBERED), { ip4: "10.98.0.2", ip6: "fd98::2" }),
};

for (const [name, text] of Object.entries(CASES)) {
  Deno.test(`a router with every option is written as its own checker accepted it: ${name}`, async () => {
    assert.equal(text, await Deno.readTextFile(new URL(`../testdata/routers/${name}`, import.meta.url)));
  });
}

Deno.test("BIRD is not asked for an unnumbered neighbour", () => {
  assert.throws(() => birdConfig(router([UNNUMBERED])), /FRR only/);
});

Deno.test("a router that helps nobody over a restart says so", () => {
  const plain = { ...router(NUMBERED), gracefulRestart: false };
  assert.match(frrConfig(plain), /bgp graceful-restart-disable/);
  assert.match(birdConfig(plain), /graceful restart off/);
  assert.doesNotMatch(gobgpConfig(plain), /graceful-restart/);
  assert.match(openbgpdConfig(plain, "/run/control.sock"), /announce restart no/);
});
