import assert from "node:assert/strict";
import {
  type ArpFrame,
  decodeArp,
  decodeArpFrame,
  encodeArp,
  encodeArpFrame,
  gratuitousReply,
  gratuitousRequest,
  probe,
} from "../../mod/net/arp.ts";
import { WireError } from "../../mod/net/errors.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { fuzz } from "./wire_fuzz.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null);
  return parsed;
}

const MAC = Uint8Array.fromHex("aabbccddeeff");
const PEER = Uint8Array.fromHex("020000000002");
const ZERO = new Uint8Array(6);
const ALL = new Uint8Array(6).fill(0xff);
const VIP = ip("10.0.0.1");
const BROADCAST_HEADER = "ffffffffffff" + "aabbccddeeff" + "0806";

/** Name, bytes, meaning. */
const FRAMES: readonly (readonly [string, string, ArpFrame])[] = [
  [
    "request, RFC 826",
    BROADCAST_HEADER + "0001080006040001" + "aabbccddeeff" + "0a000002" + "000000000000" + "0a000001",
    {
      destination: ALL,
      source: MAC,
      arp: { operation: "request", senderMac: MAC, senderIp: ip("10.0.0.2"), targetMac: ZERO, targetIp: VIP },
    },
  ],
  [
    "reply, RFC 826",
    "020000000002" + "aabbccddeeff" + "0806" + "0001080006040002" + "aabbccddeeff" + "0a000001" + "020000000002" +
    "0a000002",
    {
      destination: PEER,
      source: MAC,
      arp: { operation: "reply", senderMac: MAC, senderIp: VIP, targetMac: PEER, targetIp: ip("10.0.0.2") },
    },
  ],
  [
    "announcement, RFC 5227 §2.3",
    BROADCAST_HEADER + "0001080006040001" + "aabbccddeeff" + "0a000001" + "000000000000" + "0a000001",
    {
      destination: ALL,
      source: MAC,
      arp: { operation: "request", senderMac: MAC, senderIp: VIP, targetMac: ZERO, targetIp: VIP },
    },
  ],
  [
    "gratuitous reply of the original project",
    BROADCAST_HEADER + "0001080006040002" + "aabbccddeeff" + "0a000001" + "aabbccddeeff" + "0a000001",
    {
      destination: ALL,
      source: MAC,
      arp: { operation: "reply", senderMac: MAC, senderIp: VIP, targetMac: MAC, targetIp: VIP },
    },
  ],
  [
    "probe, RFC 5227 §2.1.1",
    BROADCAST_HEADER + "0001080006040001" + "aabbccddeeff" + "00000000" + "000000000000" + "0a000001",
    {
      destination: ALL,
      source: MAC,
      arp: { operation: "request", senderMac: MAC, senderIp: ip("0.0.0.0"), targetMac: ZERO, targetIp: VIP },
    },
  ],
];

Deno.test("frames are written to and read from their bytes", () => {
  for (const [name, bytes, frame] of FRAMES) {
    assert.equal(encodeArpFrame(frame).toHex(), bytes, name);
    assert.deepEqual(decodeArpFrame(Uint8Array.fromHex(bytes)), frame, name);
    const padded = Uint8Array.fromHex(bytes + "00".repeat(18));
    assert.equal(padded.length, 60);
    assert.deepEqual(decodeArpFrame(padded), frame, `${name}, padded to the smallest Ethernet frame`);
  }
});

Deno.test("announcements and probes are the frames of the table", () => {
  const [, , announcement, reply, asking] = FRAMES;
  assert.equal(gratuitousRequest(MAC, VIP).toHex(), announcement?.[1]);
  assert.equal(gratuitousReply(MAC, VIP).toHex(), reply?.[1]);
  assert.equal(probe(MAC, VIP).toHex(), asking?.[1]);
});

Deno.test("what is decoded outlives the receive buffer", () => {
  const [, bytes, frame] = FRAMES[1] ?? assert.fail();
  const buffer = Uint8Array.fromHex(bytes);
  const decoded = decodeArpFrame(buffer);
  buffer.fill(0);
  assert.deepEqual(decoded, frame);
});

Deno.test("packets of another kind are refused, and the error names the field", () => {
  const table: readonly (readonly [number, string, string])[] = [
    [0, "0006", "hardware type"], // IEEE 802
    [2, "86dd", "protocol type"],
    [4, "14", "hardware address length"], // InfiniBand
    [5, "10", "protocol address length"],
    [6, "0000", "operation"],
    [6, "0003", "operation"], // RARP
    [6, "0008", "operation"], // InARP
    [6, "0102", "operation"],
  ];
  for (const [at, bytes, where] of table) {
    const packet = Uint8Array.fromHex((FRAMES[0]?.[1] ?? "").slice(28));
    packet.set(Uint8Array.fromHex(bytes), at);
    assert.throws(() => decodeArp(packet), (error) => error instanceof WireError && error.where === where, where);
  }
});

Deno.test("short packets and other EtherTypes are refused", () => {
  const frame = Uint8Array.fromHex(FRAMES[0]?.[1] ?? "");
  assert.equal(frame.length, 42);
  for (let size = 0; size < 42; size++) assert.throws(() => decodeArpFrame(frame.subarray(0, size)), WireError);
  frame.set([0x08, 0x00], 12);
  assert.throws(() => decodeArpFrame(frame), { where: "EtherType" });
});

Deno.test("IPv6 addresses and odd hardware addresses cannot be written", () => {
  assert.throws(() => gratuitousRequest(MAC, ip("::1")), { name: "AssertionError" });
  assert.throws(() => gratuitousReply(new Uint8Array(), VIP), { name: "AssertionError" });
});

Deno.test("any bytes are read as ARP or refused", () => {
  const samples = FRAMES.map(([, bytes]) => Uint8Array.fromHex(bytes));
  fuzz({ decode: decodeArpFrame, encode: encodeArpFrame, samples });
  fuzz({ decode: decodeArp, encode: encodeArp, samples: samples.map((frame) => frame.subarray(14)) });
});
