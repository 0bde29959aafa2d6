import assert from "node:assert/strict";
import { checkAsPath, encodeAsPath } from "../../../mod/net/bgp/as_path.ts";

function check(octets: readonly number[], asOctets: 2 | 4): string | null {
  const bytes = Uint8Array.from([0xee, ...octets, 0xee]);
  return checkAsPath({ bytes, at: 1, end: bytes.length - 1 }, asOctets)?.is ?? null;
}

Deno.test("a path is one sequence, or none when it is empty, RFC 4271 §5.1.2", () => {
  assert.deepEqual(encodeAsPath([], 4), []);
  assert.deepEqual(encodeAsPath([65001, 70000], 4), [2, 2, 0, 0, 0xfd, 0xe9, 0, 1, 0x11, 0x70]);
  assert.deepEqual(encodeAsPath([65001, 65535], 2), [2, 2, 0xfd, 0xe9, 0xff, 0xff]);
});

Deno.test("an AS number that needs four octets is 23456 in two, RFC 6793 §4.2.2", () => {
  assert.deepEqual(encodeAsPath([65536, 1], 2), [2, 2, 0x5b, 0xa0, 0, 1]);
});

Deno.test("a path of more than 255 AS numbers has more than one sequence, and is whole", () => {
  for (const asOctets of [2, 4] as const) {
    for (const [length, segments] of [[255, 1], [256, 2], [511, 3]] as const) {
      const octets = encodeAsPath(new Array<number>(length).fill(65001), asOctets);
      assert.equal(octets.length, length * asOctets + segments * 2);
      assert.equal(check(octets, asOctets), null);
    }
  }
});

Deno.test("what is wrong with a path is told, the worst first, RFC 7606 §7.2, RFC 7607 §2, RFC 5065 §3", () => {
  const rows: readonly (readonly [number[], 2 | 4, string | null])[] = [
    [[], 4, null],
    [[2, 1, 0, 0, 0, 1], 4, null],
    [[1, 1, 0, 1, 2, 1, 0, 2], 2, null],
    [[2, 1, 0, 0, 0, 1], 2, "segment"],
    [[2, 1, 0, 1], 4, "segment"],
    [[2], 4, "segment"],
    [[2, 0], 4, "segment"],
    [[0, 1, 0, 1], 2, "segment"],
    [[5, 1, 0, 1], 2, "segment"],
    [[2, 1, 0, 0], 2, "as-zero"],
    [[2, 1, 0, 0, 0, 0], 4, "as-zero"],
    [[2, 2, 0, 0, 0, 1, 0, 0, 0, 0], 4, "as-zero"],
    [[3, 1, 0, 1], 2, "confederation"],
    [[4, 1, 0, 1, 2, 1, 0, 2], 2, "confederation"],
    [[3, 1, 0, 0], 2, "as-zero"],
    [[3, 1, 0, 0, 9], 2, "segment"],
  ];
  for (const [octets, asOctets, fault] of rows) assert.equal(check(octets, asOctets), fault, String(octets));
});
