import assert from "node:assert/strict";
import { httpConfig } from "../kit.ts";
import { destination } from "./kit.ts";
import { FORWARDED_GET, forwardedPost, GET, HttpRig, OK, statusOf, TIMES } from "./http_rig.ts";

const POST = "POST / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = "Transfer-Encoding: chunked";

Deno.test("a stale kept connection is replaced for what may be repeated, and for nothing else", () => {
  for (
    const [request, answer] of [[GET, "200"], [`${POST}Content-Length: 2\r\n\r\nhi`, "502"], [`${POST}\r\n`, "502"]]
  ) {
    for (const how of ["end", "fail"] as const) {
      const rig = new HttpRig();
      const { client, backend } = rig.served();
      client.give(request ?? "");
      backend[how]();
      if (answer === "200") rig.opened(2).give(OK);
      assert.equal(statusOf(client.take()), answer, `${how} of ${request}`);
      assert.ok(backend.isClosed);
      rig.assertSettled();
    }
  }
});

Deno.test("what must not be repeated gets a kept connection only while that is fresh", () => {
  const rig = new HttpRig({ idleTimeoutMs: 10_000 });
  const { client } = rig.served();
  rig.loop.pass(1001);
  client.give(`${POST}Content-Length: 2\r\n\r\nhi`);
  const fresh = rig.opened(2);
  assert.equal(fresh.take(), forwardedPost("Content-Length: 2", "hi"));
  fresh.give(OK);
  client.give(GET);
  assert.equal(fresh.take(), FORWARDED_GET, "the one used last");
});

Deno.test("a backend that has begun to answer, or is late, gets no second chance", () => {
  const rig = new HttpRig();
  const { client, backend } = rig.served();
  client.give(GET);
  backend.give("HTTP/1.1 2");
  backend.end();
  assert.equal(statusOf(client.take()), "502");
  const other = rig.served();
  other.client.give(GET);
  rig.loop.pass(TIMES.responseTimeoutMs);
  assert.equal(statusOf(other.client.take()), "504");
  assert.equal(other.backend.ending, "close");
  rig.assertSettled();
});

Deno.test("a connect that fails or takes too long is passed over, also for a POST", () => {
  const rig = new HttpRig({}, { count: 3 });
  const client = rig.client();
  client.give(`${POST}Content-Length: 5\r\n\r\nhello`);
  rig.loop.latest.fail(111);
  rig.loop.pass(TIMES.connectTimeoutMs);
  const backend = rig.opened(3);
  assert.equal(backend.take(), forwardedPost("Content-Length: 5", "hello"));
  assert.deepEqual(rig.backends.told, ["failed 0 ECONNREFUSED", "failed 1 no answer within 200 ms", "connected 2"]);
  backend.give(OK);
  assert.equal(client.take(), OK);
  rig.assertSettled();
});

Deno.test("without a backend the answer is 503, and the connection goes on", () => {
  const rig = new HttpRig();
  rig.loop.isExhausted = true;
  const client = rig.client();
  client.give(GET + GET);
  assert.equal(client.take().match(/HTTP\/1\.1 503 /g)?.length, 2);
  assert.equal(client.ending, "");
  rig.assertSettled();
});

Deno.test("content is read only when what was read before has left, and others have their turn", () => {
  const rig = new HttpRig({}, { scratchBytes: 2048 + 100 });
  const client = rig.client();
  client.give(`${POST}Content-Length: 3000\r\n\r\n`);
  const backend = rig.opened(1);
  backend.take();
  backend.room = 100;
  client.give("x".repeat(1000));
  assert.deepEqual([backend.keptBytes, client.waiting], [100, 800], "one piece at most is kept");
  backend.drain();
  client.give("x".repeat(1999));
  assert.equal(backend.take().length, 2999);
  backend.room = 0;
  client.give(`x${GET}`);
  backend.drain();
  assert.equal(backend.take(), "x");
  backend.give(OK);
  assert.equal(client.take(), OK);
  assert.equal(backend.take(), FORWARDED_GET, "what came behind the content is the next request");
});

Deno.test("an answer is read only when what was read before has left", () => {
  const rig = new HttpRig({}, { scratchBytes: 2048 + 100 });
  const client = rig.client();
  client.give(GET);
  client.room = 0;
  const backend = rig.opened(1);
  backend.give(`HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${"x".repeat(2000)}`);
  assert.ok(client.keptBytes <= 100 && backend.waiting > 1900, "one piece at most is kept");
  client.drain(200);
  assert.ok(client.keptBytes <= 100 && backend.waiting > 1700);
  client.drain();
  backend.again();
  assert.equal(client.take().length, 41 + 2000);
  client.give(GET);
  assert.equal(backend.take().slice(-FORWARDED_GET.length), FORWARDED_GET, "both connections go on");
});

Deno.test("content that trickles has the idle time from piece to piece, then it is the client's fault", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(`${POST}Content-Length: 5\r\n\r\n`);
  const backend = rig.opened(1);
  for (const byte of "hell") {
    rig.loop.pass(TIMES.idleTimeoutMs - 1);
    client.give(byte);
    assert.equal(client.ending, "");
  }
  rig.loop.pass(TIMES.idleTimeoutMs);
  assert.ok(client.isClosed && backend.isClosed);
  rig.assertSettled();
});

Deno.test("content that is cut short, malformed or too long never looks complete to the backend", () => {
  const rows: [string, string, string, string][] = [
    ["Content-Length: 10", "hello", "end", "400 close"],
    [CHUNKED, "5\r\nhello\r\n", "end", "400 close"],
    [CHUNKED, "5\r\nhelloXX", "", "400 close"],
    [CHUNKED, "5\r\nhello\r\n6\r\nlonger\r\n0\r\n\r\n", "", "413 close"],
  ];
  for (const [framing, content, end, answer] of rows) {
    const rig = new HttpRig({ maxRequestBytes: 10 });
    const client = rig.client();
    client.give(`${POST}${framing}\r\n\r\n`);
    const backend = rig.opened(1);
    client.give(content);
    if (end === "end") client.end();
    assert.equal(statusOf(client.take()), answer, content);
    assert.ok(backend.isClosed && !backend.take().includes("0\r\n\r\n"), content);
    rig.assertSettled();
  }
});

Deno.test("an answer before the request is complete ends both connections, and nothing of it is lost", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(`${POST}Content-Length: 100\r\n\r\npart`);
  const backend = rig.opened(1);
  backend.give("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
  assert.match(client.take(), /Connection: close\r\n\r\nbig$/);
  assert.deepEqual([client.ending, backend.ending], ["finish", "close"]);
  client.give("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(rig.loop.outgoing.length, 1);
  rig.assertSettled();
});

Deno.test("an answer that breaks off reaches the client as a reset", () => {
  const starts = ["Content-Length: 9\r\n\r\npart", `${CHUNKED}\r\n\r\n4\r\npart\r\n`, "X: y\r\n\r\npart"];
  for (const start of starts) {
    for (const how of ["end", "fail", "late", "malformed"]) {
      const rig = new HttpRig({ maxResponseBytes: 9 });
      const client = rig.client();
      client.give(GET);
      const backend = rig.opened(1);
      backend.give(`HTTP/1.1 200 OK\r\n${start}`);
      if (how === "end") backend.end();
      else if (how === "fail") backend.fail();
      else if (how === "late") rig.loop.pass(TIMES.idleTimeoutMs);
      else backend.give("\nX, and more than there may be");
      const isWhole = (how === "end" && start.startsWith("X")) ||
        (how === "malformed" && start.startsWith("Content-L"));
      assert.equal(client.ending, isWhole ? "" : "reset", `${how} of ${start}`);
      assert.ok(backend.isClosed);
      assert.equal(client.take().endsWith("0\r\n\r\n"), isWhole && how === "end");
      rig.assertSettled();
    }
  }
});

Deno.test("what a backend sends behind its answer, or without being asked, ends its connection", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(GET);
  const backend = rig.opened(1);
  backend.give(OK + OK);
  assert.equal(client.take(), OK);
  assert.equal(backend.ending, "close");
  client.give(GET);
  const second = rig.opened(2);
  second.give(OK);
  second.give("unasked");
  assert.equal(second.ending, "close");
});

Deno.test("interim answers reach clients that know them, and have an end", () => {
  const hints = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
  const rig = new HttpRig();
  const client = rig.client();
  client.give(GET);
  const backend = rig.opened(1);
  backend.give(hints + hints + OK);
  assert.equal(client.take(), hints + hints + OK);
  client.give("GET / HTTP/1.0\r\n\r\n");
  backend.give(hints + OK);
  assert.match(client.take(), /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi$/);
  const other = rig.client();
  other.give(GET);
  backend.give(hints.repeat(17));
  assert.match(other.take(), /HTTP\/1\.1 502 /);
  rig.assertSettled();
});

Deno.test("a client that waits for 100-continue is told by the backend", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(`${POST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  const backend = rig.opened(1);
  assert.match(backend.take(), /\r\nExpect: 100-continue\r\n[^]*\r\n\r\n$/);
  backend.give("HTTP/1.1 100 Continue\r\n\r\n");
  assert.equal(client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.give("hello");
  assert.equal(backend.take(), "hello");
  backend.give(OK);
  assert.equal(client.take(), OK);
  assert.deepEqual([client.ending, backend.ending], ["", ""]);
  rig.assertSettled();
});

Deno.test("content that is on its way to someone slow has its time, and so has who cannot answer before", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(`${POST}Content-Length: 2\r\n\r\nhi`);
  const backend = rig.opened(1);
  backend.sinceSentMs = 150;
  rig.loop.pass(TIMES.responseTimeoutMs);
  assert.equal(client.take(), "", "it has not got all of the request");
  backend.sinceSentMs = TIMES.responseTimeoutMs;
  rig.loop.pass(149);
  assert.equal(client.take(), "");
  rig.loop.pass(101);
  assert.equal(statusOf(client.take()), "504");
  const slow = rig.client();
  slow.give(GET);
  const other = rig.opened(2);
  slow.room = 0;
  other.give("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
  slow.sinceSentMs = 1;
  rig.loop.pass(TIMES.idleTimeoutMs);
  assert.equal(slow.isClosed, false);
  slow.sinceSentMs = Infinity;
  rig.loop.pass(TIMES.idleTimeoutMs);
  assert.deepEqual([slow.ending, other.ending], ["reset", "reset"]);
  rig.assertSettled();
});

Deno.test("the last bytes of an answer may take their time, as long as they leave", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(GET);
  client.room = 0;
  rig.opened(1).give(OK);
  client.sinceSentMs = 1;
  rig.loop.pass(TIMES.idleTimeoutMs);
  assert.equal(client.ending, "");
  client.sinceSentMs = Infinity;
  rig.loop.pass(TIMES.idleTimeoutMs);
  assert.equal(client.ending, "reset");
});

Deno.test("a connection to a backend that is configured no more, or did not take all, is not kept", () => {
  const removed = new HttpRig();
  const { client, backend } = removed.served();
  client.give(GET);
  removed.backends.gone.add(0);
  backend.give(OK);
  assert.equal(client.take(), OK);
  assert.deepEqual([client.ending, backend.ending], ["", "close"]);
  const full = new HttpRig();
  const sender = full.client();
  sender.give(`${POST}Content-Length: 5\r\n\r\n`);
  const early = full.opened(1);
  early.room = 0;
  sender.give("hello");
  early.give(OK);
  assert.equal(sender.take(), OK);
  assert.deepEqual([sender.ending, early.ending], ["", "close"]);
});

Deno.test("a backend that is removed while it is connected to is spoken to as it was configured", () => {
  const rig = new HttpRig({ backends: [{ url: new URL("http://127.0.0.1:8001/app"), weight: 1 }] });
  rig.backends.destination = () => ({ ...destination(8001), name: "127.0.0.1:8001/app" });
  const client = rig.client();
  client.give(GET);
  rig.service.update(httpConfig([8002], TIMES));
  const backend = rig.opened(1);
  assert.match(backend.take(), /^GET \/app\/ HTTP/);
});
