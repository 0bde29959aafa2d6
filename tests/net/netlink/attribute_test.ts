import assert from "node:assert/strict";
import { AssertionError } from "../../../mod/base/assert.ts";
import { WireError } from "../../../mod/net/errors.ts";
import {
  align4,
  attribute,
  attributeMap,
  decodeAttributes,
  nested,
  optional,
} from "../../../mod/net/netlink/attribute.ts";
import { concat, readText, text, u32 } from "../../../mod/net/netlink/bytes.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes } from "./fixtures.ts";

Deno.test("an attribute is length, type, value and padding, in both directions", () => {
  const table: [Uint8Array, string, number, string][] = [
    [attribute(3, text("v0")), "0700 0300 763000 00", 3, "763000"],
    [attribute(0x1d, u32(8)), "0800 1d00 08000000", 0x1d, "08000000"],
    [attribute(5, bytes("")), "0400 0500", 5, ""],
    [nested(4, [attribute(1, u32(1)), attribute(2, u32(2))]), "1400 0480 08000100 01000000 08000200 02000000", 4, ""],
  ];
  for (const [encoded, wanted, type, value] of table) {
    assert.deepEqual(encoded, bytes(wanted));
    const [found, ...more] = decodeAttributes(encoded);
    assert.deepEqual(more, []);
    assert.equal(found?.type, type);
    if (value !== "") assert.deepEqual(found.value, bytes(value));
  }
});

Deno.test("attributes stand one after the other; the last may lack its padding", () => {
  const two = "0700 0300 763000 00  0500 2100 01";
  assert.deepEqual(decodeAttributes(bytes(two)).map(({ type }) => type), [3, 0x21]);
  assert.deepEqual(decodeAttributes(bytes(`${two} 000000`)).length, 2);
  assert.deepEqual(decodeAttributes(bytes("")), []);
});

Deno.test("attributes whose length cannot be are refused", () => {
  for (const digits of ["0300 0100", "0000 0000", "0900 0100 01020304", "0500 0100", "0800 0100 01020304 ffff 0100"]) {
    assert.throws(() => decodeAttributes(bytes(digits)), WireError, digits);
  }
});

Deno.test("attributeMap() keeps the last of several, and takes no nest for an empty one", () => {
  const map = attributeMap(concat([attribute(1, u32(1)), attribute(1, u32(2))]));
  assert.deepEqual(map.get(1), u32(2));
  assert.equal(attributeMap(undefined).size, 0);
  assert.equal(optional(map.get(9), readText, "nothing"), "nothing");
});

Deno.test("a value that the length field cannot count is the programmer's error", () => {
  assert.equal(attribute(1, new Uint8Array(65531)).length, 65536);
  assert.throws(() => attribute(1, new Uint8Array(65532)), AssertionError);
});

Deno.test("align4() rounds up", () => {
  assert.deepEqual([0, 1, 4, 5, 8].map(align4), [0, 4, 4, 8, 8]);
});

Deno.test("decodeAttributes() survives whatever comes, and what it accepts comes back", () => {
  fuzz({
    decode: (input) => decodeAttributes(input).map(({ type, value }) => ({ type, value: [...value] })),
    encode: (list) => concat(list.map(({ type, value }) => attribute(type, Uint8Array.from(value)))),
    samples: [
      concat([attribute(3, text("v0")), nested(4, [attribute(1, u32(1))]), attribute(7, bytes("010203"))]),
      attribute(1, u32(7)),
    ],
  });
});
