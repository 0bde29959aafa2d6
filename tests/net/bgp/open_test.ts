import assert from "node:assert/strict";
import { decodeOpenBody, encodeOpenBody } from "../../../mod/net/bgp/open.ts";
import { BgpError } from "../../../mod/net/bgp/notification.ts";
import type { Capability, OpenMessage } from "../../../mod/net/bgp/types.ts";

const OPEN: OpenMessage = {
  is: "open",
  version: 4,
  as: 65001,
  holdTimeS: 90,
  identifier: "192.0.2.1",
  capabilities: [],
};
/** Version, AS, hold time, identifier. */
const FIXED = "04fde9005ac0000201";

function other(code: number, bytes: number): Capability {
  return { is: "other", code, value: new Uint8Array(bytes).fill(code) };
}

/** RFC 4271 §4.2, RFC 5492 §4. */
const OPENS: readonly (readonly [string, OpenMessage])[] = [
  [`${FIXED}00`, OPEN],
  ["045ba00000c000020100", { ...OPEN, as: 23456, holdTimeS: 0 }],
  [
    `${FIXED}0e020c0104000100014104000` + "11170",
    { ...OPEN, capabilities: [{ is: "multiprotocol", family: 4 }, { is: "four-octet-as", as: 70000 }] },
  ],
];

Deno.test("an OPEN is written to and read from its octets", () => {
  for (const [octets, open] of OPENS) {
    assert.equal(Uint8Array.from(encodeOpenBody(open)).toHex(), octets);
    assert.deepEqual(decodeOpenBody(Uint8Array.fromHex(octets)), open);
  }
});

Deno.test("capabilities may be spread over parameters of either length, RFC 5492 §4, RFC 9072 §2", () => {
  const capabilities = [{ is: "route-refresh" }, { is: "enhanced-route-refresh" }];
  const rows = [
    "08" + "02020200" + "02024600",
    "06" + "020402004600",
    "ff" + "ff0007" + "02000402004600",
    "ff" + "ff000a" + "0200020200" + "0200024600",
    // The length before it says nothing once the type is 255.
    "01" + "ff0007" + "02000402004600",
  ];
  for (const row of rows) assert.deepEqual(decodeOpenBody(Uint8Array.fromHex(FIXED + row)).capabilities, capabilities);
  assert.deepEqual(decodeOpenBody(Uint8Array.fromHex(`${FIXED}ffff0000`)).capabilities, []);
  assert.deepEqual(decodeOpenBody(Uint8Array.fromHex(`${FIXED}020200`)).capabilities, []);
});

Deno.test("parameters of more than 254 octets are written in the extended form, RFC 9072 §2", () => {
  const rows: readonly (readonly [number, number])[] = [[250, 0xfe], [251, 0xff], [255, 0xff]];
  for (const [bytes, first] of rows) {
    const open = { ...OPEN, capabilities: [other(200, bytes)] };
    const octets = Uint8Array.from(encodeOpenBody(open));
    assert.equal(octets[9], first, `${bytes} bytes`);
    assert.equal(octets[10], first === 0xff ? 0xff : 2, `${bytes} bytes`);
    assert.deepEqual(decodeOpenBody(octets), open);
  }
  const many = { ...OPEN, capabilities: [other(200, 255), other(201, 255), other(202, 255)] };
  assert.deepEqual(decodeOpenBody(Uint8Array.from(encodeOpenBody(many))), many);
});

const REFUSED: readonly (readonly [string, string, number, string])[] = [
  ["version 3, RFC 4271 §6.2", "03fde9005ac000020100", 1, "0004"],
  ["version 5, RFC 4271 §6.2", "05fde9005ac000020100", 1, "0004"],
  ["AS 0, RFC 7607 §2", "040000005ac000020100", 2, ""],
  ["AS 0 in the capability, RFC 7607 §2", `${FIXED}080206410400000000`, 2, ""],
  ["identifier 0, RFC 6286 §2.2", "04fde9005a0000000000", 3, ""],
  ["an unknown parameter, RFC 4271 §6.2", `${FIXED}02` + "0300", 4, ""],
  ["authentication, RFC 4271 §6.2", `${FIXED}03` + "010100", 4, ""],
  ["an unknown parameter of the extended form, RFC 9072 §2", `${FIXED}ffff0003` + "030000", 4, ""],
  ["hold time 1, RFC 4271 §6.2", "04fde90001c000020100", 6, ""],
  ["hold time 2, RFC 4271 §6.2", "04fde90002c000020100", 6, ""],
  ["fewer parameters than said, RFC 4271 §6.2", `${FIXED}05` + "02020200", 0, ""],
  ["more parameters than said, RFC 4271 §6.2", `${FIXED}03` + "02020200", 0, ""],
  ["none said, some there, RFC 4271 §6.2", `${FIXED}00` + "02020200", 0, ""],
  ["a parameter beyond the end, RFC 4271 §6.2", `${FIXED}04` + "02040200", 0, ""],
  ["one octet of a parameter, RFC 4271 §6.2", `${FIXED}05` + "0202020002", 0, ""],
  ["no extended length, RFC 9072 §2", `${FIXED}02` + "ff00", 0, ""],
  ["a wrong extended length, RFC 9072 §2", `${FIXED}ffff0006` + "0200020200", 0, ""],
  ["an extended parameter beyond the end, RFC 9072 §2", `${FIXED}ffff0005` + "0200030200", 0, ""],
  ["two octets of an extended parameter, RFC 9072 §2", `${FIXED}ffff0002` + "0200", 0, ""],
  ["a malformed capability, RFC 5492 §5", `${FIXED}05` + "0203410200", 0, ""],
];

Deno.test("an OPEN that is wrong is answered with the subcode of RFC 4271 §6.2", () => {
  for (const [name, octets, subcode, data] of REFUSED) {
    assert.throws(() => decodeOpenBody(Uint8Array.fromHex(octets)), (error) => {
      assert(error instanceof BgpError, name);
      assert.deepEqual([error.code, error.subcode, error.data.toHex()], [2, subcode, data], name);
      return true;
    }, name);
  }
});

Deno.test("hold times 0, 3 and 65535 are taken, RFC 4271 §4.2", () => {
  for (const holdTimeS of [0, 3, 65535]) {
    const octets = Uint8Array.from(encodeOpenBody({ ...OPEN, holdTimeS }));
    assert.equal(decodeOpenBody(octets).holdTimeS, holdTimeS);
  }
});
