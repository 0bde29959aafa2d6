import assert from "node:assert/strict";
import {
  BFD_PACKET_BYTES,
  BfdDiagnostic,
  type BfdPacket,
  decodeBfd,
  describeDiagnostic,
  encodeBfd,
} from "../../mod/net/bfd.ts";
import { fuzz } from "./wire_fuzz.ts";

const DOWN: BfdPacket = {
  diagnostic: 0,
  state: "down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 0x01020304,
  yourDiscriminator: 0,
  desiredMinTxUs: 1_000_000,
  requiredMinRxUs: 1_000_000,
  requiredMinEchoRxUs: 0,
};
const UP: BfdPacket = {
  ...DOWN,
  state: "up",
  yourDiscriminator: 0xa0b0c0d0,
  desiredMinTxUs: 50_000,
  requiredMinRxUs: 50_000,
};

/** RFC 5880 §4.1. */
const PACKETS: readonly (readonly [string, BfdPacket])[] = [
  ["20400318" + "01020304" + "00000000" + "000f4240" + "000f4240" + "00000000", DOWN],
  ["20c00318" + "01020304" + "a0b0c0d0" + "0000c350" + "0000c350" + "00000000", UP],
  [
    "21800318" + "01020304" + "a0b0c0d0" + "0000c350" + "0000c350" + "00000000",
    { ...UP, state: "init", diagnostic: 1 },
  ],
  [
    "27000318" + "01020304" + "00000000" + "000f4240" + "000f4240" + "00000000",
    { ...DOWN, state: "admin-down", diagnostic: 7 },
  ],
  ["20e00318" + "01020304" + "a0b0c0d0" + "0000c350" + "0000c350" + "00000000", { ...UP, poll: true }],
  ["20d00318" + "01020304" + "a0b0c0d0" + "0000c350" + "0000c350" + "00000000", { ...UP, final: true }],
  ["20c80318" + "01020304" + "a0b0c0d0" + "0000c350" + "0000c350" + "00000000", {
    ...UP,
    controlPlaneIndependent: true,
  }],
  ["20c20318" + "01020304" + "a0b0c0d0" + "0000c350" + "0000c350" + "00000000", { ...UP, demand: true }],
  [
    "3fc0ff18" + "ffffffff" + "ffffffff" + "ffffffff" + "ffffffff" + "ffffffff",
    {
      ...UP,
      diagnostic: 31,
      detectMultiplier: 255,
      myDiscriminator: 0xffffffff,
      yourDiscriminator: 0xffffffff,
      desiredMinTxUs: 0xffffffff,
      requiredMinRxUs: 0xffffffff,
      requiredMinEchoRxUs: 0xffffffff,
    },
  ],
];

Deno.test("BFD packets are written to and read from their octets, RFC 5880 §4.1", () => {
  for (const [octets, packet] of PACKETS) {
    assert.equal(encodeBfd(packet).toHex(), octets);
    assert.deepEqual(decodeBfd(Uint8Array.fromHex(octets)), packet);
  }
});

/** A good packet with some octets changed. */
function changed(packet: BfdPacket, changes: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = encodeBfd(packet);
  for (const [at, value] of changes) bytes[at] = value;
  return bytes;
}

const UP_FLAGS = 0xc0;

/** In the order of RFC 5880 §6.8.6. */
const REFUSED: readonly (readonly [string, Uint8Array, string])[] = [
  ["version 0", changed(UP, [[0, 0x00]]), "version"],
  ["version 2", changed(UP, [[0, 0x40]]), "version"],
  ["length below 24", changed(UP, [[3, 23]]), "length field"],
  ["length 0", changed(UP, [[3, 0]]), "length field"],
  ["length below 26 with authentication", changed(UP, [[1, UP_FLAGS | 4], [3, 25]]), "length field"],
  ["length beyond the payload", changed(UP, [[3, 25]]), "length field"],
  ["multiplier 0", changed(UP, [[2, 0]]), "multiplier"],
  ["multipoint", changed(UP, [[1, UP_FLAGS | 1]]), "multipoint bit"],
  ["my discriminator 0", changed(UP, [[4, 0], [5, 0], [6, 0], [7, 0]]), "my discriminator"],
  ["your discriminator 0 in Up", changed({ ...UP, yourDiscriminator: 0 }, []), "your discriminator"],
  ["your discriminator 0 in Init", changed({ ...UP, yourDiscriminator: 0, state: "init" }, []), "your discriminator"],
];

Deno.test("packets that RFC 5880 §6.8.6 discards are refused", () => {
  for (const [name, bytes, where] of REFUSED) {
    assert.throws(() => decodeBfd(bytes), { name: "WireError", where }, name);
  }
  for (let size = 0; size < BFD_PACKET_BYTES; size++) {
    assert.throws(() => decodeBfd(encodeBfd(UP).subarray(0, size)), { name: "WireError", where: "length" });
  }
});

Deno.test("authentication is refused in words", () => {
  const plain = changed(UP, [[1, UP_FLAGS | 4], [3, 26]]);
  const bytes = Uint8Array.from([...plain, 1, 2]);
  assert.throws(() => decodeBfd(bytes), { name: "WireError", where: "authentication" });
});

Deno.test("octets behind the packet are not looked at, RFC 5880 §6.8.6", () => {
  assert.deepEqual(decodeBfd(Uint8Array.from([...encodeBfd(UP), 1, 2, 3])), UP);
});

Deno.test("a packet that must not be is not written", () => {
  for (
    const fault of [{ myDiscriminator: 0 }, { detectMultiplier: 0 }, { detectMultiplier: 256 }, { diagnostic: 32 }]
  ) {
    assert.throws(() => encodeBfd({ ...UP, ...fault }), { name: "AssertionError" });
  }
});

Deno.test("diagnostics have words, those that are not assigned a number", () => {
  const words = Object.values(BfdDiagnostic).map(describeDiagnostic);
  assert.equal(new Set(words).size, 9);
  assert.equal(describeDiagnostic(BfdDiagnostic.detectionTimeExpired), "control detection time expired");
  assert.equal(describeDiagnostic(BfdDiagnostic.administrativelyDown), "administratively down");
  assert.equal(describeDiagnostic(31), "diagnostic 31");
});

Deno.test("any bytes are read as a BFD packet or refused", () => {
  fuzz({ decode: decodeBfd, encode: encodeBfd, samples: PACKETS.map(([octets]) => Uint8Array.fromHex(octets)) });
});
