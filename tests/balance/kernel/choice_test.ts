import assert from "node:assert/strict";
import { forwardedFamilies, type Ground, whyListen } from "../../../mod/balance/kernel/choice.ts";
import type { TcpBalancerConfig } from "../../../mod/config/types.ts";
import { tcpConfig } from "../kit.ts";

const HEALTH = {
  type: "tcp",
  path: "/",
  expectMin: 200,
  expectMax: 399,
  intervalMs: 2000,
  timeoutMs: 1000,
  rise: 2,
  fall: 3,
} as const;
const GROUND: Ground = { vips: ["10.0.0.9"], isLocal: (ip) => ip === "10.0.0.1", forwards: () => true };

const to = (...addresses: readonly string[]): TcpBalancerConfig["backends"] =>
  addresses.map((address) => ({ address, port: 80, weight: 1 }));
const plain = tcpConfig([], { engine: "auto", bindToVip: true, health: HEALTH, backends: to("10.0.0.1", "10.0.0.2") });

Deno.test("the kernel is taken only where nothing changes for the users of a balancer", () => {
  assert.equal(whyListen(plain, GROUND), null);
  const rows: [Partial<TcpBalancerConfig>, Partial<Ground>, RegExp][] = [
    [{ listenOnly: ["policy", "ejection"] }, {}, /nothing like policy/],
    [{ health: null }, {}, /without health checks/],
    [{ bindToVip: false }, {}, /without bindToVip it is reached at 127\.0\.0\.1/],
    [{ backends: to("127.0.0.1") }, {}, /loopback/],
    [{}, { vips: ["10.0.0.9", "fd00::9"] }, /no backend has an IPv6 address/],
    [{}, { forwards: () => false }, /does not forward IPv4/],
  ];
  for (const [config, ground, why] of rows) {
    assert.match(whyListen({ ...plain, ...config }, { ...GROUND, ...ground }) ?? "", why);
  }
});

Deno.test("backends on this machine need no forwarding", () => {
  const local = { ...plain, backends: to("10.0.0.1") };
  assert.equal(whyListen(local, { ...GROUND, forwards: () => false }), null);
  assert.deepEqual(forwardedFamilies(local, GROUND.isLocal), []);
  const remote = { ...plain, backends: to("fd00::1", "10.0.0.2", "10.0.0.3", "127.0.0.1") };
  assert.deepEqual(forwardedFamilies(remote, GROUND.isLocal), [4, 6]);
});
