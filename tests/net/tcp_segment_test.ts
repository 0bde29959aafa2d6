import assert from "node:assert/strict";
import { checksum6 } from "../../mod/net/checksum.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { bareAcknowledgement, type TcpEnd } from "../../mod/net/tcp_segment.ts";

function end(text: string, port: number): TcpEnd {
  const ip = parseIp(text);
  assert.ok(ip !== null);
  return { ip, port };
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("an acknowledgement over IPv4 is written as RFC 791 and RFC 9293 say", () => {
  const packet = bareAcknowledgement(end("10.98.0.200", 7000), end("10.98.0.100", 51578), 0x12345678);
  assert.equal(hex(packet.subarray(0, 20)), "45000028000040004006" + "0000" + "0a6200c8" + "0a620064");
  assert.equal(hex(packet.subarray(20, 36)), "1b58c97a" + "12345678" + "00000000" + "50100000");
  assert.equal(packet.length, 40);
});

Deno.test("an acknowledgement over IPv6 has its header, and both have a right checksum", () => {
  const ends = [
    [end("fd98::200", 7000), end("fd98::100", 1), 60],
    [end("10.98.0.200", 7000), end("10.98.0.100", 65535), 40],
  ] as const;
  for (const [from, to, length] of ends) {
    const packet = bareAcknowledgement(from, to, 0xffff_ffff);
    assert.equal(packet.length, length);
    const segment = packet.subarray(length - 20);
    assert.equal(checksum6(segment, { source: from.ip, destination: to.ip, nextHeader: 6 }), 0);
    if (length === 60) assert.equal(hex(packet.subarray(0, 8)), "6000000000140640");
  }
});

Deno.test("ends of two families are a mistake of the program", () => {
  assert.throws(() => bareAcknowledgement(end("fd98::200", 1), end("10.98.0.100", 1), 0), /one family/);
});
