import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { attributeMap } from "../../../mod/net/netlink/attribute.ts";
import { expressionBody, int, intOrZero, number, numberIf } from "../../../mod/net/netlink/nft_parts.ts";
import { bytes } from "./fixtures.ts";

Deno.test("numbers are big endian, and absent where there are none", () => {
  assert.deepEqual(number(3, 258), bytes("08000300 00000102"));
  assert.deepEqual(numberIf(3, 258), [bytes("08000300 00000102")]);
  assert.deepEqual(numberIf(3, undefined), []);
  const found = attributeMap(bytes("08000300 00000102"));
  assert.equal(int(found, 3), 258);
  assert.equal(intOrZero(found, 4), 0);
  assert.throws(() => int(found, 4), WireError);
  assert.deepEqual(expressionBody("x", []), { name: "x", body: [] });
});
