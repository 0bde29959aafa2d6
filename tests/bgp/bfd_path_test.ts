import assert from "node:assert/strict";
import { bfdPath, configuredEnds, samePath, type SessionEnds } from "../../mod/bgp/bfd_path.ts";
import type { BgpPeerConfig } from "../../mod/bgp/types.ts";
import { ADDRESSES, BFD, LOCAL_AS, peerConfig } from "./configs.ts";

const NEAR: SessionEnds = { localIp: "10.0.0.1", remoteIp: "10.0.0.2", isExternal: true };
const FAR: SessionEnds = { localIp: "10.0.0.1", remoteIp: "10.9.0.2", isExternal: true };

interface Case {
  readonly name: string;
  readonly peer: Partial<BgpPeerConfig>;
  readonly ends: SessionEnds;
  readonly multihop: boolean;
  readonly link?: string;
}

const CASES: readonly Case[] = [
  { name: "external on the link", peer: {}, ends: NEAR, multihop: false },
  { name: "external without multihop cannot be elsewhere", peer: {}, ends: FAR, multihop: false },
  { name: "external with multihop", peer: { multihopTtl: 50 }, ends: FAR, multihop: true },
  { name: "internal on the link", peer: {}, ends: { ...NEAR, isExternal: false }, multihop: false },
  { name: "internal elsewhere", peer: {}, ends: { ...FAR, isExternal: false }, multihop: true },
  { name: "not known whether external", peer: {}, ends: { ...FAR, isExternal: null }, multihop: false },
  { name: "source interface", peer: { sourceInterface: "eth7" }, ends: NEAR, multihop: false, link: "eth7" },
  { name: "multihop has no link", peer: { sourceInterface: "eth7", multihopTtl: 2 }, ends: FAR, multihop: true },
  {
    name: "unnumbered",
    peer: { address: { is: "unnumbered", interface: "eth3" }, multihopTtl: 2 },
    ends: { localIp: "fe80::1", remoteIp: "fe80::2", isExternal: false },
    multihop: false,
    link: "eth3",
  },
];

Deno.test("the kind of a path and its link follow from the peer and the addresses", async (t) => {
  for (const { name, peer, ends, multihop, link = null } of CASES) {
    await t.step(name, () => {
      const path = bfdPath(peerConfig(2, { bfd: BFD, ...peer }), ends, { addresses: ADDRESSES });
      assert.deepEqual(path, { ...BFD, localIp: ends.localIp, remoteIp: ends.remoteIp, multihop, interface: link });
    });
  }
});

Deno.test("a peer without BFD has no path", () => {
  assert.equal(bfdPath(peerConfig(2), NEAR, { addresses: ADDRESSES }), null);
});

Deno.test("both ends are known before a session if both are configured as addresses", () => {
  const sourceIp = "10.0.0.1";
  const expected = { localIp: sourceIp, remoteIp: "10.0.0.2", isExternal: true };
  assert.deepEqual(configuredEnds(peerConfig(2, { sourceIp }), LOCAL_AS), expected);
  assert.equal(configuredEnds(peerConfig(2, { sourceIp, as: LOCAL_AS }), LOCAL_AS)?.isExternal, false);
  assert.equal(configuredEnds(peerConfig(2, { sourceIp, as: null }), LOCAL_AS)?.isExternal, null);
  assert.equal(configuredEnds(peerConfig(2), LOCAL_AS), null);
  assert.equal(configuredEnds(peerConfig(2, { sourceIp, address: { is: "name", host: "r" } }), LOCAL_AS), null);
});

Deno.test("a path is another one if anything of it is", () => {
  const path = bfdPath(peerConfig(2, { bfd: BFD }), NEAR, { addresses: ADDRESSES });
  assert.ok(path !== null);
  assert.ok(samePath(path, { ...path }));
  const others = [
    { localIp: "10.0.0.9" },
    { remoteIp: "10.0.0.9" },
    { interface: "eth9" },
    { multihop: true },
    { desiredTxMs: 1 },
    { requiredRxMs: 1 },
    { multiplier: 1 },
  ];
  for (const other of others) assert.ok(!samePath(path, { ...path, ...other }), JSON.stringify(other));
});
