import assert from "node:assert/strict";
import { WireError } from "../../mod/net/errors.ts";
import { type Ip, parseIp6 } from "../../mod/net/ip.ts";
import { decodeIpv6, encodeIpv6 } from "../../mod/net/ipv6.ts";
import { fuzz } from "./wire_fuzz.ts";

function ip6(text: string): Ip {
  const ip = parseIp6(text);
  assert(ip !== null);
  return ip;
}

const HEADER = { source: ip6("fe80::1"), destination: ip6("ff02::1"), nextHeader: 58, hopLimit: 255 };
const GOLDEN = "60000000" + "0003" + "3a" + "ff" + "fe80000000000000" + "0000000000000001" + "ff02000000000000" +
  "0000000000000001" + "c0ffee"; // RFC 8200 §3

Deno.test("a packet is written and read as RFC 8200 section 3 lays it out", () => {
  assert.equal(encodeIpv6(HEADER, Uint8Array.fromHex("c0ffee")).toHex(), GOLDEN);
  assert.deepEqual(decodeIpv6(Uint8Array.fromHex(GOLDEN)), { ...HEADER, payload: Uint8Array.fromHex("c0ffee") });
});

Deno.test("padding after the payload is cut off, traffic class and flow label are passed over", () => {
  const packet = Uint8Array.fromHex(GOLDEN + "0000");
  packet.set([0x6f, 0xff, 0xff, 0xff]);
  assert.deepEqual(decodeIpv6(packet), { ...HEADER, payload: Uint8Array.fromHex("c0ffee") });
});

Deno.test("packets cut short, of another version or from a group are refused", () => {
  const good = Uint8Array.fromHex(GOLDEN);
  for (let size = 0; size < good.length; size++) assert.throws(() => decodeIpv6(good.subarray(0, size)), WireError);
  for (const [at, value, where] of [[0, 0x45, "version"], [4, 0xff, "length"], [8, 0xff, "source"]] as const) {
    const bad = good.slice();
    bad[at] = value;
    assert.throws(() => decodeIpv6(bad), { name: "WireError", where });
  }
});

Deno.test("IPv4 ends and oversized payloads cannot be written", () => {
  const ip4: Ip = { family: 4, bytes: new Uint8Array(4), text: "0.0.0.0" };
  assert.throws(() => encodeIpv6({ ...HEADER, source: ip4 }, new Uint8Array()), { name: "AssertionError" });
  assert.throws(() => encodeIpv6(HEADER, new Uint8Array(65_536)), { name: "AssertionError" });
});

Deno.test("any bytes are read as an IPv6 packet or refused", () => {
  const encode = (packet: ReturnType<typeof decodeIpv6>): Uint8Array => encodeIpv6(packet, packet.payload);
  fuzz({ decode: decodeIpv6, encode, samples: [Uint8Array.fromHex(GOLDEN)] });
});
