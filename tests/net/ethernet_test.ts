import assert from "node:assert/strict";
import { WireError } from "../../mod/net/errors.ts";
import { BROADCAST, decodeFrame, encodeFrame, EtherType, multicastMac } from "../../mod/net/ethernet.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { fuzz } from "./wire_fuzz.ts";

const A = Uint8Array.fromHex("020000000001");
const GOLDEN = "ffffffffffff" + "020000000001" + "0806" + "c0ffee"; // RFC 894

Deno.test("a frame is written and read as RFC 894 lays it out", () => {
  const frame = encodeFrame(
    { destination: BROADCAST, source: A, etherType: EtherType.arp },
    Uint8Array.of(0xc0, 0xff, 0xee),
  );
  assert.equal(frame.toHex(), GOLDEN);
  const read = decodeFrame(frame);
  assert.deepEqual([read.destination, read.source, read.etherType], [BROADCAST, A, 0x0806]);
  assert.equal(read.payload.toHex(), "c0ffee");
});

Deno.test("the addresses of a decoded frame outlive the receive buffer", () => {
  const buffer = Uint8Array.fromHex(GOLDEN);
  const { source } = decodeFrame(buffer);
  buffer.fill(0);
  assert.deepEqual(source, A);
});

Deno.test("frames that are too short or carry a length instead of a type are refused", () => {
  for (let size = 0; size < 14; size++) assert.throws(() => decodeFrame(new Uint8Array(size)), WireError);
  for (const [type, good] of [[0x05ff, false], [0x0600, true], [0, false], [0xffff, true]] as const) {
    const frame = Uint8Array.fromHex(GOLDEN);
    new DataView(frame.buffer).setUint16(12, type);
    if (good) assert.equal(decodeFrame(frame).etherType, type);
    else assert.throws(() => decodeFrame(frame), WireError);
  }
});

Deno.test("an IPv6 group has the hardware address of RFC 2464 section 7", () => {
  const table = { "ff02::1": "333300000001", "ff02::1:ff01:203": "3333ff010203", "ff05::dead:beef": "3333deadbeef" };
  for (const [group, mac] of Object.entries(table)) {
    const ip = parseIp(group);
    assert(ip !== null);
    assert.equal(multicastMac(ip).toHex(), mac);
  }
  for (const other of ["fe80::1", "224.0.0.1"]) {
    const ip = parseIp(other);
    assert(ip !== null);
    assert.throws(() => multicastMac(ip), { name: "AssertionError" });
  }
});

Deno.test("hardware addresses of another size cannot be written", () => {
  const header = { destination: BROADCAST, source: new Uint8Array(5), etherType: EtherType.ipv4 };
  assert.throws(() => encodeFrame(header, new Uint8Array()), { name: "AssertionError" });
});

Deno.test("any bytes are read as a frame or refused", () => {
  const encode = (frame: ReturnType<typeof decodeFrame>): Uint8Array => encodeFrame(frame, frame.payload);
  fuzz({ decode: decodeFrame, encode, samples: [Uint8Array.fromHex(GOLDEN)] });
});
