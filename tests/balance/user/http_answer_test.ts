import assert from "node:assert/strict";
import { FORWARDED_GET, GET, HttpRig, OK, statusOf } from "./http_rig.ts";

const OLD = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const HEAD = GET.replace("GET", "HEAD");
const CLOSING = "Connection: close\r\n";

/** What a client gets of an answer, whether the client's connection and the backend's go on. */
const ROWS: { what: string; request: string; answer: string; got: string; client: boolean; backend: boolean }[] = [
  { what: "a length", request: GET, answer: OK, got: OK, client: true, backend: true },
  {
    what: "hop-by-hop fields",
    request: GET,
    answer: OK.replace("\r\n\r\n", "\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Keep: 2\r\n\r\n"),
    got: OK.replace("\r\n\r\n", "\r\nX-Keep: 2\r\n\r\n"),
    client: true,
    backend: true,
  },
  {
    what: "a backend that closes",
    request: GET,
    answer: OK.replace("\r\n\r\n", `\r\n${CLOSING}\r\n`),
    got: OK,
    client: true,
    backend: false,
  },
  {
    what: "chunks",
    request: GET,
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    got: "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    client: true,
    backend: true,
  },
  {
    what: "chunks for an old client",
    request: OLD,
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
    got: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",
    client: false,
    backend: true,
  },
  {
    what: "a length for an old client",
    request: OLD,
    answer: OK,
    got: OK.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n"),
    client: true,
    backend: true,
  },
  {
    what: "an old backend",
    request: GET,
    answer: OK.replace("1.1", "1.0"),
    got: OK,
    client: true,
    backend: false,
  },
  {
    what: "an answer to HEAD",
    request: HEAD,
    answer: OK.replace("hi", ""),
    got: OK.replace("hi", ""),
    client: true,
    backend: true,
  },
  {
    what: "chunks that HEAD only hears of",
    request: HEAD,
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    got: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    client: true,
    backend: true,
  },
  {
    what: "304",
    request: GET,
    answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n",
    got: "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n",
    client: true,
    backend: true,
  },
  {
    what: "204",
    request: GET,
    answer: "HTTP/1.1 204 No Content\r\n\r\n",
    got: "HTTP/1.1 204 No Content\r\n\r\n",
    client: true,
    backend: true,
  },
];

Deno.test("answers arrive as their clients can read them, whole and byte by byte", () => {
  for (const { what, request, answer, got, client: staysClient, backend: staysBackend } of ROWS) {
    for (const pieces of [[answer], answer]) {
      const rig = new HttpRig();
      const client = rig.client();
      client.give(request);
      const backend = rig.opened(1);
      for (const piece of pieces) backend.give(piece);
      assert.equal(client.take(), got, what);
      assert.deepEqual([client.ending === "", !backend.isClosed], [staysClient, staysBackend], what);
      rig.assertSettled();
    }
  }
});

Deno.test("content that lasts until the backend closes becomes chunks", () => {
  for (const pieces of [["HTTP/1.1 200 OK\r\n\r\nhi"], ["HTTP/1.1 200 OK\r\n\r\n", "hi"]]) {
    const rig = new HttpRig();
    const client = rig.client();
    client.give(GET);
    const backend = rig.opened(1);
    for (const piece of pieces) backend.give(piece);
    backend.end();
    assert.equal(client.take(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    assert.deepEqual([client.ending, backend.ending], ["", "close"]);
    rig.assertSettled();
  }
});

Deno.test("answers that are not valid, or larger than is allowed, become 502", () => {
  const answers = [
    "garbage\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
  ];
  for (const answer of answers) {
    const rig = new HttpRig({ maxResponseBytes: 8 });
    const client = rig.client();
    client.give(GET + GET);
    const backend = rig.opened(1);
    backend.give(answer);
    assert.equal(statusOf(client.take()), "502", answer);
    assert.ok(backend.isClosed);
    const next = rig.opened(2);
    assert.equal(next.take(), FORWARDED_GET, "the client's connection goes on");
    next.give(OK);
    assert.equal(client.take(), OK);
    rig.assertSettled();
  }
});
