import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { HmacSha256 } from "../../../mod/election/raft/hmac.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

/** RFC 4231 §4: test cases 1, 2, 3, 6 (a key longer than a block) and 7. */
const VECTORS: readonly [key: string, message: string, code: string][] = [
  ["0b".repeat(20), "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    "4a656665",
    "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  ["aa".repeat(20), "dd".repeat(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
  [
    "aa".repeat(131),
    new TextEncoder().encode("Test Using Larger Than Block-Size Key - Hash Key First").toHex(),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
];

Deno.test("the codes are those of RFC 4231, however often one key is used", () => {
  for (const [key, message, code] of VECTORS) {
    const hmac = new HmacSha256(Uint8Array.fromHex(key));
    for (let turn = 0; turn < 3; turn++) assert.equal(hmac.code(Uint8Array.fromHex(message)).toHex(), code);
  }
});

Deno.test("for keys and messages of any length the code is the one of an HMAC made anew", () => {
  const seed = seedFromEnv(1);
  const random = seededRandom(seed);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  for (let turn = 0; turn < 200; turn++) {
    const [key, message] = [bytes(Math.floor(random() * 140)), bytes(Math.floor(random() * 300))];
    const wanted = createHmac("sha256", key).update(message).digest("hex");
    assert.equal(new HmacSha256(key).code(message).toHex(), wanted, `seed ${seed}`);
  }
});
