import assert from "node:assert/strict";
import { Findings, Place } from "../../../mod/config/findings.ts";
import { listOf } from "../../../mod/config/kinds.ts";
import {
  addressKind,
  checkTwins,
  computedSubnet,
  type NamedAddress,
  prefixLengths,
  subnetKind,
  toAddress,
} from "../../../mod/config/manager/addresses.ts";
import { INVALID } from "../../../mod/config/setting.ts";

function parse(text: string): { addresses: readonly NamedAddress[]; findings: Findings } {
  const findings = new Findings();
  const addresses = listOf(addressKind).fromText(text, new Place(findings, "address"));
  return { addresses: addresses === INVALID ? [] : addresses, findings };
}

Deno.test("addresses are IP addresses or names", () => {
  const { addresses } = parse("10.0.0.1, FD00::1,K8s.Example.,localhost,_a.b-c.d1");
  assert.deepEqual(addresses.map(toAddress), [
    { is: "ip", ip: "10.0.0.1" },
    { is: "ip", ip: "fd00::1" },
    { is: "name", host: "k8s.example" },
    { is: "name", host: "localhost" },
    { is: "name", host: "_a.b-c.d1" },
  ]);
  assert.deepEqual(addresses.map(({ text }) => text), [
    "10.0.0.1",
    "FD00::1",
    "K8s.Example.",
    "localhost",
    "_a.b-c.d1",
  ]);
});

Deno.test("what is neither is refused, with the reason", () => {
  const rows: [string, RegExp][] = [
    ["10.0.0.256", /^invalid IP address: 10.0.0.256; must be an IP address or a DNS name$/],
    ["10.0.0.1/24", /the prefix belongs into vip_subnet/],
    ["a..b", /invalid IP address: a..b/],
    ["-a", /invalid IP address/],
    ["a b", /invalid IP address/],
    [`${"a".repeat(64)}.b`, /invalid IP address/],
    ["fe80::1", /is an IPv6 link-local address; must be/],
    ["255.255.255.255", /is the broadcast address/],
  ];
  for (const [text, pattern] of rows) assert.match(parse(text).findings.problems[0]?.message ?? "", pattern, text);
  const twice = parse("10.0.0.1,fd00::1,FD00:0::1");
  checkTwins(twice.addresses);
  assert.deepEqual(twice.findings.problems.map(({ value }) => value), ["fd00::1"]);
});

Deno.test("a subnet is one or two prefix lengths, or auto", () => {
  const read = (text: string): unknown => subnetKind.fromText(text, new Place(new Findings()));
  assert.deepEqual(read("32, 128"), { auto: false, lengths: [32, 128], shown: "32,128" });
  assert.deepEqual(read("auto,AUTO"), { auto: true, lengths: [], shown: "auto,auto" });
  assert.deepEqual(read("24,auto"), { auto: true, lengths: [24], shown: "24,auto" });
  for (const text of ["", "0", "129", "33,34", "a", "1,2,3", "24,"]) assert.equal(read(text), INVALID, text);
});

Deno.test("lengths go to the versions they can be about", () => {
  const rows: [lengths: number[], addresses: string, v4: number, v6: number][] = [
    [[], "10.0.0.1", 32, 128],
    [[24], "10.0.0.1", 24, 128],
    [[24], "10.0.0.1,fd00::1", 24, 128],
    [[64], "10.0.0.1,fd00::1", 32, 64],
    [[24], "fd00::1", 32, 24],
    [[64], "name.example", 32, 64],
    [[24], "name.example", 24, 128],
    [[24, 64], "10.0.0.1,fd00::1", 24, 64],
    [[64, 24], "fd00::1,10.0.0.1", 24, 64],
    [[32, 128], "fd00::1,10.0.0.1", 32, 128],
    [[20, 24], "fd00::1,10.0.0.1", 24, 20],
  ];
  for (const [lengths, text, v4, v6] of rows) {
    assert.deepEqual(prefixLengths(lengths, parse(text).addresses), { v4, v6 }, `${lengths} ${text}`);
  }
});

Deno.test("the computed subnet is that of single addresses", () => {
  const rows: [string, "first" | "ipv4" | "ipv6" | "dual", string][] = [
    ["", "first", ""],
    ["10.0.0.1", "first", "32"],
    ["fd00::1", "first", "128"],
    ["fd00::1,10.0.0.1", "first", "32,128"],
    ["a.b", "ipv4", "32"],
    ["a.b", "ipv6", "128"],
    ["a.b", "dual", "32,128"],
  ];
  for (const [text, mode, wanted] of rows) assert.equal(computedSubnet(parse(text).addresses, mode), wanted, text);
});
