import assert from "node:assert/strict";
import { base, load, mustLoad, problemLines } from "./helpers.ts";

Deno.test("addresses are canonical and keep their prefix", () => {
  const rows: [string, string, number][] = [
    ["10.0.0.9", "10.0.0.9", 32],
    ["10.0.0.9/24", "10.0.0.9", 24],
    ["FD00:0:0::9", "fd00::9", 128],
    ["fd00::9/64", "fd00::9", 64],
    ["169.254.1.1", "169.254.1.1", 32],
  ];
  for (const [vip, ip, prefixLength] of rows) assert.deepEqual(mustLoad(base({ vip })).vips, [{ ip, prefixLength }]);
});

Deno.test("what cannot be a virtual address is refused with the reason", () => {
  const rows: [unknown, string][] = [
    [undefined, "vip: is missing"],
    ["", "vip: is missing"],
    ["10.0.0.256", "must be an IPv4 or IPv6 address"],
    ["10.0.0.09", "must be an IPv4 or IPv6 address"],
    ["10.0.0.9/", "must be an IPv4 or IPv6 address"],
    ["10.0.0.9/33", "must be an IPv4 or IPv6 address"],
    ["fd00::9%eth0", "must be an IPv4 or IPv6 address"],
    ["10.0.0.9/0", "has the prefix /0"],
    ["kube.example.org", "is a DNS name"],
    ["239.0.0.1", "is a multicast address"],
    ["ff02::1", "is a multicast address"],
    ["0.0.0.0", "is the unspecified address"],
    ["::", "is the unspecified address"],
    ["127.0.0.9", "is a loopback address"],
    ["::1", "is a loopback address"],
    ["fe80::9", "is an IPv6 link-local address"],
    ["255.255.255.255", "is the broadcast address"],
    ["::ffff:10.0.0.9", "is an IPv4 address in IPv6 form"],
    ["10.0.0.1", "is the address of member a (localPeer)"],
    ["10.0.0.3/24", "is the address of member c (remotePeers[1])"],
    ["10.0.0.9,10.0.0.9/24", "is listed twice"],
    [[["10.0.0.9"]], "not a list"],
    [true, "must be an IPv4 or IPv6 address"],
    [10, "must be an IPv4 or IPv6 address"],
  ];
  for (const [vip, reason] of rows) {
    const lines = problemLines(load(base({ vip })));
    assert.equal(lines.length, 1, `${vip}: ${lines}`);
    assert.ok(lines[0]?.includes(reason), `${vip}: ${lines}`);
  }
});
