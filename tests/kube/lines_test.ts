import assert from "node:assert/strict";
import { LineSplitter, LineTooLongError } from "../../mod/kube/lines.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("Lines come out whole however the bytes are cut, inside characters too", () => {
  const seed = seedFromEnv(7);
  const random = seededRandom(seed);
  const lines = ['{"a":"ä€𝄞"}', "x", "ßßß", "long ".repeat(50)];
  const all = bytes(`${lines.join("\n")}\n`);
  for (let round = 0; round < 200; round++) {
    const splitter = new LineSplitter(1000);
    const seen: string[] = [];
    for (let at = 0; at < all.length;) {
      const size = 1 + Math.floor(random() * 9);
      seen.push(...splitter.push(all.subarray(at, at + size)));
      at += size;
    }
    assert.deepEqual(seen, lines, `SEED=${seed} round ${round}`);
  }
});

Deno.test("Empty lines are left out, and what has no end waits", () => {
  const splitter = new LineSplitter(100);
  assert.deepEqual(splitter.push(bytes("\n\na\n\nb")), ["a"]);
  assert.deepEqual(splitter.push(bytes("")), []);
  assert.deepEqual(splitter.push(bytes("c\n")), ["bc"]);
});

Deno.test("A line over the limit is refused before its end is there, one at the limit is not", () => {
  assert.deepEqual(new LineSplitter(4).push(bytes("abcd\nefgh\n")), ["abcd", "efgh"]);
  assert.throws(() => new LineSplitter(4).push(bytes("abcde")), LineTooLongError);
  const splitter = new LineSplitter(4);
  splitter.push(bytes("abc"));
  assert.throws(() => splitter.push(bytes("de")), LineTooLongError);
});
