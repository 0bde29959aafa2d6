import assert from "node:assert/strict";
import { type Candidate, incomingPeers, listenKeys } from "../../mod/bgp/incoming_peer.ts";
import type { BgpPeerConfig } from "../../mod/bgp/types.ts";
import { peerConfig } from "./configs.ts";

function candidate(peer: Partial<BgpPeerConfig>, isEstablished = false): Candidate {
  return { peer: peerConfig(2, peer), isEstablished };
}

function from(
  remoteIp: string,
  link: string | null = null,
): { remoteIp: string; localIp: string; interface: string | null } {
  return { remoteIp, localIp: "10.0.0.1", interface: link };
}

const SIGNED = { isSigned: true };

Deno.test("peers are known by address or by their link, and those with a name are asked in any case", () => {
  const candidates = [
    candidate({ name: "ip" }),
    candidate({ name: "link", address: { is: "unnumbered", interface: "eth1" } }),
    candidate({ name: "fe80", address: { is: "ip", ip: "fe80::5" } }),
  ];
  assert.deepEqual(incomingPeers(candidates, from("10.0.0.2"), SIGNED), { names: ["ip"], isStranger: false });
  assert.deepEqual(incomingPeers(candidates, from("fe80::9", "eth1"), SIGNED), { names: ["link"], isStranger: false });
  assert.deepEqual(incomingPeers(candidates, from("fe80::5", "eth2"), SIGNED), { names: ["fe80"], isStranger: false });
  assert.deepEqual(incomingPeers(candidates, from("10.0.0.4"), SIGNED), { names: [], isStranger: true });
  assert.deepEqual(incomingPeers([], from("10.0.0.2"), SIGNED), { names: [], isStranger: true });
  const named = candidate({ name: "name", address: { is: "name", host: "r" } });
  assert.deepEqual(incomingPeers([...candidates, named], from("10.0.0.4"), SIGNED), {
    names: ["name"],
    isStranger: true,
  });
  assert.deepEqual(incomingPeers([named, ...candidates], from("10.0.0.2"), SIGNED), {
    names: ["ip", "name"],
    isStranger: false,
  });
});

Deno.test("a peer is expected at its source address only", () => {
  assert.ok(!incomingPeers([candidate({ sourceIp: "10.0.0.1" })], from("10.0.0.2"), SIGNED).isStranger);
  assert.ok(incomingPeers([candidate({ sourceIp: "10.0.0.9" })], from("10.0.0.2"), SIGNED).isStranger);
});

Deno.test("a peer with a password is not asked about what the kernel has not checked", () => {
  const open = candidate({ name: "open" });
  const secret = candidate({ name: "secret", password: "p" });
  const named = candidate({ name: "named", password: "p", address: { is: "name", host: "r" } });
  const all = [secret, named, open];
  assert.deepEqual(incomingPeers(all, from("10.0.0.2"), SIGNED).names, ["secret", "open", "named"]);
  assert.deepEqual(incomingPeers(all, from("10.0.0.2"), { isSigned: false }).names, ["open"]);
  assert.ok(incomingPeers([secret, named], from("10.0.0.2"), { isSigned: false }).isStranger);
});

Deno.test("of several with one address those without a session come first, and of them those that are waited for", () => {
  const up = candidate({ name: "up", passive: true }, true);
  const active = candidate({ name: "active" });
  const passive = candidate({ name: "passive", passive: true });
  assert.deepEqual(incomingPeers([up, active, passive], from("10.0.0.2"), SIGNED).names, ["passive", "active", "up"]);
});

Deno.test("the listener knows each password once, of the peers whose address is certain", () => {
  const peers = [
    peerConfig(2, { password: "a" }),
    peerConfig(2, { name: "again", password: "b" }),
    peerConfig(3),
    peerConfig(4, { password: "c", address: { is: "name", host: "r" } }),
    peerConfig(5, { password: "d", address: { is: "unnumbered", interface: "eth1" } }),
    peerConfig(6, { password: "e", address: { is: "unnumbered", interface: "eth2" } }),
    peerConfig(7, { address: { is: "unnumbered", interface: "eth1" } }),
  ];
  const routerOn = (link: string): string | null => link === "eth1" ? "fe80::1" : null;
  assert.deepEqual(listenKeys(peers, routerOn), [
    { ip: "10.0.0.2", password: "b" },
    { ip: "fe80::1", password: "d" },
  ]);
});
