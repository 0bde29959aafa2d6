import assert from "node:assert/strict";
import { chooseIdentity, type IdentityWish } from "../../mod/bgp/identity.ts";

const WISH: IdentityWish = {
  routerId: null,
  routerInterface: null,
  sourceIp: null,
  sourceInterface: null,
  addresses: [
    { ip: "127.0.0.1", linkName: "lo" },
    { ip: "10.0.0.100", linkName: "lo" },
    { ip: "169.254.3.4", linkName: "eth0" },
    { ip: "fd00::1", linkName: "eth0" },
    { ip: "192.168.0.5", linkName: "eth0" },
    { ip: "172.16.0.5", linkName: "eth1" },
  ],
  managed: new Set(["10.0.0.100"]),
  nodeName: "node-1",
};

const CASES: readonly (readonly [name: string, wish: Partial<IdentityWish>, routerId: string])[] = [
  ["what was given", { routerId: "1.2.3.4", routerInterface: "eth1" }, "1.2.3.4"],
  ["the first address of the router interface", { routerInterface: "eth1", sourceIp: "192.168.0.5" }, "172.16.0.5"],
  ["the source address", { sourceIp: "172.16.0.5" }, "172.16.0.5"],
  ["an IPv6 source address is none", { sourceIp: "fd00::1" }, "192.168.0.5"],
  ["an address of the source interface", { sourceInterface: "eth1" }, "172.16.0.5"],
  ["an address of the machine: no loopback, no link-local, no address that wanders", {}, "192.168.0.5"],
];

for (const [name, wish, routerId] of CASES) {
  Deno.test(`the identifier is ${name}`, () => {
    assert.deepEqual(chooseIdentity({ ...WISH, ...wish }), { outcome: "known", routerId });
  });
}

Deno.test("a router interface without an IPv4 address is an error that names it", () => {
  const identity = chooseIdentity({ ...WISH, routerInterface: "eth7" });
  assert.equal(identity.outcome, "unknown");
  assert.match(identity.outcome === "unknown" ? identity.why : "", /bgp_routerinterface eth7 has no IPv4 address/);
});

Deno.test("a machine with IPv6 only gets an identifier from its name: its own, the same each time, nobody's address", () => {
  const of = (nodeName: string): string => {
    const identity = chooseIdentity({ ...WISH, addresses: [{ ip: "fd00::1", linkName: "eth0" }], nodeName });
    assert.equal(identity.outcome, "known");
    return identity.outcome === "known" ? identity.routerId : "";
  };
  assert.equal(of("node-1"), of("node-1"));
  assert.notEqual(of("node-1"), of("node-2"));
  assert.ok(Number(of("node-1").split(".")[0]) >= 240);
});
