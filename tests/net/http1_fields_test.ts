import assert from "node:assert/strict";
import {
  field,
  isValidHost,
  latin1Text,
  listMembers,
  parseFieldLine,
  REFUSAL_REASONS,
  refusalStatus,
  trimBlanks,
  undisguised,
} from "../../mod/net/http1_fields.ts";

Deno.test("every refusal has the status its cause calls for", () => {
  assert.equal(refusalStatus("content-too-large"), 413);
  assert.equal(refusalStatus("uri-too-long"), 414);
  assert.equal(refusalStatus("bad-expectation"), 417);
  assert.equal(refusalStatus("head-too-large"), 431);
  assert.equal(refusalStatus("too-many-fields"), 431);
  assert.equal(refusalStatus("unknown-transfer-coding"), 501);
  assert.equal(refusalStatus("connect-unsupported"), 501);
  assert.equal(refusalStatus("no-forwards-left"), 501);
  assert.equal(refusalStatus("unsupported-version"), 505);
  const others = REFUSAL_REASONS.filter((reason) => refusalStatus(reason) === 400);
  assert.equal(others.length, REFUSAL_REASONS.length - 9);
});

Deno.test("only spaces and tabs are trimmed, in linear time", () => {
  assert.equal(trimBlanks(" \t a \xa0\t"), "a \xa0");
  assert.equal(trimBlanks("   "), "");
  assert.equal(trimBlanks(`a${" ".repeat(100_000)}b`).length, 100_002);
});

Deno.test("a field line keeps the name as written and a key for comparing", () => {
  assert.deepEqual(parseFieldLine("X-Ab:c"), { name: "X-Ab", key: "x-ab", value: "c" });
  assert.deepEqual(field("X-Ab", "c"), { name: "X-Ab", key: "x-ab", value: "c" });
});

Deno.test("a name that some take for a framing field is refused", () => {
  const refused = { outcome: "refused", reason: "disguised-framing-field" };
  for (const name of ["Content_Length", "content.length", "CONTENT!LENGTH", "Transfer_Encoding", "Transfer+Encoding"]) {
    assert.deepEqual(parseFieldLine(`${name}: 5`), refused, name);
  }
  for (const name of ["Content-Length", "Transfer-Encoding", "Content_Lengths", "X_Y", "Host_"]) {
    assert.deepEqual(parseFieldLine(`${name}: 5`), field(name, "5"), name);
  }
  assert.equal(undisguised("x_forwarded.for"), "x-forwarded-for");
});

Deno.test("lists leave out empty members", () => {
  assert.deepEqual(listMembers([" A ,, b", "", "C"]), ["a", "b", "c"]);
});

Deno.test("hosts", () => {
  for (const host of ["a", "a:", "a:80", "1.2.3.4:80", "[::1]", "[fd00::1]:65535", "x_y.example", "a%20b"]) {
    assert.ok(isValidHost(host), host);
  }
  for (const host of ["", ":80", "a:65536", "a,b", "a b", "a/b", "[::1]x", "::1", "a:80:80", "a\xff", "a%zz"]) {
    assert.ok(!isValidHost(host), host);
  }
});

Deno.test("bytes become one character each, also those that windows-1252 renames", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_unused, at) => at & 0xff);
  const text = latin1Text(bytes);
  assert.deepEqual(Array.from(text, (char) => char.charCodeAt(0)), [...bytes]);
});
