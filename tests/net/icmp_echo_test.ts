import assert from "node:assert/strict";
import { checksum6, internetChecksum } from "../../mod/net/checksum.ts";
import { decodeEcho4, decodeEcho6, type Echo, encodeEcho4, encodeEcho6 } from "../../mod/net/icmp_echo.ts";
import { type Ip, parseIp6 } from "../../mod/net/ip.ts";
import { fuzz } from "./wire_fuzz.ts";

function ip6(text: string): Ip {
  const ip = parseIp6(text);
  assert(ip !== null);
  return ip;
}

const ENDS = { source: ip6("fe80::1"), destination: ip6("fe80::2") };
const PING: Echo = {
  kind: "request",
  identifier: 0x1234,
  sequence: 1,
  data: new TextEncoder().encode("abcde"),
};

/** RFC 792 page 14; checksums computed apart from this code. */
const MESSAGES4: readonly (readonly [string, Echo])[] = [
  ["0800bc03123400016162636465", PING],
  ["00000000ffffffff", { kind: "reply", identifier: 0xffff, sequence: 0xffff, data: new Uint8Array() }],
];

/** RFC 4443 §4.1 and §4.2; checksums computed apart from this code. */
const MESSAGES6: readonly (readonly [string, Echo])[] = [
  ["800046b7123400016162636465", PING],
  ["810081b800000000", { kind: "reply", identifier: 0, sequence: 0, data: new Uint8Array() }],
];

function broken(bytes: string, at: number, value: number): Uint8Array {
  const message = Uint8Array.fromHex(bytes);
  message[at] = value;
  message.set([0, 0], 2);
  return message;
}

Deno.test("ICMP echo messages are written to and read from their bytes", () => {
  for (const [bytes, echo] of MESSAGES4) {
    assert.equal(encodeEcho4(echo).toHex(), bytes);
    assert.deepEqual(decodeEcho4(Uint8Array.fromHex(bytes)), echo);
  }
});

Deno.test("ICMPv6 echo messages are written to and read from their bytes", () => {
  for (const [bytes, echo] of MESSAGES6) {
    assert.equal(encodeEcho6(echo, ENDS).toHex(), bytes);
    assert.deepEqual(decodeEcho6(Uint8Array.fromHex(bytes), ENDS), echo);
  }
});

Deno.test("what is decoded outlives the receive buffer", () => {
  const buffer = encodeEcho4(PING);
  const decoded = decodeEcho4(buffer);
  buffer.fill(0);
  assert.deepEqual(decoded, PING);
});

Deno.test("without the ends the ICMPv6 checksum is left to the kernel", () => {
  const message = encodeEcho6(PING);
  assert.equal(message.toHex(), "80000000123400016162636465");
  assert.deepEqual(decodeEcho6(message), PING);
});

Deno.test("wrong checksums, types, codes and lengths are refused", () => {
  for (const [at, value, where] of [[0, 3, "type"], [0, 13, "type"], [1, 1, "code"]] as const) {
    const four = broken(MESSAGES4[0]?.[0] ?? "", at, value);
    new DataView(four.buffer).setUint16(2, internetChecksum(four));
    assert.throws(() => decodeEcho4(four), { name: "WireError", where });
    assert.throws(() => decodeEcho6(broken(MESSAGES6[0]?.[0] ?? "", at, value)), { name: "WireError", where });
  }
  const four = Uint8Array.fromHex("0800bc04123400016162636465");
  assert.throws(() => decodeEcho4(four), { name: "WireError", where: "checksum remainder" });
  const six = Uint8Array.fromHex(MESSAGES6[0]?.[0] ?? "");
  const elsewhere = { ...ENDS, destination: ip6("fe80::3") };
  assert.throws(() => decodeEcho6(six, elsewhere), { name: "WireError", where: "checksum remainder" });
  for (let size = 0; size < 8; size++) {
    assert.throws(() => decodeEcho4(new Uint8Array(size)), { name: "WireError", where: "length" });
    assert.throws(() => decodeEcho6(new Uint8Array(size)), { name: "WireError", where: "length" });
  }
});

Deno.test("any bytes are read as an echo or refused", () => {
  fuzz({
    decode: decodeEcho4,
    encode: encodeEcho4,
    samples: MESSAGES4.map(([bytes]) => Uint8Array.fromHex(bytes)),
    repair: (bytes) => repair(bytes, internetChecksum),
  });
  fuzz({
    decode: (bytes) => decodeEcho6(bytes, ENDS),
    encode: (echo) => encodeEcho6(echo, ENDS),
    samples: MESSAGES6.map(([bytes]) => Uint8Array.fromHex(bytes)),
    repair: (bytes) => repair(bytes, (message) => checksum6(message, { ...ENDS, nextHeader: 58 })),
  });
});

function repair(bytes: Uint8Array, checksum: (bytes: Uint8Array) => number): void {
  if (bytes.length < 4) return;
  bytes.set([0, 0], 2);
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(2, checksum(bytes));
}
