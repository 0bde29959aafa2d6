import assert from "node:assert/strict";
import { afiOf, familyOf, familyOfAfi, readU16, readU32, u16, u32 } from "../../../mod/net/bgp/family.ts";

Deno.test("IPv4 and IPv6 unicast are the families of AFI 1 and 2 with SAFI 1, and there are no others", () => {
  for (const [afi, safi, family] of [[1, 1, 4], [2, 1, 6], [1, 2, null], [2, 128, null], [25, 1, null]] as const) {
    assert.equal(familyOf(afi, safi), family, `${afi}/${safi}`);
    if (family !== null) assert.equal(afiOf(family), afi);
  }
  assert.deepEqual([familyOfAfi(1), familyOfAfi(2), familyOfAfi(3)], [4, 6, null]);
});

Deno.test("numbers are written and read in network order, unsigned", () => {
  for (const value of [0, 1, 0xff, 0x1234, 0xffff]) assert.equal(readU16(Uint8Array.from(u16(value)), 0), value);
  for (const value of [0, 0x01020304, 0x80000000, 0xffffffff]) {
    assert.equal(readU32(Uint8Array.from([9, ...u32(value)]), 1), value);
  }
  assert.deepEqual(u32(0x01020304), [1, 2, 3, 4]);
  assert.equal(readU32(Uint8Array.of(1, 2), 0), 0x01020000);
});
