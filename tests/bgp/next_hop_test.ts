import assert from "node:assert/strict";
import { type HostAddress, type NextHop, nextHopFor, type NextHopQuestion, subnetHas } from "../../mod/bgp/next_hop.ts";
import type { NextHopPolicy, PeerAddress } from "../../mod/bgp/types.ts";
import type { Family } from "../../mod/net/bgp/types.ts";

function address(ip: string, prefixLength: number, linkName: string): HostAddress {
  return { ip, prefixLength, linkName, isLinkLocal: ip.startsWith("fe80") || ip.startsWith("169.254") };
}

/** The VIPs are on eth0 before the machine's own addresses, as the kernel may list them. */
const ADDRESSES: readonly HostAddress[] = [
  address("127.0.0.1", 8, "lo"),
  address("::1", 128, "lo"),
  address("10.9.9.9", 32, "eth0"),
  address("fd09::9", 128, "eth0"),
  address("10.0.0.1", 24, "eth0"),
  address("fe80::1", 64, "eth0"),
  address("fd00::1", 64, "eth0"),
  address("10.1.0.1", 24, "eth1"),
  address("fe80::1", 64, "eth1"),
  address("fe80::1", 64, "eth2"),
  address("169.254.1.1", 16, "eth2"),
  address("10.3.0.1", 24, "eth3"),
  address("fd03::1", 64, "eth3"),
];
const VIPS = new Set(["10.9.9.9", "fd09::9"]);

const IP: PeerAddress = { is: "ip", ip: "10.0.0.254" };
const SELF: NextHopPolicy = { is: "self" };

interface Case {
  readonly name: string;
  readonly family: Family;
  readonly session: readonly [localIp: string, remoteIp: string];
  readonly extended?: boolean;
  readonly at?: PeerAddress;
  readonly policy?: NextHopPolicy;
  readonly sourceIp?: string;
  readonly sourceInterface?: string;
  readonly want: NextHop;
}

function hop(ip: string, linkLocal: string | null = null): NextHop {
  return { is: "hop", ip, linkLocal };
}

function none(why: string): NextHop {
  return { is: "none", why };
}

function fixed(ipv4: string | null, ipv6: string | null): NextHopPolicy {
  return { is: "fixed", ipv4, ipv6 };
}

function unnumbered(name: string): PeerAddress {
  return { is: "unnumbered", interface: name };
}

const V4: Case["session"] = ["10.0.0.1", "10.0.0.254"];
const V6: Case["session"] = ["fd00::1", "fd00::fe"];

const OWN_FAMILY: readonly Case[] = [
  { name: "RFC 4271 §5.1.3: the session's address", family: 4, session: V4, want: hop("10.0.0.1") },
  {
    name: "a fixed one is for the other family",
    family: 4,
    session: V4,
    policy: fixed("1.1.1.1", null),
    want: hop("10.0.0.1"),
  },
  { name: "RFC 2545 §3: both if the peer is on the link", family: 6, session: V6, want: hop("fd00::1", "fe80::1") },
  {
    name: "global alone if the peer is not on the link",
    family: 6,
    session: ["fd00::1", "fd77::1"],
    want: hop("fd00::1"),
  },
  {
    name: "global alone if the link has no link-local",
    family: 6,
    session: ["fd03::1", "fd03::2"],
    want: hop("fd03::1"),
  },
  {
    name: "an address that is not (any more) ours, as it is",
    family: 6,
    session: ["fd55::1", "fd55::2"],
    want: hop("fd55::1"),
  },
  {
    name: "unnumbered: the global address of that link and the link-local one",
    family: 6,
    session: ["fe80::1", "fe80::fe"],
    at: unnumbered("eth0"),
    want: hop("fd00::1", "fe80::1"),
  },
  {
    name: "unnumbered without a global address: link-local alone",
    family: 6,
    session: ["fe80::1", "fe80::fe"],
    at: unnumbered("eth1"),
    want: hop("fe80::1"),
  },
  {
    name: "a link-local peer by its source interface",
    family: 6,
    session: ["fe80::1", "fe80::fe"],
    at: { is: "ip", ip: "fe80::fe" },
    sourceInterface: "eth0",
    want: hop("fd00::1", "fe80::1"),
  },
];

const SELF_OTHER: readonly Case[] = [
  { name: "IPv6 over IPv4: the link's first that is not announced", family: 6, session: V4, want: hop("fd00::1") },
  { name: "IPv4 over IPv6: the link's first that is not announced", family: 4, session: V6, want: hop("10.0.0.1") },
  {
    name: "link-local addresses are no next hop for it",
    family: 6,
    session: ["10.1.0.1", "10.1.0.2"],
    want: none("eth1 has no IPv6 address that could be the next hop"),
  },
  {
    name: "loopback addresses are none",
    family: 6,
    session: ["127.0.0.1", "127.0.0.1"],
    want: none("lo has no IPv6 address that could be the next hop"),
  },
  {
    name: "IPv4 link-local addresses are none",
    family: 4,
    session: ["fe80::1", "fe80::2"],
    at: unnumbered("eth2"),
    want: none("eth2 has no IPv4 address that could be the next hop"),
  },
  {
    name: "no link has the session's address",
    family: 6,
    session: ["10.7.0.1", "10.7.0.2"],
    want: none("no link of this machine has the address 10.7.0.1"),
  },
];

const EXTENDED: readonly Case[] = [
  {
    name: "RFC 8950: the session's addresses",
    family: 4,
    session: V6,
    extended: true,
    want: hop("fd00::1", "fe80::1"),
  },
  {
    name: "RFC 8950 unnumbered: link-local alone",
    family: 4,
    session: ["fe80::1", "fe80::2"],
    extended: true,
    at: unnumbered("eth1"),
    want: hop("fe80::1"),
  },
  { name: "it changes nothing for IPv6 over IPv4", family: 6, session: V4, extended: true, want: hop("fd00::1") },
  {
    name: "a fixed one goes before it",
    family: 4,
    session: V6,
    extended: true,
    policy: fixed("10.5.5.5", null),
    want: hop("10.5.5.5"),
  },
  {
    name: "a policy that leads nowhere goes after it",
    family: 4,
    session: V6,
    extended: true,
    policy: { is: "source-interface" },
    sourceInterface: "eth9",
    want: hop("fd00::1", "fe80::1"),
  },
  {
    name: "fixed without that family is as self",
    family: 4,
    session: V6,
    extended: true,
    policy: fixed(null, "fd00::5"),
    want: hop("fd00::1", "fe80::1"),
  },
];

const POLICIES: readonly Case[] = [
  { name: "fixed IPv6", family: 6, session: V4, policy: fixed(null, "fd00::5"), want: hop("fd00::5") },
  { name: "fixed IPv4", family: 4, session: V6, policy: fixed("10.5.5.5", null), want: hop("10.5.5.5") },
  {
    name: "fixed without that family: as self",
    family: 6,
    session: V4,
    policy: fixed("10.5.5.5", null),
    want: hop("fd00::1"),
  },
  {
    name: "source address: the link that has it",
    family: 6,
    session: V4,
    policy: { is: "source-address" },
    sourceIp: "10.3.0.1",
    want: hop("fd03::1"),
  },
  {
    name: "source address not given: the session's",
    family: 6,
    session: V4,
    policy: { is: "source-address" },
    want: hop("fd00::1"),
  },
  {
    name: "source address on a link without the other family",
    family: 6,
    session: V4,
    policy: { is: "source-address" },
    sourceIp: "10.1.0.1",
    want: none("eth1 has no IPv6 address that could be the next hop"),
  },
  {
    name: "source interface",
    family: 6,
    session: V4,
    policy: { is: "source-interface" },
    sourceInterface: "eth3",
    want: hop("fd03::1"),
  },
  {
    name: "source interface without the family",
    family: 4,
    session: V6,
    policy: { is: "source-interface" },
    sourceInterface: "eth2",
    want: none("eth2 has no IPv4 address that could be the next hop"),
  },
];

function question(given: Case): NextHopQuestion {
  return {
    peer: {
      address: given.at ?? IP,
      nextHop: given.policy ?? SELF,
      sourceIp: given.sourceIp ?? null,
      sourceInterface: given.sourceInterface ?? null,
    },
    session: { localIp: given.session[0], remoteIp: given.session[1], extendedNextHop: given.extended ?? false },
    addresses: ADDRESSES,
    isAnnounced: (ip) => VIPS.has(ip),
  };
}

for (const [group, cases] of Object.entries({ OWN_FAMILY, SELF_OTHER, EXTENDED, POLICIES })) {
  Deno.test(`next hops are as the table ${group} says`, async (t) => {
    assert.ok(cases.length > 5);
    for (const given of cases) {
      await t.step(given.name, () => assert.deepEqual(nextHopFor(given.family, question(given)), given.want));
    }
  });
}

Deno.test("an address is in a subnet of its own family only", () => {
  assert.ok(subnetHas(address("10.0.0.1", 24, "eth0"), "10.0.0.254"));
  assert.ok(!subnetHas(address("10.0.0.1", 24, "eth0"), "10.0.1.254"));
  assert.ok(!subnetHas(address("10.0.0.1", 0, "eth0"), "fd00::1"));
});
