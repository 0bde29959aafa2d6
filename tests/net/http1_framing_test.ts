import assert from "node:assert/strict";
import { field } from "../../mod/net/http1_fields.ts";
import { announcesContent, requestFraming, responseFraming } from "../../mod/net/http1_framing.ts";

const LENGTH = field("Content-Length", "7");
const CHUNKED = field("Transfer-Encoding", "chunked");

Deno.test("a request without a length has no content", () => {
  assert.deepEqual(requestFraming([], 1), { kind: "none" });
  assert.deepEqual(requestFraming([LENGTH], 0), { kind: "length", bytes: 7 });
  assert.deepEqual(requestFraming([CHUNKED], 1), { kind: "chunked" });
});

Deno.test("the framing of a response depends on its method and status (RFC 9112 section 6.3)", () => {
  const none = { kind: "none" };
  const length = { kind: "length", bytes: 7 };
  const rows: [string, number, (typeof LENGTH)[], unknown][] = [
    ["HEAD", 200, [LENGTH], none],
    ["HEAD", 200, [CHUNKED], none],
    ["GET", 101, [], none],
    ["GET", 103, [], none],
    ["GET", 204, [LENGTH], none],
    ["GET", 304, [LENGTH], none],
    ["GET", 200, [LENGTH], length],
    ["POST", 404, [LENGTH], length],
    ["GET", 200, [CHUNKED], { kind: "chunked" }],
    ["GET", 200, [], { kind: "until-close" }],
  ];
  for (const [method, status, fields, expected] of rows) {
    assert.deepEqual(responseFraming(fields, { method, status, minorVersion: 1 }), expected, `${method} ${status}`);
  }
});

Deno.test("ambiguous lengths of a response are refused even where it has no content", () => {
  const outcome = responseFraming([LENGTH, CHUNKED], { method: "HEAD", status: 200, minorVersion: 1 });
  assert.deepEqual(outcome, { outcome: "refused", reason: "length-and-chunked" });
});

Deno.test("an interim answer that speaks of content is refused, one that says there is none is not", () => {
  const interim = { method: "GET", status: 103, minorVersion: 1 };
  const refused = { outcome: "refused", reason: "interim-with-content" };
  assert.deepEqual(responseFraming([LENGTH], interim), refused);
  assert.deepEqual(responseFraming([CHUNKED], interim), refused);
  assert.deepEqual(responseFraming([field("Content-Length", "0")], interim), { kind: "none" });
  assert.ok(announcesContent([field("A", "b"), CHUNKED]));
  assert.ok(!announcesContent([field("A", "b")]));
});
