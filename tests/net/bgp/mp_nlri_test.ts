import assert from "node:assert/strict";
import { readMpNlri } from "../../../mod/net/bgp/mp_nlri.ts";
import { BgpError } from "../../../mod/net/bgp/notification.ts";
import type { UpdateTraits } from "../../../mod/net/bgp/types.ts";
import { EXTERNAL, LINK_LOCAL, mpReach, mpUnreach, NEXT_HOP, NEXT_HOP6, NLRI, NLRI6, OPTIONAL } from "./octets.ts";

function read(type: 14 | 15, value: readonly number[], traits: UpdateTraits): ReturnType<typeof readMpNlri> {
  const bytes = Uint8Array.from([0xee, ...value, 0xee]);
  return readMpNlri({ bytes, at: 1, end: bytes.length - 1, flags: OPTIONAL, type, traits, hasPlainNlri: false });
}

Deno.test("destinations of a family that was agreed on are counted, RFC 4760 §3 and §4", () => {
  const wide = { ...EXTERNAL, extendedNextHop: true };
  const rows: readonly (readonly [14 | 15, number[], UpdateTraits, 4 | 6, number])[] = [
    [14, mpReach(2, NEXT_HOP6, NLRI6), EXTERNAL, 6, 1],
    [14, mpReach(2, [...NEXT_HOP6, ...LINK_LOCAL], NLRI6), EXTERNAL, 6, 1],
    [14, mpReach(2, NEXT_HOP6, []), EXTERNAL, 6, 0],
    [14, mpReach(1, NEXT_HOP, NLRI), EXTERNAL, 4, 2],
    [14, mpReach(1, NEXT_HOP6, NLRI), wide, 4, 2],
    [14, mpReach(1, [...NEXT_HOP6, ...LINK_LOCAL], NLRI), wide, 4, 2],
    [15, mpUnreach(2, NLRI6), EXTERNAL, 6, 1],
    [15, mpUnreach(1, []), EXTERNAL, 4, 0],
  ];
  for (const [type, value, traits, family, count] of rows) {
    const got = read(type, value, traits);
    assert.deepEqual([got.family, got.count, got.hasNlri], [family, count, count > 0]);
  }
});

Deno.test("the reserved octet is not looked at, RFC 4760 §3", () => {
  const value = mpReach(2, NEXT_HOP6, NLRI6).with(4 + NEXT_HOP6.length, 0xff);
  assert.equal(read(14, value, EXTERNAL).count, 1);
});

Deno.test("a family that was not agreed on is passed over, whatever it holds, RFC 4760 §7", () => {
  const only4 = { ...EXTERNAL, families: new Set([4] as const) };
  const rows: readonly (readonly [14 | 15, number[], UpdateTraits, string, boolean])[] = [
    [14, [0, 25, 70, 4, 1, 2, 3, 4, 0, 200, 1], EXTERNAL, "AFI 25 SAFI 70", true],
    [14, [0, 25, 70, 0, 0], EXTERNAL, "AFI 25 SAFI 70", false],
    [14, [0, 25, 70, 255, 0], EXTERNAL, "AFI 25 SAFI 70", false],
    [14, mpReach(2, NEXT_HOP6, NLRI6), only4, "AFI 2 SAFI 1", true],
    [15, [0x40, 0x04, 71, 200], EXTERNAL, "AFI 16388 SAFI 71", true],
  ];
  for (const [type, value, traits, name, hasNlri] of rows) {
    assert.deepEqual(read(type, value, traits), { family: null, name, count: 0, hasNlri });
  }
});

Deno.test("what hides where destinations begin or end is 3/9, RFC 4760 §7, RFC 7606 §5.3 and §7.11", () => {
  const rows: readonly (readonly [14 | 15, number[]])[] = [
    [14, []],
    [14, [0, 2, 1, 16]],
    [14, mpReach(2, NEXT_HOP, NLRI6)],
    [14, mpReach(1, NEXT_HOP6, NLRI)],
    [14, mpReach(2, NEXT_HOP6, NLRI6).slice(0, 20)],
    [14, mpReach(2, NEXT_HOP6, [129])],
    [15, [0, 2]],
    [15, mpUnreach(2, NLRI6.slice(0, -1))],
  ];
  for (const [type, value] of rows) {
    assert.throws(() => read(type, value, EXTERNAL), (error) => {
      assert(error instanceof BgpError);
      assert.deepEqual([error.code, error.subcode], [3, 9], String(value));
      return true;
    });
  }
});
