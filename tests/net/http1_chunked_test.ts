import assert from "node:assert/strict";
import { ChunkedParser, type ChunkProgress } from "../../mod/net/http1_chunked.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { latin1Bytes } from "./http1_cases.ts";

const LIMITS = { maxTrailerBytes: 64, maxContentBytes: 300 };

function nameOf(progress: ChunkProgress): string {
  if (progress.outcome === "complete") return `complete ${progress.consumed}`;
  return progress.outcome === "refused" ? progress.reason : progress.outcome;
}

/** The outcome and the content, fed in pieces of `size` bytes. */
function run(text: string, size: number): { name: string; content: string } {
  let content = "";
  const parser = new ChunkedParser(LIMITS, (part) => content += latin1Text(part));
  const bytes = latin1Bytes(text);
  for (let at = 0; at < bytes.length; at += size) {
    const progress = parser.feed(bytes.subarray(at, at + size));
    if (progress.outcome === "complete") return { name: `complete ${at + progress.consumed}`, content };
    if (progress.outcome === "refused") return { name: progress.reason, content };
  }
  return { name: "more", content };
}

const COMPLETE: [string, string][] = [
  ["0\r\n\r\n", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["5;a=b\r\nhello\r\n0;last\r\n\r\n", "hello"],
  ['3;a="x;y"\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', "abcde"],
  ['3;a="\\"\\\\";b;c=d\r\nabc\r\n0;x=""\r\n\r\n', "abc"],
  ["A\r\n0123456789\r\n000\r\nX: y\r\nZ:\r\n\r\n", "0123456789"],
  ["2\r\n\r\n\r\n0\r\n\r\n", "\r\n"],
];

const REFUSED: [string, string][] = [
  ["\r\n", "bad-chunk-size"],
  ["g\r\n", "bad-chunk-size"],
  ["-1\r\n", "bad-chunk-size"],
  ["+1\r\n", "bad-chunk-size"],
  ["0x5\r\n", "bad-chunk-size"],
  [" 5\r\n", "bad-chunk-size"],
  ["5 \r\n", "bad-chunk-size"],
  ["5\n", "bare-lf"],
  ["5\rx", "bare-cr"],
  ["5;a\nb", "bare-lf"],
  ["5;a\rb", "bare-cr"],
  ["5;a\x00", "bad-chunk-extension"],
  ["5;\r\n", "bad-chunk-extension"],
  ["5;;a\r\n", "bad-chunk-extension"],
  ["5;a;\r\n", "bad-chunk-extension"],
  ["5;a=\r\n", "bad-chunk-extension"],
  ["5;=b\r\n", "bad-chunk-extension"],
  ["5; a\r\n", "bad-chunk-extension"],
  ["5;a =b\r\n", "bad-chunk-extension"],
  ["5;a=b c\r\n", "bad-chunk-extension"],
  ['5;a="b\r\n', "bad-chunk-extension"],
  ['5;a="b"c\r\n', "bad-chunk-extension"],
  ['5;a="\\\r\n', "bad-chunk-extension"],
  ["5;a\xff\r\n", "bad-chunk-extension"],
  ["0\r\nContent-Length: 5\r\n\r\n", "forbidden-trailer"],
  ["0\r\nX: y\r\nTRANSFER-encoding: chunked\r\n\r\n", "forbidden-trailer"],
  ["0\r\nX_Forwarded_For: 1.1.1.1\r\n\r\n", "forbidden-trailer"],
  ["0\r\nHost:a\r\n\r\n", "forbidden-trailer"],
  ["12d\r\n", "content-too-large"],
  ["5\r\nhello\r\n128\r\n", "content-too-large"],
  ["10000000000000000\r\n", "bad-chunk-size"],
  ["ffffffffffffffff\r\n", "bad-chunk-size"],
  ["00000000000000000\r\n", "bad-chunk-size"],
  ["5\r\nhelloX", "bad-chunk-end"],
  ["5\r\nhello\n", "bad-chunk-end"],
  ["5\r\nhello\rX", "bad-chunk-end"],
  ["0\r\nX\r\n", "bad-trailer"],
  ["0\r\n: y\r\n", "bad-trailer"],
  ["0\r\n X: y\r\n", "bad-trailer"],
  ["0\r\nX : y\r\n", "bad-trailer"],
  ["0\r\nX: y\n", "bare-lf"],
  ["0\r\nX: \x01", "bad-trailer"],
  ["0\r\n\n", "bare-lf"],
  ["0\r\n\rX", "bare-cr"],
  [`0\r\nX: ${"y".repeat(70)}`, "trailers-too-large"],
  [`5;${"x".repeat(300)}`, "chunk-extension-too-long"],
  [`1;${"x".repeat(250)}\r\na\r\n`.repeat(70), "chunk-extension-too-long"],
];

Deno.test("a chunked message ends where it says, whatever the pieces", () => {
  for (const [text, content] of COMPLETE) {
    for (const size of [1, 2, 3, 7, 1000]) {
      assert.deepEqual(
        run(`${text}GET /next`, size),
        { name: `complete ${text.length}`, content },
        `${text} by ${size}`,
      );
    }
    for (let cut = 0; cut < text.length; cut++) assert.equal(run(text.slice(0, cut), 1000).name, "more");
  }
});

Deno.test("broken chunks are refused by name, whatever the pieces", () => {
  for (const [text, reason] of REFUSED) {
    for (const size of [1, 3, 100_000]) {
      assert.equal(run(text, size).name, reason, `${JSON.stringify(text)} by ${size}`);
    }
  }
});

Deno.test("50 000 random bodies: a named outcome, the same in any pieces", () => {
  const seed = seedFromEnv(771);
  const random = seededRandom(seed);
  const parts = ["5\r\nhello\r\n", "0\r\n", "\r\n", "X: y\r\n", ";a", "3", "\n", "\r", "g", "\x00", "abc"];
  const seen = new Set<string>();
  for (let round = 0; round < 50_000; round++) {
    let text = "";
    for (let left = 1 + Math.floor(random() * 6); left > 0; left--) text += parts[Math.floor(random() * parts.length)];
    const whole = run(text, 100_000);
    const where = `seed ${seed}, round ${round}: ${JSON.stringify(text)}`;
    assert.deepEqual(run(text, 1), whole, where);
    assert.deepEqual(run(text, 1 + Math.floor(random() * 5)), whole, where);
    seen.add(whole.name.split(" ")[0] ?? "");
  }
  for (const name of ["complete", "more", "bad-chunk-size", "bad-chunk-end", "bare-lf", "bad-trailer"]) {
    assert.ok(seen.has(name), `${name} was reached`);
  }
});

Deno.test("content up to the limit passes, and without a limit anything", () => {
  const body = `12c\r\n${"x".repeat(300)}\r\n0\r\n\r\n`;
  assert.equal(run(body, 7).name, `complete ${body.length}`);
  for (const maxContentBytes of [null, 0x12d]) {
    const parser = new ChunkedParser({ maxTrailerBytes: 1, maxContentBytes });
    assert.equal(parser.feed(latin1Bytes("12d\r\n")).outcome, "more");
  }
});

Deno.test("after its end a parser has nothing more to say", () => {
  const parser = new ChunkedParser(LIMITS);
  assert.equal(nameOf(parser.feed(latin1Bytes("0\r\n\r\n"))), "complete 5");
  assert.equal(parser.feed(latin1Bytes("x")).outcome, "refused");
});
