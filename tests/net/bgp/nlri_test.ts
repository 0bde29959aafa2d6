import assert from "node:assert/strict";
import { countPrefixes, encodePrefix } from "../../../mod/net/bgp/nlri.ts";
import type { Family, Prefix } from "../../../mod/net/bgp/types.ts";

/** RFC 4271 §4.3. */
const PREFIXES: readonly (readonly [string, Prefix])[] = [
  ["00", { family: 4, ip: "0.0.0.0", length: 0 }],
  ["0180", { family: 4, ip: "128.0.0.0", length: 1 }],
  ["080a", { family: 4, ip: "10.0.0.0", length: 8 }],
  ["090a80", { family: 4, ip: "10.128.0.0", length: 9 }],
  ["1fc0000200", { family: 4, ip: "192.0.2.0", length: 31 }],
  ["20c0000201", { family: 4, ip: "192.0.2.1", length: 32 }],
  ["00", { family: 6, ip: "::", length: 0 }],
  ["2020010db8", { family: 6, ip: "2001:db8::", length: 32 }],
  ["4120010db80000000080", { family: 6, ip: "2001:db8:0:0:8000::", length: 65 }],
  ["8020010db8000000000000000000000001", { family: 6, ip: "2001:db8::1", length: 128 }],
];

function count(hex: string, family: Family): number | null {
  const bytes = Uint8Array.fromHex(`ff${hex}ff`);
  return countPrefixes({ bytes, at: 1, end: bytes.length - 1 }, family);
}

Deno.test("a destination is its length in bits and as many octets as hold it", () => {
  for (const [octets, prefix] of PREFIXES) {
    assert.equal(Uint8Array.from(encodePrefix(prefix)).toHex(), octets);
    assert.equal(count(octets, prefix.family), 1);
  }
});

Deno.test("bits after the prefix are cleared", () => {
  assert.deepEqual(encodePrefix({ family: 4, ip: "10.255.255.255", length: 9 }), [9, 10, 0x80]);
  assert.deepEqual(encodePrefix({ family: 4, ip: "10.255.255.255", length: 8 }), [8, 10]);
});

Deno.test("a prefix that is none is refused", () => {
  for (const [ip, length] of [["10.0.0.1", 33], ["10.0.0.1", -1], ["::1", 32], ["x", 32]] as const) {
    assert.throws(() => encodePrefix({ family: 4, ip, length }), { name: "AssertionError" });
  }
});

Deno.test("destinations are counted to the last octet, RFC 7606 §5.3", () => {
  for (const family of [4, 6] as const) {
    const octets = PREFIXES.filter(([, prefix]) => prefix.family === family).map(([hex]) => hex);
    assert.equal(count(octets.join(""), family), octets.length);
    assert.equal(count("", family), 0);
    const last = octets.at(-1) ?? "";
    for (let size = 1; size < last.length / 2; size++) assert.equal(count(last.slice(0, 2 * size), family), null);
  }
  assert.equal(count("21" + "00".repeat(5), 4), null);
  assert.equal(count("ff" + "00".repeat(32), 4), null);
  assert.equal(count("81" + "00".repeat(17), 6), null);
});
