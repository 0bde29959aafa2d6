import assert from "node:assert/strict";
import { forwardedRequest, forwardedResponse } from "../../mod/balance/http_rewrite.ts";
import { encodeHead, RequestHeadParser, ResponseHeadParser } from "../../mod/net/http1.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";
import { forwardedProtoLine, PlainRequest, PlainResponse } from "../../mod/net/http1_plain.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { latin1Bytes, REQUEST_CASES } from "./http1_cases.ts";
import { nextRequest, nextResponse } from "./http1_fuzz_inputs.ts";
import { SMUGGLING_CASES } from "./http1_smuggling_cases.ts";
import { RESPONSE_CASES } from "./http1_smuggling_responses.ts";

const LIMITS = { maxHeadBytes: 2048, maxHeaders: 8 };
const CLIENT = "192.0.2.7";
const ROUTE = { clientIp: CLIENT, forwardedProto: forwardedProtoLine("http") };
/** What comes before the head in the buffer, and what behind it. */
const BEFORE = "stale bytes";
const BEHIND = "GET /next HTTP/1.1\r\n";

const request = new PlainRequest();
const response = new PlainResponse();
const into = new Uint8Array(65_536);

function placed(text: string): { bytes: Uint8Array<ArrayBuffer>; start: number; end: number } {
  return { bytes: latin1Bytes(BEFORE + text + BEHIND), start: BEFORE.length, end: BEFORE.length + text.length };
}

/** What becomes of a plain request; null: it is not plain. */
function plainRequest(text: string): string | null {
  const { bytes, start, end } = placed(text);
  if (request.read(bytes, start, { end, limits: LIMITS }) !== "plain") return null;
  return latin1Text(into.subarray(0, request.write(into, bytes, ROUTE)));
}

function plainResponse(text: string, route: { persistent: boolean; chunked: boolean }): string | null {
  const { bytes, start, end } = placed(text);
  if (response.read(bytes, start, { end, limits: LIMITS }) !== "plain") return null;
  return latin1Text(into.subarray(0, response.write(into, bytes, route)));
}

/** Compares with the strict way, if the request is plain; gives whether it is. */
function comparedRequest(text: string, hint: string): boolean {
  const got = plainRequest(text);
  if (got === null) return false;
  const progress = new RequestHeadParser(LIMITS).next(latin1Bytes(text));
  assert.ok(progress.outcome === "complete", `${hint}: ${JSON.stringify(progress)}`);
  const { head, lengthBytes } = progress;
  const outgoing = forwardedRequest(head, { clientIp: CLIENT, backendHost: "b", pathPrefix: "", upgrade: null });
  assert.ok(outgoing !== null);
  assert.equal(got, latin1Text(encodeHead(outgoing.startLine, outgoing.fields)), hint);
  assert.ok(got.length <= lengthBytes + request.growth(ROUTE), hint);
  const length = head.framing.kind === "length" ? head.framing.bytes : -1;
  assert.ok(head.framing.kind === "length" || head.framing.kind === "none", hint);
  assert.deepEqual(
    [request.lengthBytes, request.method, request.persistent, request.contentLength],
    [lengthBytes, head.method, head.persistent, length],
    hint,
  );
  return true;
}

function comparedResponse(text: string, method: string, hint: string): boolean {
  const { bytes, start, end } = placed(text);
  if (response.read(bytes, start, { end, limits: LIMITS }) !== "plain") return false;
  const { status, contentLength, isChunked, persistent } = response;
  const progress = new ResponseHeadParser(LIMITS, method).next(latin1Bytes(text));
  assert.ok(progress.outcome === "complete", `${hint}: ${JSON.stringify(progress)}`);
  const { head } = progress;
  const lasts = head.framing.kind !== "until-close";
  for (const stays of [true, false]) {
    const route = { persistent: stays, chunked: isChunked };
    const outgoing = forwardedResponse(head, { ...route, minorVersion: 1 });
    assert.equal(plainResponse(text, route), latin1Text(encodeHead(outgoing.startLine, outgoing.fields)), hint);
  }
  const hasContent = method !== "HEAD" && status !== 304;
  const declared = isChunked ? { kind: "chunked" } : { kind: "length", bytes: contentLength };
  const framing = isChunked || contentLength >= 0 ? declared : { kind: "until-close" };
  assert.deepEqual(head.framing, hasContent ? framing : { kind: "none" }, hint);
  assert.equal(persistent && lasts, head.persistent, hint);
  assert.deepEqual([response.lengthBytes, status], [progress.lengthBytes, head.status], hint);
  return true;
}

const PLAIN_REQUESTS = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "HEAD /a/b?c=d&e HTTP/1.1\r\nhOST: a.example:8080\r\nUser-Agent: x (y; z)\r\nAccept: */*\r\n\r\n",
  "POST /x HTTP/1.1\r\nContent-Length: 12\r\nHost: 192.0.2.1\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\nX-Text: caf\xe9 \x80\xff\ttab\r\n\r\n",
  "OPTIONS / HTTP/1.1\r\nHost: a\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\nX: y\r\n\r\n",
  "DELETE /%2e HTTP/1.1\r\nX-A: 1\r\nHost: a\r\nX-B: 2\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
  "GET / HTTP/1.1\r\nX-Forwarded-For: b, c\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX: y\r\nx-forwarded-host: d\r\n\r\n",
];

Deno.test("plain requests become the same bytes as by the strict way", () => {
  for (const text of PLAIN_REQUESTS) assert.ok(comparedRequest(text, text), text);
});

const OTHER_REQUESTS: readonly string[] = [
  "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
  "GET /\\ HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
  "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.1\r\nX: y\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n",
  "GET / HTTP/1.1\r\nHost:a\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: y \r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nClose: x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: close\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\nX-Forwarded-For: c\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
  `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(8)}\r\n`,
  `GET /${"x".repeat(2048)} HTTP/1.1\r\nHost: a\r\n\r\n`,
];

Deno.test("what is not plain is left to the strict way", () => {
  for (const text of OTHER_REQUESTS) assert.equal(plainRequest(text), null, text);
});

Deno.test("a head that is not complete is not plain, wherever it ends", () => {
  for (const text of PLAIN_REQUESTS) {
    for (let end = 0; end < text.length; end++) {
      assert.equal(plainRequest(text.slice(0, end)), null, `${end} of ${text}`);
    }
  }
});

Deno.test("none of the refused requests is plain", () => {
  for (const { what, text, expected } of REQUEST_CASES) {
    const isPlain = comparedRequest(text, what);
    assert.ok(!isPlain || expected === "accepted", what);
  }
  for (const { name, bytes } of Object.values(SMUGGLING_CASES).flat()) comparedRequest(bytes, name);
  for (const { name, bytes, method } of RESPONSE_CASES) comparedResponse(bytes, method, name);
});

const PLAIN_RESPONSES = [
  "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nConnection: keep-alive\r\nETag: y\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n",
  "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 302 See  elsewhere\xe9\r\nKeep-Alive: timeout=5\r\nHost: a\r\nLocation: /x\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
  "HTTP/1.1 500 E\r\nConnection: close\r\n\r\n",
];

Deno.test("plain responses become the same bytes as by the strict way", () => {
  for (const text of PLAIN_RESPONSES) {
    for (const method of ["GET", "HEAD"]) assert.ok(comparedResponse(text, method, text), text);
    for (let end = 0; end < text.length; end++) {
      assert.equal(plainResponse(text.slice(0, end), { persistent: true, chunked: false }), null, `${end} of ${text}`);
    }
  }
});

Deno.test("other responses are left to the strict way", () => {
  const rows = [
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: y\r\n\r\n",
  ];
  for (const text of rows) assert.equal(plainResponse(text, { persistent: true, chunked: false }), null, text);
});

/** A few changes to a text: characters replaced, taken out, put in, pieces of others put in. */
function changed(text: string, random: () => number, pieces: readonly string[]): string {
  const any = (count: number): number => Math.floor(random() * count);
  let result = text;
  for (let left = any(4); left > 0; left--) {
    const at = any(result.length);
    const odd = "\r\n\t :,;_\x00\x7f\x80aHc0/"[any(17)] ?? "";
    const piece = pieces[any(pieces.length)] ?? "";
    const from = piece.indexOf("\r\n") + 2;
    const put = [odd, "", piece.slice(from, from + any(piece.length)), odd + odd][any(4)] ?? "";
    result = result.slice(0, at) + put + result.slice(at + any(3));
  }
  return result;
}

Deno.test("whatever becomes of heads that are changed at random, plain ones are read as by the strict way", () => {
  const seed = seedFromEnv(4711);
  const random = seededRandom(seed);
  const requests = [...PLAIN_REQUESTS, ...OTHER_REQUESTS, ...REQUEST_CASES.map(({ text }) => text)];
  let plain = 0;
  for (let n = 0; n < 30_000; n++) {
    const [text, answer] = [requests[n % requests.length] ?? "", PLAIN_RESPONSES[n % PLAIN_RESPONSES.length] ?? ""];
    if (comparedRequest(changed(text, random, requests), `seed ${seed}, request ${n}`)) plain++;
    const method = n % 3 === 0 ? "HEAD" : "GET";
    comparedRequest(nextRequest(random), `seed ${seed}, fuzzed request ${n}`);
    comparedResponse(nextResponse(random), method, `seed ${seed}, fuzzed response ${n}`);
    if (comparedResponse(changed(answer, random, PLAIN_RESPONSES), method, `seed ${seed}, response ${n}`)) plain++;
  }
  assert.ok(plain > 5000, `${plain} were plain`);
});
