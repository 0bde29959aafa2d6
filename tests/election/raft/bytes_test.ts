import assert from "node:assert/strict";
import { ByteReader, ByteWriter } from "../../../mod/election/raft/bytes.ts";
import { WireError } from "../../../mod/net/errors.ts";

const COUNTS: readonly [value: number, hex: string][] = [
  [0, "00"],
  [1, "01"],
  [127, "7f"],
  [128, "8001"],
  [300, "ac02"],
  [16384, "808001"],
  [2 ** 32, "8080808010"],
  [Number.MAX_SAFE_INTEGER, "ffffffffffffff0f"],
];

Deno.test("counts have one form, in both directions", () => {
  for (const [value, hex] of COUNTS) {
    assert.equal(new ByteWriter().count(value).finish().toHex(), hex);
    const reader = new ByteReader("test", Uint8Array.fromHex(hex));
    assert.equal(reader.count(), value);
    reader.end();
  }
});

const MALFORMED: readonly [hex: string, read: (reader: ByteReader) => unknown, message: RegExp][] = [
  ["", (r) => r.u8(), /0 bytes, wanted 1 bytes/],
  ["000000", (r) => r.u32(), /3 bytes, wanted 4 bytes/],
  ["00000000000000", (r) => r.u64(), /7 bytes/],
  ["80", (r) => r.count(), /offset 1/],
  ["8000", (r) => r.count(), /padded/],
  ["ffffffffffffff10", (r) => r.count(), /wanted at most 9007199254740991/],
  ["ffffffffffffffff01", (r) => r.count(), /longer than eight bytes/],
  ["05", (r) => r.count(4), /offset 0 is 5, wanted at most 4/],
  ["7ff0000000000000", (r) => r.double(), /Infinity/],
  ["7ff8000000000000", (r) => r.double(), /NaN/],
  ["02", (r) => r.flag(), /0 or 1/],
  ["0261", (r) => r.text(), /1 bytes, wanted 2/],
  ["02ff61", (r) => r.text(), /UTF-8/],
  ["0361", (r) => r.block(2), /at most 2/],
  ["00", (r) => r.end(), /1 more bytes/],
];

Deno.test("what is not canonical is refused with its place", () => {
  for (const [hex, read, message] of MALFORMED) {
    const reader = new ByteReader("test", Uint8Array.fromHex(hex));
    assert.throws(() => read(reader), (error) => error instanceof WireError && message.test(error.message), hex);
  }
});

Deno.test("a writer grows past its first buffer and keeps what it has", () => {
  const writer = new ByteWriter().u32(7).u64(2n ** 64n - 1n).text("größe").raw(new Uint8Array(1000).fill(3)).double(
    -1.5,
  ).flag(true);
  const reader = new ByteReader("test", writer.finish());
  assert.equal(reader.u32(), 7);
  assert.equal(reader.u64(), 2n ** 64n - 1n);
  assert.equal(reader.text(), "größe");
  assert.deepEqual(reader.raw(1000), new Uint8Array(1000).fill(3));
  assert.equal(reader.double(), -1.5);
  assert.equal(reader.flag(), true);
  reader.end();
});

Deno.test("a reader honours the offset of the bytes it is given", () => {
  const reader = new ByteReader("test", Uint8Array.of(9, 9, 0, 0, 0, 5, 9).subarray(2, 6));
  assert.equal(reader.u32(), 5);
  assert.equal(reader.left, 0);
});
