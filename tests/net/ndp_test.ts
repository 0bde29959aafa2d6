import assert from "node:assert/strict";
import { checksum6 } from "../../mod/net/checksum.ts";
import { WireError } from "../../mod/net/errors.ts";
import { type Ip, ipFromBytes, parseIp } from "../../mod/net/ip.ts";
import {
  decodeNeighbour,
  duplicateProbe,
  encodeNeighbour,
  type NeighbourFrame,
  routersAdvert,
  solicitedNode,
  unsolicitedAdvert,
} from "../../mod/net/ndp.ts";
import { fuzz } from "./wire_fuzz.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null);
  return parsed;
}

const MAC = Uint8Array.fromHex("aabbccddeeff");
const LINK_LOCAL = ip("fe80::1");
const VIP = ip("2001:db8::10");
const VIP_BYTES = "20010db8000000000000000000000010";
const LINK_LOCAL_BYTES = "fe800000000000000000000000000001";
const PEER_BYTES = "fe800000000000000000000000000002";
const GROUP_BYTES = "ff0200000000000000000001ff000010";

/** Name, bytes (checksums computed apart from this code), meaning. */
const FRAMES: readonly (readonly [string, string, NeighbourFrame])[] = [
  [
    "unsolicited advertisement, RFC 4861 §7.2.6",
    "333300000001" + "aabbccddeeff" + "86dd" + "60000000" + "00203aff" + LINK_LOCAL_BYTES +
    "ff020000000000000000000000000001" + "8800c3bb" + "20000000" + VIP_BYTES + "0201aabbccddeeff",
    {
      destinationMac: Uint8Array.fromHex("333300000001"),
      sourceMac: MAC,
      source: LINK_LOCAL,
      destination: ip("ff02::1"),
      message: {
        type: "advertisement",
        target: VIP,
        router: false,
        solicited: false,
        override: true,
        targetMac: MAC,
      },
    },
  ],
  [
    "advertisement to the routers, RFC 9131",
    "333300000002" + "aabbccddeeff" + "86dd" + "60000000" + "00203aff" + VIP_BYTES +
    "ff020000000000000000000000000002" + "8800b473" + "00000000" + VIP_BYTES + "0201aabbccddeeff",
    {
      destinationMac: Uint8Array.fromHex("333300000002"),
      sourceMac: MAC,
      source: VIP,
      destination: ip("ff02::2"),
      message: {
        type: "advertisement",
        target: VIP,
        router: false,
        solicited: false,
        override: false,
        targetMac: MAC,
      },
    },
  ],
  [
    "duplicate address probe, RFC 4862 §5.4.2",
    "3333ff000010" + "aabbccddeeff" + "86dd" + "60000000" + "00183aff" + "00".repeat(16) + GROUP_BYTES + "87004ccf" +
    "00000000" + VIP_BYTES,
    {
      destinationMac: Uint8Array.fromHex("3333ff000010"),
      sourceMac: MAC,
      source: ip("::"),
      destination: ip("ff02::1:ff00:10"),
      message: { type: "solicitation", target: VIP, sourceMac: null },
    },
  ],
  [
    "solicitation, RFC 4861 §7.2.2",
    "3333ff000010" + "aabbccddeeff" + "86dd" + "60000000" + "00203aff" + LINK_LOCAL_BYTES + GROUP_BYTES + "8700e6aa" +
    "00000000" + VIP_BYTES + "0101aabbccddeeff",
    {
      destinationMac: Uint8Array.fromHex("3333ff000010"),
      sourceMac: MAC,
      source: LINK_LOCAL,
      destination: ip("ff02::1:ff00:10"),
      message: { type: "solicitation", target: VIP, sourceMac: MAC },
    },
  ],
  [
    "solicited advertisement of a router without options, RFC 4861 §7.2.4",
    "020000000002" + "aabbccddeeff" + "86dd" + "60000000" + "00183aff" + VIP_BYTES + PEER_BYTES + "88003d97" +
    "e0000000" + VIP_BYTES,
    {
      destinationMac: Uint8Array.fromHex("020000000002"),
      sourceMac: MAC,
      source: VIP,
      destination: ip("fe80::2"),
      message: {
        type: "advertisement",
        target: VIP,
        router: true,
        solicited: true,
        override: true,
        targetMac: null,
      },
    },
  ],
];

const [ADVERT, , PROBE, SOLICIT, SOLICITED] = FRAMES.map(([, bytes]) => bytes);

/** Puts the right checksum into a frame whose IPv6 payload ends with it; leaves shorter ones alone. */
function repair(frame: Uint8Array): void {
  if (frame.length < 58) return;
  const icmp = frame.subarray(54, 54 + new DataView(frame.buffer, frame.byteOffset).getUint16(18));
  if (icmp.length < 4) return;
  icmp.set([0, 0], 2);
  const header = {
    source: ipFromBytes(frame.subarray(22, 38)),
    destination: ipFromBytes(frame.subarray(38, 54)),
    nextHeader: 58,
  };
  new DataView(icmp.buffer, icmp.byteOffset).setUint16(2, checksum6(icmp, header));
}

/** A frame changed at some places, options put at its end, lengths and checksum right again. */
function changed(base: string | undefined, edits: Readonly<Record<number, string>>, options = ""): Uint8Array {
  const frame = Uint8Array.fromHex((base ?? "") + options);
  new DataView(frame.buffer).setUint16(18, frame.length - 54);
  for (const [at, bytes] of Object.entries(edits)) frame.set(Uint8Array.fromHex(bytes), Number(at));
  repair(frame);
  return frame;
}

Deno.test("frames are written to and read from their bytes", () => {
  for (const [name, bytes, frame] of FRAMES) {
    assert.equal(encodeNeighbour(frame).toHex(), bytes, name);
    assert.deepEqual(decodeNeighbour(Uint8Array.fromHex(bytes)), frame, name);
    assert.deepEqual(decodeNeighbour(Uint8Array.fromHex(bytes + "0000")), frame, `${name}, padded`);
  }
});

Deno.test("announcements and probes are the frames of the table", () => {
  assert.equal(unsolicitedAdvert(MAC, { source: LINK_LOCAL, target: VIP }).toHex(), FRAMES[0]?.[1]);
  assert.equal(routersAdvert(MAC, { source: VIP, target: VIP }).toHex(), FRAMES[1]?.[1]);
  assert.equal(duplicateProbe(MAC, VIP).toHex(), FRAMES[2]?.[1]);
});

Deno.test("what is decoded outlives the receive buffer", () => {
  const [, bytes, frame] = FRAMES[0] ?? assert.fail();
  const buffer = Uint8Array.fromHex(bytes);
  const decoded = decodeNeighbour(buffer);
  buffer.fill(0);
  assert.deepEqual(decoded, frame);
});

Deno.test("an address has the solicited-node group of RFC 4291 section 2.7.1", () => {
  assert.equal(solicitedNode(ip("4037::01:800:200e:8c6c")).text, "ff02::1:ff0e:8c6c");
  assert.equal(solicitedNode(ip("::")).text, "ff02::1:ff00:0");
});

Deno.test("what RFC 4861 section 7.1 forbids is refused, and the error names the field", () => {
  const table: readonly (readonly [string, Uint8Array, string | number])[] = [
    ["IPv4", changed(ADVERT, { 12: "0800" }), "EtherType"],
    ["UDP", changed(ADVERT, { 20: "11" }), "next header"],
    ["hop-by-hop options", changed(ADVERT, { 20: "00" }), "next header"],
    ["from behind a router", changed(ADVERT, { 21: "fe" }), "hop limit"],
    ["code", changed(ADVERT, { 55: "01" }), "code"],
    ["router advertisement", changed(ADVERT, { 54: "86" }), "type"],
    ["redirect", changed(ADVERT, { 54: "89" }), "type"],
    ["target is a group", changed(ADVERT, { 62: "ff02" }), "target"],
    ["solicited to a group", changed(ADVERT, { 58: "60" }), "solicited flag"],
    ["payload shorter than a message", changed(ADVERT, { 18: "0017" }), "length"],
    ["payload longer than the frame", changed(ADVERT, { 18: "0021" }), "length"],
    ["option of no length", changed(SOLICITED, {}, "0200aabbccddeeff"), 25],
    ["unknown option of no length", changed(SOLICITED, {}, "0e00aabbccddeeff"), 25],
    ["a second option of no length", changed(ADVERT, {}, "0e00aabbccddeeff"), 33],
    ["option cut after its type", changed(SOLICITED, {}, "02"), "length"],
    ["option cut short", changed(SOLICITED, {}, "0201aabbccddee"), "length"],
    ["option longer than the message", changed(SOLICITED, {}, "0202aabbccddeeff"), "length"],
    ["address of another hardware", changed(SOLICITED, {}, "0202" + "00".repeat(14)), 25],
    ["probe to another group", changed(PROBE, { 38: "ff020000000000000000000000000001" }), "destination"],
    ["probe to an address", changed(PROBE, { 38: VIP_BYTES }), "destination"],
    ["probe with a source option", changed(PROBE, {}, "0101aabbccddeeff"), "source address option"],
  ];
  for (const [name, frame, where] of table) {
    assert.throws(() => decodeNeighbour(frame), (error) => error instanceof WireError && error.where === where, name);
  }
});

Deno.test("a wrong checksum is refused wherever the bit is", () => {
  for (let at = 22; at < 86; at++) {
    const frame = Uint8Array.fromHex(ADVERT ?? "");
    frame[at] = (frame[at] ?? 0) ^ 0x10;
    assert.throws(() => decodeNeighbour(frame), WireError, `offset ${at}`);
  }
});

Deno.test("every frame cut short is refused", () => {
  for (const [name, bytes] of FRAMES) {
    const frame = Uint8Array.fromHex(bytes);
    for (let size = 0; size < frame.length; size++) {
      assert.throws(() => decodeNeighbour(frame.subarray(0, size)), WireError, `${name} cut to ${size}`);
    }
  }
});

Deno.test("options that are not understood are passed over, and the first of equals counts", () => {
  const nonce = "0e01010203040506"; // RFC 7527, as Linux puts it into its probes
  assert.deepEqual(decodeNeighbour(changed(PROBE, {}, nonce)), FRAMES[2]?.[2]);
  const twice = decodeNeighbour(changed(ADVERT, {}, nonce + "0201020000000009" + "0101020000000008")).message;
  assert.equal(twice.type === "advertisement" && twice.targetMac?.toHex(), "aabbccddeeff");
  const other = decodeNeighbour(changed(SOLICIT, {}, "0201020000000009")).message;
  assert.equal(other.type === "solicitation" && other.sourceMac?.toHex(), "aabbccddeeff");
});

Deno.test("each flag is written and read by itself", () => {
  for (const [flag, bit] of [["router", "80"], ["solicited", "40"], ["override", "20"]] as const) {
    const none = { router: false, solicited: false, override: false };
    const message = { type: "advertisement", target: VIP, targetMac: null, ...none, [flag]: true } as const;
    const frame = encodeNeighbour({
      destinationMac: MAC,
      sourceMac: MAC,
      source: VIP,
      destination: LINK_LOCAL,
      message,
    });
    assert.equal(frame.subarray(58, 62).toHex(), `${bit}000000`);
    assert.deepEqual(decodeNeighbour(frame).message, message);
  }
});

Deno.test("targets that cannot be neighbours cannot be written", () => {
  for (const text of ["10.0.0.1", "ff02::1"]) {
    const announcement = { source: LINK_LOCAL, target: ip(text) };
    assert.throws(() => unsolicitedAdvert(MAC, announcement), { name: "AssertionError" }, text);
  }
  assert.throws(() => duplicateProbe(new Uint8Array(20), VIP), { name: "AssertionError" });
});

Deno.test("any bytes are read as neighbour discovery or refused", () => {
  const samples: Uint8Array[] = FRAMES.map(([, bytes]) => Uint8Array.fromHex(bytes));
  samples.push(changed(PROBE, {}, "0e01010203040506"));
  fuzz({ decode: decodeNeighbour, encode: encodeNeighbour, samples, repair });
});
