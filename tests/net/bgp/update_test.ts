import assert from "node:assert/strict";
import { decodeMessage } from "../../../mod/net/bgp/message.ts";
import type { Family, PathAttributes, Prefix, ReceivedUpdate, UpdateTraits } from "../../../mod/net/bgp/types.ts";
import { encodeAnnouncements, encodeEndOfRib, encodeWithdrawals } from "../../../mod/net/bgp/update.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import { EXTERNAL, INTERNAL, whole } from "./octets.ts";

const PATH: PathAttributes = {
  asPath: [65001],
  nextHop: "192.0.2.1",
  nextHopLinkLocal: null,
  med: null,
  localPref: null,
  communities: [],
  largeCommunities: [],
};
const VIP: Prefix = { family: 4, ip: "198.51.100.1", length: 32 };
const VIP6: Prefix = { family: 6, ip: "2001:db8::1", length: 128 };
const HEADER_BYTES = 19;

function hex(messages: readonly Uint8Array[]): string[] {
  for (const message of messages) assert.equal(whole(message).is, "update");
  return messages.map((message) => message.subarray(HEADER_BYTES).toHex());
}

function decode(bytes: Uint8Array, traits: UpdateTraits): ReceivedUpdate {
  const message = decodeMessage(whole(bytes), traits);
  assert(message.is === "update");
  return message;
}

const ORIGIN = "40010100";
const AS_PATH = "400206" + "0201" + "0000fde9";
const NEXT_HOP = "400304" + "c0000201";
const VIP_NLRI = "20c6336401";
const GLOBAL6 = "20010db8" + "00".repeat(11) + "fe";
const LOCAL6 = "fe80" + "00".repeat(13) + "01";
const OVER6: PathAttributes = { ...PATH, nextHop: "2001:db8::fe" };
const OLD: UpdateTraits = { ...EXTERNAL, fourOctetAs: false };
const WIDE: UpdateTraits = { ...EXTERNAL, extendedNextHop: true };

/** Two octets of length before some octets. */
function field(octets: string): string {
  return (octets.length / 2).toString(16).padStart(4, "0") + octets;
}

const ANNOUNCEMENTS: readonly (readonly [string, Prefix, PathAttributes, UpdateTraits, string])[] = [
  ["IPv4, RFC 4271 §4.3", VIP, PATH, EXTERNAL, `0000${field(ORIGIN + AS_PATH + NEXT_HOP)}${VIP_NLRI}`],
  [
    "internal: empty path, local preference, RFC 4271 §5.1.2, §5.1.5",
    VIP,
    { ...PATH, asPath: [], localPref: 100 },
    INTERNAL,
    `0000${field(ORIGIN + "400200" + NEXT_HOP + "40050400000064")}${VIP_NLRI}`,
  ],
  [
    "everything, ordered by number, RFC 4271 §5",
    VIP,
    {
      ...PATH,
      localPref: 200,
      med: 7,
      communities: [0xffff0000, 0x00640001],
      largeCommunities: [{ global: 64496, local1: 1, local2: 0xffffffff }],
    },
    INTERNAL,
    `0000${
      field(
        ORIGIN + AS_PATH + NEXT_HOP + "80040400000007" + "400504000000c8" + "c00808ffff000000640001" +
          "c0200c0000fbf000000001ffffffff",
      )
    }${VIP_NLRI}`,
  ],
  [
    "no local preference for an external peer, RFC 4271 §5.1.5",
    VIP,
    { ...PATH, localPref: 100 },
    EXTERNAL,
    `0000${field(ORIGIN + AS_PATH + NEXT_HOP)}${VIP_NLRI}`,
  ],
  [
    "AS numbers of two octets, RFC 6793 §4.2.2",
    VIP,
    PATH,
    OLD,
    `0000${field(ORIGIN + "40020402" + "01fde9" + NEXT_HOP)}${VIP_NLRI}`,
  ],
  [
    "AS_TRANS and AS4_PATH, RFC 6793 §4.2.2",
    VIP,
    { ...PATH, asPath: [70000, 65001] },
    OLD,
    `0000${field(ORIGIN + "400206" + "02025ba0fde9" + NEXT_HOP + "c0110a" + "0202000111700000fde9")}${VIP_NLRI}`,
  ],
  [
    "IPv6, RFC 2545 §3, first of the attributes, RFC 7606 §5.1",
    VIP6,
    OVER6,
    EXTERNAL,
    `0000${field("800e26" + "00020110" + GLOBAL6 + "00" + "8020010db8" + "00".repeat(11) + "01" + ORIGIN + AS_PATH)}`,
  ],
  [
    "IPv6 with a link-local next hop, RFC 2545 §3",
    VIP6,
    { ...OVER6, nextHopLinkLocal: "fe80::1" },
    EXTERNAL,
    `0000${
      field("800e36" + "00020120" + GLOBAL6 + LOCAL6 + "00" + "8020010db8" + "00".repeat(11) + "01" + ORIGIN + AS_PATH)
    }`,
  ],
  [
    "IPv4 over IPv6, RFC 8950 §3",
    VIP,
    OVER6,
    WIDE,
    `0000${field("800e1a" + "00010110" + GLOBAL6 + "00" + VIP_NLRI + ORIGIN + AS_PATH)}`,
  ],
];

Deno.test("an announcement is written to its octets, and is right to the decoder", () => {
  for (const [name, prefix, path, traits, octets] of ANNOUNCEMENTS) {
    const messages = encodeAnnouncements([prefix], path, traits);
    assert.deepEqual(hex(messages), [octets], name);
    const expected = { is: "update", announced: 1, withdrawn: 0, endOfRib: null, faults: [] };
    assert.deepEqual(messages.map((message) => decode(message, traits)), [expected], name);
  }
});

Deno.test("withdrawals and End-of-RIB markers are written to their octets", () => {
  const nlri6 = "8020010db8" + "00".repeat(11) + "01";
  assert.deepEqual(hex(encodeWithdrawals([VIP], EXTERNAL)), [`${field(VIP_NLRI)}0000`]);
  assert.deepEqual(hex(encodeWithdrawals([VIP], WIDE)), [`0000${field("800f08" + "000101" + VIP_NLRI)}`]);
  assert.deepEqual(hex(encodeWithdrawals([VIP6], EXTERNAL)), [`0000${field("800f14" + "000201" + nlri6)}`]);
  assert.deepEqual(hex([encodeEndOfRib(4), encodeEndOfRib(6)]), ["00000000", "00000006800f03000201"]);
  for (const family of [4, 6] as const) {
    const expected = { is: "update", announced: 0, withdrawn: 0, endOfRib: family, faults: [] };
    assert.deepEqual(decode(encodeEndOfRib(family), EXTERNAL), expected);
  }
});

Deno.test("nothing to say takes no message", () => {
  assert.deepEqual(encodeAnnouncements([], PATH, EXTERNAL), []);
  assert.deepEqual(encodeWithdrawals([], EXTERNAL), []);
  assert.deepEqual(encodeWithdrawals([], WIDE), []);
});

Deno.test("families that are mixed go into messages of their own, RFC 7606 §5.1", () => {
  const messages = encodeAnnouncements([VIP6, VIP, VIP6], OVER6, WIDE);
  assert.deepEqual(messages.map((message) => decode(message, WIDE).announced), [1, 2]);
  const withdrawn = encodeWithdrawals([VIP6, VIP, VIP6], EXTERNAL);
  assert.deepEqual(withdrawn.map((message) => decode(message, EXTERNAL).withdrawn), [1, 2]);
});

Deno.test("next hops that cannot be are refused", () => {
  const rows: readonly (readonly [Prefix, Partial<PathAttributes>, UpdateTraits])[] = [
    [VIP6, {}, EXTERNAL],
    [VIP, { nextHop: "2001:db8::fe" }, EXTERNAL],
    [VIP, { nextHop: "nowhere" }, EXTERNAL],
    [VIP6, { nextHop: "2001:db8::fe", nextHopLinkLocal: "10.0.0.1" }, EXTERNAL],
    [VIP, { communities: new Array<number>(1100).fill(1) }, EXTERNAL],
  ];
  for (const [prefix, path, traits] of rows) {
    assert.throws(() => encodeAnnouncements([prefix], { ...PATH, ...path }, traits), { name: "AssertionError" });
  }
});

function hostRoutes(family: Family, count: number): Prefix[] {
  return Array.from(
    { length: count },
    (_, i) =>
      family === 4
        ? { family, ip: `10.1.${i >> 8}.${i & 0xff}`, length: 32 }
        : { family, ip: `2001:db8::${(i + 1).toString(16)}`, length: 128 },
  );
}

Deno.test("destinations are packed into as few messages of 4096 octets as can be", () => {
  const rows: readonly (readonly [Family, PathAttributes, UpdateTraits, number])[] = [
    [4, PATH, EXTERNAL, 5],
    [6, OVER6, EXTERNAL, 17],
    [4, OVER6, WIDE, 5],
  ];
  for (const [family, path, traits, bytesEach] of rows) {
    for (const count of [1, 231, 235, 236, 800, 804, 810, 1000, 2000]) {
      const routes = hostRoutes(family, count);
      const announced = encodeAnnouncements(routes, path, traits);
      const withdrawn = encodeWithdrawals(routes, traits);
      for (const messages of [announced, withdrawn]) {
        const reads = messages.map((message) => decode(message, traits));
        assert.equal(reads.reduce((sum, read) => sum + read.announced + read.withdrawn, 0), count);
        assert(reads.every((read) => read.faults.length === 0));
        for (const message of messages.slice(0, -1)) assert(message.length + bytesEach > 4096, `${message.length}`);
      }
    }
  }
});

Deno.test("a message is filled to its last octet where destinations allow it", () => {
  const lengths = new Set<number>();
  for (let communities = 1; communities <= 5; communities++) {
    const path = { ...PATH, communities: new Array<number>(communities).fill(1) };
    const [first] = encodeAnnouncements(hostRoutes(4, 900), path, EXTERNAL);
    lengths.add(first?.length ?? 0);
  }
  assert.deepEqual([...lengths].sort(), [4092, 4093, 4094, 4095, 4096]);
});

Deno.test("destinations come in their order, none twice and none lost", () => {
  const routes = hostRoutes(4, 2000);
  const seen = encodeAnnouncements(routes, PATH, EXTERNAL).flatMap((message) => {
    const attributesAt = HEADER_BYTES + 4;
    const nlriAt = attributesAt + new DataView(message.buffer).getUint16(attributesAt - 2);
    const nlri = message.subarray(nlriAt);
    return Array.from({ length: nlri.length / 5 }, (_, i) => nlri.subarray(5 * i + 1, 5 * i + 5).join("."));
  });
  assert.deepEqual(seen, routes.map((route) => route.ip));
});

Deno.test("any path is right to the decoder of the other side", () => {
  const seed = seedFromEnv(7);
  const random = seededRandom(seed);
  const pick = (limit: number) => Math.floor(random() * limit);
  const numbers = (most: number) => Array.from({ length: pick(most) }, () => 1 + pick(0xffffffff));
  for (let round = 0; round < 500; round++) {
    const traits: UpdateTraits = {
      isExternal: random() < 0.5,
      fourOctetAs: random() < 0.5,
      families: new Set([4, 6]),
      extendedNextHop: random() < 0.5,
    };
    const family: Family = random() < 0.5 ? 4 : 6;
    const over6 = family === 6 || (traits.extendedNextHop && random() < 0.5);
    const path: PathAttributes = {
      asPath: numbers(random() < 0.1 ? 300 : 10),
      nextHop: over6 ? "2001:db8::fe" : "192.0.2.1",
      nextHopLinkLocal: over6 && random() < 0.5 ? "fe80::1" : null,
      med: random() < 0.5 ? pick(0xffffffff) : null,
      localPref: pick(0xffffffff),
      communities: numbers(100),
      largeCommunities: numbers(30).map((global) => ({ global, local1: pick(9), local2: pick(9) })),
    };
    const routes = hostRoutes(family, 1 + pick(400));
    const reads = encodeAnnouncements(routes, path, traits).map((message) => decode(message, traits));
    const where = `seed ${seed} round ${round} ${JSON.stringify(path)}`;
    assert.deepEqual(reads.flatMap((read) => read.faults), [], where);
    assert.equal(reads.reduce((sum, read) => sum + read.announced, 0), routes.length, where);
  }
});
