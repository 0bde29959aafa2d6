import assert from "node:assert/strict";
import { bfdPath, samePath } from "../../mod/bgp/bfd_path.ts";
import type { BgpPeerConfig, Negotiated } from "../../mod/bgp/types.ts";
import { ADDRESSES, BFD, peerConfig } from "./configs.ts";

type SessionEnds = Pick<Negotiated, "localIp" | "remoteIp" | "isExternal">;

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
