import assert from "node:assert/strict";
import { TARGETS } from "./http1_fuzz_targets.ts";
import { carelessEnds, referenceEnd, referenceHead } from "./http1_reference.ts";

for (const [name, run] of TARGETS) {
  Deno.test(`50,000 ${name}: alike in any pieces, ended where others end them, passed on as one message`, () => {
    assert.ok(run(50_000).size > 20, "many outcomes were reached");
  });
}

Deno.test("the reference reads what is right and nothing else", () => {
  const post = "POST / HTTP/1.1\r\nHost: a\r\n";
  const rows: [string, number | null][] = [
    [`${post}\r\nnext`, post.length + 2],
    [`${post}Content-Length: 3\r\n\r\nabcnext`, post.length + 24],
    [`${post}Transfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\nX: y\r\n\r\nnext`, post.length + 51],
    [`${post}Content-Length: 3\r\n\r\nab`, null],
    [`${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, null],
    [`${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`, null],
    [`${post}X : y\r\n\r\n`, null],
  ];
  for (const [text, end] of rows) assert.equal(referenceEnd(text), end, text);
  assert.equal(referenceHead("HTTP/1.1 204 N\r\n\r\n", "response")?.status, 204);
});

Deno.test("careless readers disagree about what is ambiguous", () => {
  const disagreements = [
    "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nX: y\rContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nX: y\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nContent_Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nContent-Length\0: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 1\r\n\r\nhello",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;\nabc\r\n0\r\n\r\n2\r\nab\r\n0\r\n\r\n",
  ];
  for (const text of disagreements) assert.ok(new Set(Object.values(carelessEnds(text))).size > 1, text);
});
