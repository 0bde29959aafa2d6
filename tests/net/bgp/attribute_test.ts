import assert from "node:assert/strict";
import {
  attributeName,
  checkAttribute,
  checkFlags,
  encodeAttribute,
  isKnown,
  type ReceivedAttribute,
} from "../../../mod/net/bgp/attribute.ts";
import { EXTENDED, EXTERNAL, OPTIONAL, TRANSITIVE } from "./octets.ts";

function received(flags: number, type: number, value: readonly number[]): ReceivedAttribute {
  const bytes = Uint8Array.from([0xee, ...value, 0xee]);
  return { bytes, at: 1, end: bytes.length - 1, flags, type, traits: EXTERNAL, hasPlainNlri: true };
}

Deno.test("an attribute is flags, type, length and value, RFC 4271 §4.3", () => {
  assert.deepEqual(encodeAttribute(TRANSITIVE, 1, [0]), [0x40, 1, 1, 0]);
  assert.deepEqual(encodeAttribute(TRANSITIVE, 6, []), [0x40, 6, 0]);
});

Deno.test("only a value of more than 255 octets takes the extended length", () => {
  for (const [bytes, head] of [[255, [0xc0, 8, 255]], [256, [0xd0, 8, 1, 0]], [1000, [0xd0, 8, 3, 0xe8]]] as const) {
    const octets = encodeAttribute(OPTIONAL | TRANSITIVE, 8, new Array<number>(bytes).fill(7));
    assert.deepEqual(octets.slice(0, head.length), head);
    assert.equal(octets.length, head.length + bytes);
  }
});

Deno.test("attributes have their names and numbers, unknown ones too", () => {
  assert.equal(attributeName(1), "ORIGIN (1)");
  assert.equal(attributeName(32), "LARGE_COMMUNITIES (32)");
  assert.equal(attributeName(200), "attribute (200)");
  assert.deepEqual([isKnown(14), isKnown(200)], [true, false]);
});

Deno.test("flags are judged before the value, and only the two that are specified, RFC 7606 §3 c", () => {
  assert.equal(checkAttribute(received(OPTIONAL, 1, [9]))?.spec, "RFC 7606 §3 c");
  assert.equal(checkAttribute(received(TRANSITIVE, 1, [9]))?.spec, "RFC 7606 §7.1");
  assert.equal(checkAttribute(received(TRANSITIVE | EXTENDED | 0x2f, 1, [0])), null);
  assert.equal(checkFlags(received(TRANSITIVE, 14, []))?.action, "treat-as-withdraw");
  assert.equal(checkFlags(received(OPTIONAL, 14, [])), null);
});

Deno.test("an attribute that is not known is not judged", () => {
  for (const flags of [0, OPTIONAL, TRANSITIVE, OPTIONAL | TRANSITIVE]) {
    assert.equal(checkAttribute(received(flags, 200, [])), null);
    assert.equal(checkFlags(received(flags, 200, [])), null);
  }
});
