import assert from "node:assert/strict";
import { type ContentEnd, failureAnswer, ownReply, refusalReply } from "../../mod/balance/http_reply.ts";
import { ResponseHeadParser } from "../../mod/net/http1.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";

Deno.test("a reply of our own is a complete response that says what becomes of the connection", () => {
  const rows: [boolean, 0 | 1, RegExp][] = [
    [true, 1, /Content-Length: \d+\r\n\r\n/],
    [true, 0, /\r\nConnection: keep-alive\r\n\r\n/],
    [false, 1, /\r\nConnection: close\r\n\r\n/],
  ];
  for (const [persistent, minorVersion, expected] of rows) {
    const bytes = ownReply(503, { text: "no backend", persistent, request: { method: "GET", minorVersion } });
    assert.match(latin1Text(bytes), expected);
    const progress = new ResponseHeadParser({ maxHeadBytes: 1000, maxHeaders: 10 }, "GET").next(bytes);
    assert.ok(progress.outcome === "complete");
    assert.deepEqual(progress.head.framing, { kind: "length", bytes: bytes.length - progress.lengthBytes });
    assert.equal(latin1Text(bytes.subarray(progress.lengthBytes)), "503 Service Unavailable: no backend\n");
  }
});

Deno.test("an answer to HEAD has the length but not the content", () => {
  const bytes = ownReply(502, { text: "x", persistent: true, request: { method: "HEAD", minorVersion: 1 } });
  assert.match(latin1Text(bytes), /Content-Length: 19\r\n\r\n$/);
});

Deno.test("a refusal names its reason and closes", () => {
  assert.match(
    latin1Text(refusalReply("head-too-large")),
    /^HTTP\/1\.1 431 [^]*Connection: close\r\n\r\n.*\(head-too-large\)\n$/,
  );
});

Deno.test("whose fault it is that there is no answer says how the content ended", () => {
  const rows: [ContentEnd, number][] = [
    ["malformed", 400],
    ["truncated", 400],
    ["too-large", 413],
    ["complete", 502],
    ["sink-broken", 502],
    [null, 502],
  ];
  for (const [end, status] of rows) assert.equal(failureAnswer(end, "gone").status, status, String(end));
  assert.equal(failureAnswer(null, "gone").text, "gone");
});
