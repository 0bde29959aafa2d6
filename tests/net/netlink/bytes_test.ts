import assert from "node:assert/strict";
import { AssertionError } from "../../../mod/base/assert.ts";
import { WireError } from "../../../mod/net/errors.ts";
import * as numbers from "../../../mod/net/netlink/bytes.ts";
import { bytes } from "./fixtures.ts";

const TABLE: [string, (value: number) => Uint8Array, (bytes: Uint8Array) => number, number, string][] = [
  ["u8", numbers.u8, numbers.readU8, 0xfe, "fe"],
  ["u16", numbers.u16, numbers.readU16, 0x1234, "3412"],
  ["u32", numbers.u32, numbers.readU32, 0xfedcba98, "98badcfe"],
  ["i32", numbers.u32, numbers.readI32, -2, "feffffff"],
  ["be16", numbers.be16, numbers.readBe16, 0x1234, "1234"],
  ["be32", numbers.be32, numbers.readBe32, 0xfedcba98, "fedcba98"],
  ["signed be32", numbers.be32, numbers.readBeI32, -400, "fffffe70"],
  ["be64", numbers.be64, numbers.readBe64, 3_600_000, "000000000036ee80"],
  ["be64 at its end", numbers.be64, numbers.readBe64, Number.MAX_SAFE_INTEGER, "001fffffffffffff"],
];

for (const [name, write, read, value, wanted] of TABLE) {
  Deno.test(`${name} is written and read in its byte order, and refused when cut`, () => {
    assert.deepEqual(write(value), bytes(wanted));
    assert.equal(read(bytes(wanted)), value);
    assert.throws(() => read(bytes(wanted).subarray(1)), WireError);
  });
}

Deno.test("readers start at their offset", () => {
  assert.equal(numbers.readU16(bytes("ff 3412"), 1), 0x1234);
  assert.equal(numbers.readBe64(bytes("ffff 0000000000000007"), 2), 7);
  assert.throws(() => numbers.readU16(bytes("ff 34"), 1), WireError);
});

Deno.test("64 bits beyond what a double holds are refused, not rounded", () => {
  assert.throws(() => numbers.readBe64(bytes("0020000000000001")), WireError);
  for (const value of [-1, 1.5, 2 ** 53, Number.NaN]) assert.throws(() => numbers.be64(value), AssertionError);
});

Deno.test("text ends at its zero, or at the end", () => {
  assert.deepEqual(numbers.text("lo"), bytes("6c6f00"));
  assert.equal(numbers.readText(bytes("6c6f00ff")), "lo");
  assert.equal(numbers.readText(bytes("6c6f")), "lo");
  assert.equal(numbers.readText(bytes("")), "");
});

Deno.test("concat() puts parts in order", () => {
  assert.deepEqual(numbers.concat([bytes("01"), bytes(""), bytes("0203")]), bytes("010203"));
});
