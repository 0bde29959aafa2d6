import assert from "node:assert/strict";
import { checkHost, type Host, type HostResult } from "../../mod/config/host_check.ts";
import { formatProblem } from "../../mod/config/findings.ts";
import type { HeldAddress, Link } from "../../mod/vip/kernel.ts";

const OURS = 77;
const link = (index: number, name: string): Link => {
  return { index, name, mac: new Uint8Array(6), up: true, running: true, loopback: name === "lo" };
};
const address = (ip: string, prefixLength: number, at: { linkIndex: number; protocol?: number }): HeldAddress => {
  return { ip, prefixLength, linkIndex: at.linkIndex, protocol: at.protocol ?? 0, validSeconds: Infinity };
};

const HOST: Host<HeldAddress> = {
  links: [link(1, "lo"), link(2, "eth0"), link(3, "eth1"), link(4, "eth2")],
  addresses: [
    address("127.0.0.1", 8, { linkIndex: 1 }),
    address("10.0.0.1", 8, { linkIndex: 2 }),
    address("10.1.0.1", 16, { linkIndex: 3 }),
    address("192.168.0.1", 24, { linkIndex: 2 }),
    address("192.168.0.2", 24, { linkIndex: 4 }),
    address("192.168.0.3", 24, { linkIndex: 4 }),
    address("fd00::1", 64, { linkIndex: 3 }),
    address("10.9.9.9", 32, { linkIndex: 4, protocol: OURS }),
  ],
  isOurs: (held) => held.protocol === OURS,
};

const check = (name: string | null, ...ips: string[]): HostResult =>
  checkHost({ interface: name, vips: ips.map((ip) => ({ ip, prefixLength: ip.includes(":") ? 128 : 32 })) }, HOST);

const placed = (result: HostResult): string[] =>
  result.outcome === "fits" ? result.placed.map((one) => `${one.vip.ip} ${one.link.name}`) : [];
const problems = (result: HostResult): string[] =>
  result.outcome === "unfit" ? result.problems.map((one) => formatProblem(one, null)) : [];

Deno.test("without a name, the interface is the one with the smallest subnet around the address", () => {
  assert.deepEqual(placed(check(null, "10.2.0.9", "10.1.0.9", "fd00::9")), [
    "10.2.0.9 eth0",
    "10.1.0.9 eth1",
    "fd00::9 eth1",
  ]);
});

Deno.test("an address that our own earlier run left does not say where it belongs", () => {
  assert.deepEqual(placed(check(null, "10.9.9.9")), ["10.9.9.9 eth0"]);
});

Deno.test("an address in no subnet, or in the subnets of several interfaces, needs a name", () => {
  assert.deepEqual(problems(check(null, "172.16.0.9", "192.168.0.9")), [
    'vip "172.16.0.9": is in no subnet of this machine; name the interface, one of eth0, eth1, eth2',
    'vip "192.168.0.9": is in a subnet of several interfaces (eth0, eth2); name one with interface',
  ]);
});

Deno.test("a named interface has to exist, and gets every address; outside of its subnets with a warning", () => {
  assert.deepEqual(problems(check("eth7", "10.1.0.9")), [
    'interface "eth7": does not exist on this machine; must be one of lo, eth0, eth1, eth2',
  ]);
  assert.deepEqual(placed(check("eth2", "192.168.0.9")), ["192.168.0.9 eth2"]);
  assert.deepEqual(check("eth2", "192.168.0.9").warnings, []);
  const outside = check("eth2", "172.16.0.9");
  assert.deepEqual(placed(outside), ["172.16.0.9 eth2"]);
  assert.match(outside.warnings.map((one) => formatProblem(one, null)).join(), /is in no subnet of eth2; only hosts/);
});

Deno.test("an address that this machine has for itself is refused, one of ours is not", () => {
  assert.deepEqual(problems(check("eth0", "10.1.0.1", "127.0.0.1", "10.9.9.9")), [
    'vip "10.1.0.1": already belongs to this machine (eth1); must be an address of no machine, or remove it there first',
    'vip "127.0.0.1": already belongs to this machine (lo); must be an address of no machine, or remove it there first',
  ]);
});
