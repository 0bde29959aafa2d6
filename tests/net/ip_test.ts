import assert from "node:assert/strict";
import {
  cidrContains,
  formatCidr,
  formatIp,
  type Ip,
  ipFromBytes,
  isLinkLocal,
  isLoopback,
  isMapped,
  isMulticast,
  isUnspecified,
  lastOf,
  networkOf,
  parseCidr,
  parseIp,
  parseIp4,
  parseIp6,
  sameIp,
} from "../../mod/net/ip.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null, `${text} is an address`);
  return parsed;
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Text as given, bytes, canonical text. */
const ADDRESSES: readonly (readonly [string, string, string])[] = [
  ["0.0.0.0", "00000000", "0.0.0.0"],
  ["192.168.0.10", "c0a8000a", "192.168.0.10"],
  ["255.255.255.255", "ffffffff", "255.255.255.255"],
  ["::", "00000000000000000000000000000000", "::"],
  ["0:0:0:0:0:0:0:0", "00000000000000000000000000000000", "::"],
  ["::1", "00000000000000000000000000000001", "::1"],
  ["1::", "00010000000000000000000000000000", "1::"],
  // RFC 5952 §4.1: leading zeros go; §4.3: lower case
  ["2001:0DB8::0001", "20010db8000000000000000000000001", "2001:db8::1"],
  // §4.2.1: as short as possible
  ["2001:db8:0:0:0:0:2:1", "20010db8000000000000000000020001", "2001:db8::2:1"],
  // §4.2.2: one zero group is not shortened, though a writer may have done so
  ["2001:db8::1:1:1:1:1", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["::2:3:4:5:6:7:8", "00000002000300040005000600070008", "0:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:7::", "00010002000300040005000600070000", "1:2:3:4:5:6:7:0"],
  // §4.2.3: the longest run, the first of equals
  ["2001:0:0:1:0:0:0:1", "20010000000000010000000000000001", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
  // §5: mixed notation for mapped addresses only
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
  ["::FFFF:c000:201", "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
  ["0:0:0:0:0:ffff:192.0.2.1", "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
  ["64:ff9b::192.0.2.1", "0064ff9b0000000000000000c0000201", "64:ff9b::c000:201"],
  [
    "1111:2222:3333:4444:5555:6666:255.255.255.255",
    "111122223333444455556666ffffffff",
    "1111:2222:3333:4444:5555:6666:ffff:ffff",
  ],
];

Deno.test("addresses are read into their bytes and written in their canonical text", () => {
  for (const [text, bytes, canonical] of ADDRESSES) {
    const parsed = ip(text);
    assert.equal(hex(parsed.bytes), bytes, text);
    assert.equal(parsed.text, canonical, text);
    assert.equal(parsed.family, bytes.length === 8 ? 4 : 6);
    assert.equal(formatIp(Uint8Array.fromHex(bytes)), parsed.text);
    assert.deepEqual(parseIp(parsed.text), parsed, "canonical text reads back");
  }
});

Deno.test("text that is not exactly one address is refused", () => {
  const refused = [
    ...["", " ", ".", "1", "1.2.3", "1.2.3.4.5", "1..2.3", "1.2.3.", ".1.2.3", "1.2.3.256", "1.2.3.999", "1.2.3.1000"],
    ...["01.2.3.4", "1.2.3.04", "00.0.0.0", "0x1.2.3.4", "1.2.3.4a", "+1.2.3.4", "-1.2.3.4", "1e1.2.3.4", "3232235786"],
    ...[
      " 1.2.3.4",
      "1.2.3.4 ",
      "1.2.3.4\n",
      "\t1.2.3.4",
      "1.2.3.4\0",
      "1.2.3.4/24",
      "1.2.3.4:80",
      "1,2,3,4",
      "١.2.3.4",
    ],
    ...[":", ":::", "::::", "1:", ":1", "1::2::3", "1:::2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::"],
    ...["::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::", "g::", "::g", "::1 ", " ::1", "::1\n", "[::1]", "::1/64"],
    ...[
      "fe80::1%eth0",
      "fe80::1%1",
      "::1%",
      "0x1::",
      "::+1",
      "::-1",
      "::1.2.3",
      "::1.2.3.4.5",
      "::01.2.3.4",
      "::1.2.3.256",
    ],
    ...["1.2.3.4::", "::1.2.3.4:1", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", ":1.2.3.4", "1.2.3.4:", "::.1.2.3"],
    "1".repeat(100_000),
    ":".repeat(100_000),
  ];
  for (const text of refused) assert.equal(parseIp(text), null, JSON.stringify(text.slice(0, 60)));
});

Deno.test("each family's reader refuses the other family", () => {
  assert.equal(parseIp4("::1"), null);
  assert.equal(parseIp4("::ffff:1.2.3.4"), null);
  assert.equal(parseIp6("1.2.3.4"), null);
  assert.equal(parseIp4("1.2.3.4")?.family, 4);
  assert.equal(parseIp6("::1")?.family, 6);
});

Deno.test("random addresses survive writing and reading, and agree with the platform's URL parser", () => {
  const seed = seedFromEnv(11);
  const random = seededRandom(seed);
  for (let round = 0; round < 5_000; round++) {
    const size = random() < 0.3 ? 4 : 16;
    // Half of the bytes are zero, so that runs to shorten are common.
    const bytes = Uint8Array.from({ length: size }, () => random() < 0.5 ? 0 : Math.floor(random() * 256));
    const given = ipFromBytes(bytes);
    const where = `seed ${seed} round ${round}: ${given.text}`;
    assert.deepEqual(parseIp(given.text)?.bytes, bytes, where);
    const host = size === 4 ? given.text : `[${given.text}]`;
    if (!isMapped(given)) assert.equal(new URL(`http://${host}/`).hostname, host, where);
  }
});

Deno.test("an address keeps its own copy of the bytes it is built from", () => {
  const bytes = Uint8Array.of(10, 0, 0, 1);
  const built = ipFromBytes(bytes);
  bytes[3] = 9;
  assert.equal(hex(built.bytes), "0a000001");
  for (const size of [0, 3, 5, 15, 17]) {
    assert.throws(() => ipFromBytes(new Uint8Array(size)), { name: "AssertionError" });
  }
});

Deno.test("addresses are put into the classes of their ranges, at both edges", () => {
  const table: readonly (readonly [(ip: Ip) => boolean, readonly string[], readonly string[]])[] = [
    [
      isLinkLocal,
      ["169.254.0.0", "169.254.255.255", "fe80::", "febf:ffff::1"],
      ["169.253.255.255", "169.255.0.0", "fe7f::1", "fec0::1", "::"],
    ],
    [isMulticast, ["224.0.0.0", "239.255.255.255", "ff00::", "ff02::1"], ["223.255.255.255", "240.0.0.0", "feff::1"]],
    [isUnspecified, ["0.0.0.0", "::"], ["0.0.0.1", "::1", "::ffff:0.0.0.0"]],
    [isLoopback, ["127.0.0.0", "127.255.255.255", "::1"], ["126.255.255.255", "128.0.0.0", "::", "::ffff:127.0.0.1"]],
    [isMapped, ["::ffff:0.0.0.0", "::ffff:255.255.255.255"], ["1.2.3.4", "::fffe:1:2", "0:0:0:0:1:ffff:1:2", "::"]],
  ];
  for (const [is, inside, outside] of table) {
    for (const text of inside) assert.equal(is(ip(text)), true, `${is.name} ${text}`);
    for (const text of outside) assert.equal(is(ip(text)), false, `${is.name} ${text}`);
  }
});

Deno.test("the same address in two spellings is the same, in two families it is not", () => {
  assert.equal(sameIp(ip("2001:DB8:0::1"), ip("2001:db8::1")), true);
  assert.equal(sameIp(ip("10.0.0.1"), ip("10.0.0.2")), false);
  assert.equal(sameIp(ip("10.0.0.1"), ip("::ffff:10.0.0.1")), false);
});

/** Prefix, its network, its last address, and an address just outside (or none). */
const PREFIXES: readonly (readonly [string, string, string, string | null])[] = [
  ["192.168.7.9/24", "192.168.7.0", "192.168.7.255", "192.168.8.0"],
  ["10.0.0.130/25", "10.0.0.128", "10.0.0.255", "10.0.0.127"],
  ["10.0.0.1/32", "10.0.0.1", "10.0.0.1", "10.0.0.2"],
  ["10.0.0.1/31", "10.0.0.0", "10.0.0.1", "10.0.0.2"],
  ["1.2.3.4/0", "0.0.0.0", "255.255.255.255", null],
  ["2001:db8::5/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::"],
  ["2001:db8::5/127", "2001:db8::4", "2001:db8::5", "2001:db8::6"],
  ["2001:db8::5/128", "2001:db8::5", "2001:db8::5", "2001:db8::4"],
  ["fe80::1/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", null],
];

Deno.test("a prefix has its network and its last address, and holds what lies between them", () => {
  for (const [text, network, last, outside] of PREFIXES) {
    const cidr = parseCidr(text);
    assert(cidr !== null, text);
    assert.equal(formatCidr(cidr), text);
    assert.equal(networkOf(cidr).text, network, text);
    assert.equal(lastOf(cidr).text, last, text);
    for (const inside of [network, last, cidr.ip.text]) assert.equal(cidrContains(cidr, ip(inside)), true, inside);
    if (outside !== null) assert.equal(cidrContains(cidr, ip(outside)), false, `${outside} in ${text}`);
    assert.equal(cidrContains(cidr, ip(cidr.ip.family === 4 ? "::a00:1" : "0.0.0.5")), false, "other family");
  }
});

Deno.test("text that is not one prefix is refused", () => {
  const refused = [
    "",
    "/",
    "/24",
    "10.0.0.1",
    "10.0.0.1/",
    "10.0.0.1/33",
    "10.0.0.1/-1",
    "10.0.0.1/024",
    "10.0.0.1/+8",
  ];
  refused.push("10.0.0.1/8/8", "10.0.0.1/ 8", "10.0.0.1/8 ", "10.0.0.1/255.0.0.0", "10.0.0.1/1e1", "::1/129", "::/0x1");
  for (const text of refused) assert.equal(parseCidr(text), null, JSON.stringify(text));
});
