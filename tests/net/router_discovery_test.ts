import assert from "node:assert/strict";
import { WireError } from "../../mod/net/errors.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { decodeRouterMessage, encodeRouterMessage, type RouterMessage } from "../../mod/net/router_discovery.ts";
import { fuzz } from "./wire_fuzz.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== null);
  return parsed;
}

const ROUTER = ip("fe80::1");
const MAC = Uint8Array.fromHex("aabbccddeeff");
const NO_MAC = null;

/** Name, bytes without checksum, meaning. */
const MESSAGES: readonly (readonly [string, string, RouterMessage])[] = [
  ["a solicitation, RFC 4861 §4.1", "85000000 00000000", { type: "solicitation", sourceMac: NO_MAC }],
  [
    "a solicitation with its sender's hardware address",
    "85000000 00000000 0101aabbccddeeff",
    { type: "solicitation", sourceMac: MAC },
  ],
  [
    "an advertisement of what is no default router, RFC 4861 §4.2",
    "86000000 00000000 00000000 00000000 0101aabbccddeeff",
    { type: "advertisement", lifetimeSeconds: 0, sourceMac: MAC },
  ],
  [
    "an advertisement of one",
    "86000000 00000708 00000000 00000000",
    { type: "advertisement", lifetimeSeconds: 1800, sourceMac: NO_MAC },
  ],
];

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(hex.replaceAll(" ", ""));

for (const [name, hex, message] of MESSAGES) {
  Deno.test(`${name}, is written and read`, () => {
    assert.deepEqual(encodeRouterMessage(message), bytes(hex));
    assert.deepEqual(decodeRouterMessage(bytes(hex), ROUTER), message);
  });
}

Deno.test("what FRR 8.4 sends on an unnumbered link is read: other fields and options are passed over", () => {
  const sent = "8600 1a2b 4000001e 00000000 00000000 05010000000005dc 01017eaf8ac3744b";
  const sourceMac = Uint8Array.fromHex("7eaf8ac3744b");
  assert.deepEqual(decodeRouterMessage(bytes(sent), ROUTER), { type: "advertisement", lifetimeSeconds: 30, sourceMac });
});

/** Name, bytes, source, the fault. */
const MALFORMED: readonly (readonly [string, string, string, RegExp])[] = [
  ["nothing", "", "fe80::1", /length is 0/],
  ["a solicitation that is cut", "85000000 000000", "fe80::1", /length is 7/],
  ["an advertisement that is cut", "86000000 00000000 00000000 000000", "fe80::1", /length is 15/],
  ["a code", "85010000 00000000", "fe80::1", /code is 1/],
  ["another type", "87000000 00000000", "fe80::1", /type is 135/],
  ["an option of no length", "85000000 00000000 0100aabbccddeeff", "fe80::1", /offset 9 is 0/],
  ["an option longer than the message", "85000000 00000000 0102aabbccddeeff", "fe80::1", /length is 8/],
  ["an option that is cut", "86000000 00000000 00000000 00000000 01", "fe80::1", /length is 1/],
  ["a hardware address of 14 bytes", "85000000 00000000 0102" + "00".repeat(14), "fe80::1", /offset 9 is 2/],
  ["a hardware address from ::", "85000000 00000000 0101aabbccddeeff", "::", /source address option is present/],
  ["an advertisement from afar", "86000000 00000000 00000000 00000000", "2001:db8::1", /source is 2001:db8::1/],
];

for (const [name, hex, source, fault] of MALFORMED) {
  Deno.test(`${name} is refused`, () => {
    assert.throws(() => decodeRouterMessage(bytes(hex), ip(source)), (error) => {
      assert(error instanceof WireError);
      return fault.test(error.message);
    });
  });
}

Deno.test("any bytes are read as router discovery or refused", () => {
  fuzz({
    decode: (input) => decodeRouterMessage(input, ROUTER),
    encode: encodeRouterMessage,
    samples: MESSAGES.map(([, hex]) => bytes(hex)),
  });
});
