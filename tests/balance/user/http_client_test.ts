import assert from "node:assert/strict";
import { FORWARDED_GET, GET, HttpRig, OK, statusOf, TIMES } from "./http_rig.ts";

const LAST_GET = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");

Deno.test("a client that says nothing is closed without an answer, at first sooner", () => {
  const rig = new HttpRig();
  const silent = rig.client();
  rig.loop.pass(TIMES.headTimeoutMs - 1);
  assert.equal(silent.ending, "");
  rig.loop.pass(1);
  assert.deepEqual([silent.ending, silent.take()], ["close", ""]);
  const { client } = rig.served();
  rig.loop.pass(TIMES.idleTimeoutMs - 1);
  assert.equal(client.ending, "");
  rig.loop.pass(1);
  assert.deepEqual([client.ending, client.take()], ["close", ""]);
});

Deno.test("a head has its time from its first byte, however often more of it comes", () => {
  const rig = new HttpRig();
  const { client } = rig.served();
  rig.loop.pass(TIMES.idleTimeoutMs - 10);
  client.give("GET /");
  for (let passed = 0; passed < TIMES.headTimeoutMs - 50; passed += 50) {
    rig.loop.pass(50);
    client.give("x");
    assert.equal(client.ending, "");
  }
  rig.loop.pass(50);
  assert.equal(statusOf(client.take()), "408 close");
  assert.equal(client.ending, "finish");
  client.give("more");
  assert.equal(client.waiting, 0, "what comes now is thrown away");
  rig.loop.pass(1000);
  assert.equal(client.ending, "close");
});

Deno.test("a head that comes byte by byte is a head, and so are several that come together", () => {
  const rig = new HttpRig();
  const { client, backend } = rig.served();
  for (const byte of GET) client.give(byte);
  assert.equal(backend.take(), FORWARDED_GET);
  client.give(GET + GET.slice(0, 5));
  assert.equal(backend.take(), "", "one after the other");
  backend.give(OK);
  assert.equal(client.take(), OK);
  assert.equal(backend.take(), FORWARDED_GET);
  backend.give(OK);
  assert.equal(client.take(), OK);
  client.give(GET.slice(5));
  assert.equal(backend.take(), FORWARDED_GET);
  assert.equal(rig.loop.outgoing.length, 1);
});

Deno.test("a refused request is answered and its connection ended without losing the answer", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  assert.equal(statusOf(client.take()), "400 close");
  assert.equal(client.ending, "finish");
  client.end();
  assert.equal(client.ending, "close");
  assert.equal(rig.loop.outgoing.length, 0);
});

Deno.test("who asked for the end gets it with the answer, unless there is something left to read", () => {
  for (const [behind, later] of [["", ""], ["GET /more", ""], ["", "GET /more"]] as const) {
    const rig = new HttpRig();
    const client = rig.client();
    client.give(LAST_GET + behind);
    client.give(later);
    rig.opened(1).give(OK);
    assert.equal(statusOf(client.take()), "200 close");
    assert.equal(client.ending, behind + later === "" ? "close" : "finish");
    if (behind + later === "") continue;
    client.end();
    assert.equal(client.ending, "close");
  }
});

Deno.test("the next request waits until the answer has left, and a client that does not read is cut", () => {
  const rig = new HttpRig();
  const { client, backend } = rig.served();
  client.room = 10;
  client.give(GET + GET);
  backend.give(OK);
  assert.equal(backend.take(), FORWARDED_GET);
  rig.loop.pass(TIMES.idleTimeoutMs - 1);
  client.drain(5);
  rig.loop.pass(TIMES.idleTimeoutMs - 1);
  assert.equal(client.ending, "", "it has read a little");
  assert.equal(backend.take(), "");
  client.drain();
  assert.equal(client.take(), OK);
  assert.equal(backend.take(), FORWARDED_GET);
  client.room = 0;
  backend.give(OK);
  rig.loop.pass(2 * TIMES.idleTimeoutMs);
  assert.equal(client.ending, "reset");
  rig.assertSettled();
});

Deno.test("a client that ends its side after the request still gets its answer", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give(GET);
  client.end();
  rig.opened(1).give(OK);
  assert.equal(client.take(), OK);
  assert.equal(client.ending, "close");
  rig.assertSettled();
});

Deno.test("a client that ends within a head, or breaks, is closed", () => {
  const rig = new HttpRig();
  const client = rig.client();
  client.give("GET / HT");
  client.end();
  assert.deepEqual([client.ending, client.take()], ["close", ""]);
  const { client: other, backend } = rig.served();
  other.give(GET);
  other.fail();
  assert.equal(backend.ending, "reset", "the backend need not go on");
  rig.assertSettled();
});

Deno.test("requests that need no backend are answered a few at a time, so that others have their turn", () => {
  const rig = new HttpRig({}, { count: 0 });
  const client = rig.client();
  client.arrive(GET.repeat(100));
  client.owner.readable(client);
  const count = (): number => client.take().match(/HTTP\/1\.1 503 /g)?.length ?? 0;
  const first = count();
  assert.ok(first > 0 && first < 50, `${first} in a row`);
  client.again();
  assert.equal(first + count(), 100, "and then the others");
});

Deno.test("a request that has come before a drain is answered, though nobody has heard of it", () => {
  const rig = new HttpRig();
  const { client, backend } = rig.served();
  const silent = rig.client();
  client.arrive(GET);
  rig.service.drain("close");
  assert.deepEqual([silent.ending, client.ending], ["close", ""]);
  assert.equal(backend.take(), FORWARDED_GET);
  backend.give(OK);
  assert.equal(statusOf(client.take()), "200 close");
});

Deno.test("with time to drain, a request that is on its way when it begins is answered as the last one", () => {
  const rig = new HttpRig({ drainMs: 400 });
  const { client, backend } = rig.served();
  const silent = rig.client();
  rig.service.drain("close");
  rig.loop.pass(199);
  assert.deepEqual([silent.ending, client.ending], ["", ""]);
  client.give(GET);
  rig.loop.pass(1);
  assert.deepEqual([silent.ending, client.ending], ["close", ""]);
  assert.equal(backend.ending, "close", "none is kept");
  rig.opened(2).give(OK);
  assert.equal(statusOf(client.take()), "200 close");
});

Deno.test("an answer that breaks off takes none along that is complete and still on its way", () => {
  const part = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi";
  for (const missing of [0, 1]) {
    const rig = new HttpRig();
    const { client, backend } = rig.served();
    client.acknowledgedBytes = OK.length - missing;
    client.give(GET);
    backend.give(part);
    backend.fail();
    assert.equal(client.take(), part);
    assert.equal(client.ending, missing === 0 ? "reset" : "finish");
    rig.loop.pass(1000);
    assert.ok(client.isClosed);
    rig.assertSettled();
  }
});
