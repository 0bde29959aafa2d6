import assert from "node:assert/strict";
import { crc32 as reference } from "node:zlib";
import { crc32 } from "../../../mod/election/raft/crc32.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

Deno.test("the check value of CRC-32 is that of the standard", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.equal(crc32(new Uint8Array()), 0);
});

Deno.test("any bytes have the checksum zlib gives them", () => {
  const seed = seedFromEnv(5);
  const random = seededRandom(seed);
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, () => random() * 256);
    assert.equal(crc32(bytes), reference(bytes), `seed ${seed}, length ${length}`);
  }
});
