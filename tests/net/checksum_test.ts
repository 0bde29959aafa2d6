import assert from "node:assert/strict";
import { checksum6, internetChecksum } from "../../mod/net/checksum.ts";
import { type Ip, parseIp6 } from "../../mod/net/ip.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

function ip6(text: string): Ip {
  const ip = parseIp6(text);
  assert(ip !== null);
  return ip;
}

Deno.test("checksums agree with published examples and edges", () => {
  const table: readonly (readonly [string, number])[] = [
    ["0001f203f4f5f6f7", 0x220d], // RFC 1071 §3: the sum is ddf2
    ["45000073000040004011" + "0000" + "c0a80001c0a800c7", 0xb861], // an IPv4 header, field zeroed
    ["45000073000040004011" + "b861" + "c0a80001c0a800c7", 0], // the same with its checksum
    ["", 0xffff],
    ["ffff", 0],
    ["ab", 0x54ff], // an odd byte is the high half
    ["ab00", 0x54ff],
    ["ffff0001", 0xfffe], // the carry comes around
    ["ffffffff0001", 0xfffe], // and makes another carry
  ];
  for (const [bytes, sum] of table) assert.equal(internetChecksum(Uint8Array.fromHex(bytes)), sum, bytes);
});

Deno.test("the IPv6 checksum covers both addresses, the length and the next header", () => {
  const header = { source: ip6("fe80::1"), destination: ip6("fe80::2"), nextHeader: 58 };
  const message = Uint8Array.fromHex("80000000123400016162636465");
  assert.equal(checksum6(message, header), 0x46b7);
  assert.equal(checksum6(Uint8Array.fromHex("800046b7123400016162636465"), header), 0);
  assert.notEqual(checksum6(message, { ...header, source: ip6("fe80::3") }), 0x46b7);
  assert.notEqual(checksum6(message, { ...header, destination: ip6("fe80::3") }), 0x46b7);
  assert.notEqual(checksum6(message, { ...header, nextHeader: 17 }), 0x46b7);
  assert.notEqual(checksum6(Uint8Array.of(...message, 0), header), 0x46b7);
});

Deno.test("a message with its checksum put in checks to zero, and with any bit flipped it does not", () => {
  const seed = seedFromEnv(3);
  const random = seededRandom(seed);
  for (let round = 0; round < 2_000; round++) {
    const message = Uint8Array.from({ length: 4 + Math.floor(random() * 60) }, () => Math.floor(random() * 256));
    message.set([0, 0], 2);
    new DataView(message.buffer).setUint16(2, internetChecksum(message));
    assert.equal(internetChecksum(message), 0, `seed ${seed} round ${round}`);
    const at = Math.floor(random() * message.length);
    message[at] = (message[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    assert.notEqual(internetChecksum(message), 0, `seed ${seed} round ${round}`);
  }
});

Deno.test("the largest packet does not overflow the sum", () => {
  assert.equal(internetChecksum(new Uint8Array(65_535).fill(0xff)), 0x00ff);
});
