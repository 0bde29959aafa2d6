import assert from "node:assert/strict";
import {
  forwardedInterim,
  forwardedRequest,
  forwardedResponse,
  grantsUpgrade,
  joinTarget,
  type OutgoingHead,
  requestedUpgrade,
} from "../../mod/balance/http_rewrite.ts";
import { type RequestHead, RequestHeadParser, type ResponseHead, ResponseHeadParser } from "../../mod/net/http1.ts";
import { latin1Bytes } from "../net/http1_cases.ts";

const LIMITS = { maxHeadBytes: 8192, maxHeaders: 64 };
const ROUTE = { clientIp: "10.0.0.9", backendHost: "backend:81", pathPrefix: "", upgrade: null };

function request(text: string): RequestHead {
  const progress = new RequestHeadParser(LIMITS).next(latin1Bytes(text));
  assert.ok(progress.outcome === "complete");
  return progress.head;
}

function response(text: string): ResponseHead {
  const progress = new ResponseHeadParser(LIMITS, "GET").next(latin1Bytes(text));
  assert.ok(progress.outcome === "complete");
  return progress.head;
}

function lines(head: OutgoingHead | null): string[] {
  return head === null ? [] : [head.startLine, ...head.fields.map(({ name, value }) => `${name}: ${value}`)];
}

Deno.test("several X-Forwarded-For lines become one, in order, with the client last", () => {
  const head = request(
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n\r\n",
  );
  assert.ok(lines(forwardedRequest(head, ROUTE)).includes("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.9"));
});

Deno.test("an HTTP/1.0 request gets the backend's Host and loses its expectation", () => {
  const head = request("POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  assert.deepEqual(lines(forwardedRequest(head, ROUTE)), [
    "POST /x HTTP/1.1",
    "Host: backend:81",
    "Content-Length: 1",
    "X-Forwarded-For: 10.0.0.9",
    "X-Forwarded-Proto: http",
  ]);
});

Deno.test("an absolute target sends its authority as Host", () => {
  const head = request("GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n");
  const sent = lines(forwardedRequest(head, ROUTE));
  assert.deepEqual(sent.slice(0, 2), ["GET /x HTTP/1.1", "Host: b.example"]);
  assert.equal(sent.filter((line) => line.includes("a.example")).length, 0);
});

Deno.test("paths are joined, and none climbs out of its prefix", () => {
  const rows: [string, string, string | null][] = [
    ["", "/a/../b", "/a/../b"],
    ["/app", "/a?b", "/app/a?b"],
    ["/app", "/", "/app/"],
    ["/app", "*", "*"],
    ["/app", "/a?x=/../y", "/app/a?x=/../y"],
    ["/app", "/a..b/...", "/app/a..b/..."],
    ["/app", "/../admin", null],
    ["/app", "/a/..", null],
    ["/app", "/%2e%2E/admin", null],
    ["/app", "/a%2f..%2fadmin", null],
    ["/app", "/..\\admin", null],
    ["/app", "/..;/admin", null],
  ];
  for (const [prefix, target, expected] of rows) assert.equal(joinTarget(prefix, target), expected, target);
});

Deno.test("an upgrade is asked for with Connection, without content, and never to HTTP/2", () => {
  const rows: [string, string | null][] = [
    ["Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"],
    ["Connection: keep-alive, upgrade\r\nUpgrade: a/1, b\r\n", "a/1, b"],
    ["Upgrade: websocket\r\n", null],
    ["Connection: Upgrade\r\n", null],
    ["Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n", null],
    ["Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", null],
    ["Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n", null],
    ["Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", null],
  ];
  for (const [fields, expected] of rows) {
    const head = request(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    assert.equal(requestedUpgrade(head), expected, fields);
    const sent = lines(forwardedRequest(head, { ...ROUTE, upgrade: expected })).join("\n");
    assert.equal(sent.includes("Upgrade"), expected !== null, "what is not asked for is not sent");
    assert.ok(!sent.includes("HTTP2"));
  }
});

Deno.test("a change of protocol is granted to what was asked for alone", () => {
  const rows: [string | null, string, boolean][] = [
    ["websocket", "Upgrade: WebSocket\r\n", true],
    ["a/1, b", "Upgrade: b\r\n", true],
    ["websocket", "Upgrade: h2c\r\n", false],
    ["websocket", "Upgrade: websocket, h2c\r\n", false],
    ["websocket", "", false],
    [null, "Upgrade: websocket\r\n", false],
  ];
  for (const [asked, fields, expected] of rows) {
    const answer = response(`HTTP/1.1 101 S\r\nConnection: upgrade\r\n${fields}\r\n`);
    assert.equal(grantsUpgrade(asked, answer), expected, `${asked} ${fields}`);
  }
});

Deno.test("an expectation goes with content only, and each proxy counts Max-Forwards down", () => {
  const rows: [string, string, boolean][] = [
    ["POST", "Expect: 100-continue\r\nContent-Length: 5\r\n", true],
    ["POST", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", true],
    ["POST", "Expect: 100-continue\r\nContent-Length: 0\r\n", false],
    ["GET", "Expect: 100-continue\r\n", false],
  ];
  for (const [method, fields, expected] of rows) {
    const sent = lines(forwardedRequest(request(`${method} / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`), ROUTE));
    assert.equal(sent.includes("Expect: 100-continue"), expected, fields);
  }
  const counted = (method: string): string[] =>
    lines(forwardedRequest(request(`${method} / HTTP/1.1\r\nHost: a\r\nmax-forwards: 10\r\n\r\n`), ROUTE));
  assert.ok(counted("OPTIONS").includes("max-forwards: 9"));
  assert.ok(counted("TRACE").includes("max-forwards: 9"));
  assert.ok(counted("GET").includes("max-forwards: 10"));
});

Deno.test("forwarded fields spelt with an underscore go too", () => {
  const head = request("GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1.1.1.1\r\nX_FORWARDED_PROTO: https\r\n\r\n");
  assert.ok(!lines(forwardedRequest(head, ROUTE)).join("\n").includes("_"));
});

Deno.test("responses say what becomes of the client's connection", () => {
  const head = response("HTTP/1.1 200 Fine\r\nKeep-Alive: x\r\nContent-Length: 3\r\n\r\n");
  const as = (minorVersion: 0 | 1, persistent: boolean): string[] =>
    lines(forwardedResponse(head, { minorVersion, persistent, chunked: false }));
  assert.deepEqual(as(1, true), ["HTTP/1.1 200 Fine", "Content-Length: 3"]);
  assert.deepEqual(as(1, false), ["HTTP/1.1 200 Fine", "Content-Length: 3", "Connection: close"]);
  assert.deepEqual(as(0, true), ["HTTP/1.1 200 Fine", "Content-Length: 3", "Connection: keep-alive"]);
});

Deno.test("204 has no length, 103 keeps its links, 101 its protocol", () => {
  const empty = response("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
  assert.deepEqual(lines(forwardedResponse(empty, { minorVersion: 1, persistent: true, chunked: false })), [
    "HTTP/1.1 204 No Content",
  ]);
  assert.deepEqual(lines(forwardedInterim(response("HTTP/1.1 103 Early Hints\r\nLink: a\r\nConnection: x\r\n\r\n"))), [
    "HTTP/1.1 103 Early Hints",
    "Link: a",
  ]);
  assert.deepEqual(lines(forwardedInterim(response("HTTP/1.1 101 S\r\nUpgrade: ws\r\nConnection: upgrade\r\n\r\n"))), [
    "HTTP/1.1 101 S",
    "Connection: Upgrade",
    "Upgrade: ws",
  ]);
});
