import assert from "node:assert/strict";
import {
  encodeHead,
  type HeadProgress,
  type RequestHead,
  RequestHeadParser,
  ResponseHeadParser,
} from "../../mod/net/http1.ts";
import { REFUSAL_REASONS } from "../../mod/net/http1_fields.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { latin1Bytes, REQUEST_CASES } from "./http1_cases.ts";

const LIMITS = { maxHeadBytes: 8192, maxHeaders: 64 };

function parse(text: string, limits = LIMITS): HeadProgress<RequestHead> {
  return new RequestHeadParser(limits).next(latin1Bytes(text));
}

function parseBytewise(bytes: Uint8Array, limits = LIMITS): HeadProgress<RequestHead> {
  const parser = new RequestHeadParser(limits);
  for (let length = 1; length <= bytes.length; length++) {
    const progress = parser.next(bytes.subarray(0, length));
    if (progress.outcome !== "incomplete") return progress;
  }
  return { outcome: "incomplete" };
}

function nameOf(progress: HeadProgress<unknown>): string {
  if (progress.outcome === "refused") return progress.reason;
  return progress.outcome === "complete" ? "accepted" : progress.outcome;
}

function accepted(text: string): RequestHead {
  const progress = parse(text);
  assert.equal(progress.outcome, "complete", nameOf(progress));
  return (progress as { head: RequestHead }).head;
}

Deno.test("every published smuggling request is refused by its name, whole and byte by byte", () => {
  assert.ok(REQUEST_CASES.length > 90, "the table is read");
  for (const { what, text, expected } of REQUEST_CASES) {
    assert.equal(nameOf(parse(text)), expected, what);
    assert.equal(nameOf(parseBytewise(latin1Bytes(text))), expected, `${what}, byte by byte`);
  }
});

Deno.test("a request's parts come out as they went in", () => {
  const head = accepted("PUT /a?b=c HTTP/1.1\r\nHOST: a:80\r\nX-A:  b c \r\nx-a: d\r\nContent-Length: 12\r\n\r\n");
  assert.equal(head.method, "PUT");
  assert.equal(head.target, "/a?b=c");
  assert.equal(head.authority, "a:80");
  assert.deepEqual(head.framing, { kind: "length", bytes: 12 });
  assert.deepEqual(head.fields.map((one) => [one.name, one.key, one.value]), [
    ["HOST", "host", "a:80"],
    ["X-A", "x-a", "b c"],
    ["x-a", "x-a", "d"],
    ["Content-Length", "content-length", "12"],
  ]);
});

Deno.test("an absolute target replaces Host and becomes the origin form", () => {
  const rows: [string, string, string][] = [
    ["GET http://b.example:81/x?y", "/x?y", "b.example:81"],
    ["GET HTTP://b.example", "/", "b.example"],
    ["GET https://b.example/x", "/x", "b.example"],
    ["GET http://b.example?q", "/?q", "b.example"],
    ["OPTIONS http://b.example", "*", "b.example"],
  ];
  for (const [start, target, authority] of rows) {
    const head = accepted(`${start} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    assert.deepEqual([head.target, head.authority], [target, authority], start);
  }
});

Deno.test("the length of a head ends where the next message begins", () => {
  const text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const progress = parse(`${text}GET /next`);
  assert.ok(progress.outcome === "complete");
  assert.equal(progress.lengthBytes, text.length);
});

Deno.test("heads over a limit are refused at the byte that is too many", () => {
  const limits = { maxHeadBytes: 64, maxHeaders: 3 };
  const exact = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(64 - 32)}\r\n\r\n`;
  assert.equal(exact.length, 64);
  assert.equal(nameOf(parse(exact, limits)), "accepted");
  assert.equal(nameOf(parse(exact.replace("x", "xx"), limits)), "head-too-large");
  assert.equal(nameOf(parse(`GET /${"a".repeat(100)}`, limits)), "uri-too-long");
  assert.equal(nameOf(parse("G / HTTP/1.1\r\nHost: a\r\nb:\r\nc:\r\n\r\n", limits)), "accepted");
  assert.equal(nameOf(parse("G / HTTP/1.1\r\nHost: a\r\nb:\r\nc:\r\nd:\r\n\r\n", limits)), "too-many-fields");
});

Deno.test("a long target that is wrong at its end is refused in linear time", () => {
  const limits = { maxHeadBytes: 32_768, maxHeaders: 64 };
  const request = `GET /${"?".repeat(30_000)}\xff HTTP/1.1\r\nHost: a\r\n\r\n`;
  const startMs = performance.now();
  for (let n = 0; n < 20; n++) assert.equal(nameOf(parse(request, limits)), "bad-target");
  assert.ok(performance.now() - startMs < 2000, "a search that goes back for each `?` takes half a second each time");
});

Deno.test("a connection persists by version and Connection options", () => {
  const rows: [string, string, boolean][] = [
    ["1.1", "", true],
    ["1.1", "Connection: close\r\n", false],
    ["1.1", "Connection: x, CLOSE\r\n", false],
    ["1.0", "", false],
    ["1.0", "Connection: Keep-Alive\r\n", true],
  ];
  for (const [version, fields, persistent] of rows) {
    const head = accepted(`GET / HTTP/${version}\r\nHost: a\r\n${fields}\r\n`);
    assert.equal(head.persistent, persistent, `${version} ${fields}`);
  }
});

Deno.test("a backend that speaks of content in a 204 is not asked again on that connection", () => {
  const rows: [string, boolean][] = [
    ["204 N\r\n", true],
    ["204 N\r\nContent-Length: 0\r\n", true],
    ["204 N\r\nContent-Length: 5\r\n", false],
    ["204 N\r\nTransfer-Encoding: chunked\r\n", false],
    ["304 N\r\nContent-Length: 5\r\n", true],
  ];
  for (const [text, persistent] of rows) {
    const progress = new ResponseHeadParser(LIMITS, "GET").next(latin1Bytes(`HTTP/1.1 ${text}\r\n`));
    assert.ok(progress.outcome === "complete");
    assert.equal(progress.head.persistent, persistent, text);
  }
});

Deno.test("responses are read with the same strictness", () => {
  const rows: [string, string][] = [
    ["HTTP/1.1 200 OK\r\n\r\n", "accepted"],
    ["HTTP/1.1 200 \r\n\r\n", "accepted"],
    ["HTTP/1.1 200\r\n\r\n", "accepted"],
    ["HTTP/1.1 099 X\r\n\r\n", "bad-status-line"],
    ["HTTP/1.1 600 X\r\n\r\n", "bad-status-line"],
    ["HTTP/1.1  200 OK\r\n\r\n", "bad-status-line"],
    ["HTTP/1.1 2000 OK\r\n\r\n", "bad-status-line"],
    ["ICY 200 OK\r\n\r\n", "bad-status-line"],
    ["HTTP/2.0 200 OK\r\n\r\n", "unsupported-version"],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", "empty-line"],
    ["HTTP/1.1 200 OK\nA: b\n\n", "bare-lf"],
    ["HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "bare-cr"],
    ["HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "obs-fold"],
    ["HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", "whitespace-before-colon"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "duplicate-content-length"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "length-and-chunked"],
    ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer-encoding-in-http10"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "chunked-not-last"],
    ["HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n", "interim-with-content"],
    ["HTTP/1.1 100 C\r\nTransfer-Encoding: chunked\r\n\r\n", "interim-with-content"],
  ];
  for (const [text, expected] of rows) {
    assert.equal(nameOf(new ResponseHeadParser(LIMITS, "GET").next(latin1Bytes(text))), expected, text);
  }
});

const STARTS = ["GET / HTTP/1.1\r\n", "POST http://a/ HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "GET / HTTP/1.0\r\n"];
const GOOD_LINES = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "X: y\r\n"];
const NOISE = [
  "\r",
  "\n",
  " ",
  "\t",
  ":",
  ",",
  "\x00",
  "\xff",
  "#",
  "chunked",
  "5",
  "_",
  "Host: b\r\n",
  "\r\n",
  "HTTP/2.0",
];

/** A request that is mostly right, in half the rounds with noise put in and bytes changed. */
function fuzzInput(random: () => number): Uint8Array {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? "";
  const noisy = random() < 0.5;
  let text = noisy && random() < 0.3 ? pick(NOISE) : `${pick(STARTS)}Host: a\r\n`;
  for (let left = Math.floor(random() * 5); left > 0; left--) {
    text += pick(noisy && random() < 0.4 ? NOISE : GOOD_LINES);
  }
  if (random() < 0.9) text += "\r\n";
  const bytes = latin1Bytes(text);
  for (let left = noisy ? Math.floor(random() * 3) : 0; left > 0; left--) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return bytes;
}

function reencode(head: RequestHead): Uint8Array {
  return encodeHead(`${head.method} ${head.target} HTTP/1.${head.minorVersion}`, head.fields);
}

Deno.test("50 000 random heads: a named outcome, the same byte by byte, and what is accepted survives a round trip", () => {
  const seed = seedFromEnv(20_260);
  const random = seededRandom(seed);
  const seen = new Map<string, number>();
  const limits = { maxHeadBytes: 120, maxHeaders: 6 };
  for (let round = 0; round < 50_000; round++) {
    const bytes = fuzzInput(random);
    const where = `seed ${seed}, round ${round}: ${JSON.stringify(String.fromCharCode(...bytes))}`;
    const whole = new RequestHeadParser(limits).next(bytes);
    const name = nameOf(whole);
    seen.set(name, (seen.get(name) ?? 0) + 1);
    assert.ok(["accepted", "incomplete"].includes(name) || REFUSAL_REASONS.some((reason) => reason === name), where);
    assert.deepEqual(parseBytewise(bytes, limits), whole, where);
    if (whole.outcome !== "complete") continue;
    const again = new RequestHeadParser(LIMITS).next(reencode(whole.head));
    assert.ok(again.outcome === "complete", where);
    const { authority: _first, ...expected } = whole.head;
    const { authority: _second, ...got } = again.head;
    assert.deepEqual(got, expected, where);
  }
  for (const name of ["accepted", "incomplete", "bare-cr", "bare-lf", "control-character", "length-and-chunked"]) {
    assert.ok((seen.get(name) ?? 0) > 50, `${name} was reached: ${JSON.stringify([...seen])}`);
  }
  assert.ok(seen.size > 20, "many outcomes were reached");
});

Deno.test("a head that would carry a line end inside a line is never written", () => {
  assert.throws(() => encodeHead("GET / HTTP/1.1", [{ name: "A", key: "a", value: "b\r\nC: d" }]));
});
