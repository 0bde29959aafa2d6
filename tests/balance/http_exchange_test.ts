import assert from "node:assert/strict";
import net from "node:net";
import {
  ask,
  atRest,
  Backend,
  eventually,
  httpBackend,
  httpConfig,
  okResponse,
  pattern,
  portOf,
  RawConn,
  withBalancer,
} from "./kit.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** Answers one request on each connection, then closes it without a word. */
function closingBackend(answer: string): Backend {
  return new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    await conn.send(answer);
  });
}

Deno.test("a kept connection that the backend has closed is replaced without the client noticing", async () => {
  const backend = closingBackend(okResponse("hi!"));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    for (let n = 1; n <= 20; n++) {
      await client.send(GET);
      assert.match(await client.until("!"), /^HTTP\/1\.1 200 OK/);
    }
    client.close();
    assert.equal(backend.accepted, 20);
  });
  await backend.close();
});

Deno.test("bytes behind a response are never taken for the answer to the next request", async () => {
  const backend = httpBackend((_head, n) => `${okResponse(`answer ${n}!`)}${okResponse("poison!")}`);
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    for (let n = 0; n < 3; n++) {
      await client.send(GET);
      assert.match(await client.until("!"), /answer 0!$/);
    }
    client.close();
    assert.equal(backend.accepted, 3);
  });
  await backend.close();
});

Deno.test("a request that must not be repeated is not: a backend that dies on it gives 502", async () => {
  let requests = 0;
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    await conn.send(okResponse("hi!"));
    await conn.until("\r\n\r\n");
    requests++;
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    for (const [method, status, times] of [["POST", "502", 1], ["GET", "200", 2]] as const) {
      const client = await RawConn.connect(portOf(balancer));
      await client.send(GET);
      await client.until("!");
      await client.send(`${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      assert.match(await client.rest(), new RegExp(`^HTTP/1\\.1 ${status} `), method);
      assert.equal(requests, times, method);
      client.close();
    }
  });
  await backend.close();
});

Deno.test("100-continue and early hints reach a client that knows them", async () => {
  const backend = new Backend(async (conn) => {
    assert.match(await conn.until("\r\n\r\n"), /\r\nExpect: 100-continue\r\n/);
    await conn.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    await conn.until("content");
    await conn.send(okResponse("thanks"));
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    assert.equal(await client.until("\r\n\r\n"), "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
    assert.equal(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("content");
    assert.match(await client.until("thanks"), /^HTTP\/1\.1 200 OK\r\nContent-Length: 6\r\n\r\n/);
    client.close();
  });
  await backend.close();
});

Deno.test("answers without content end with their head", async () => {
  const answers = [
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  ];
  const backend = httpBackend((_head, n) => answers[n] ?? "");
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    for (const [at, answer] of answers.entries()) {
      await client.send(at < 2 ? GET : GET.replace("GET", "HEAD"));
      assert.equal(await client.until("\r\n\r\n"), answer);
    }
    client.close();
    assert.equal(backend.accepted, 1);
  });
  await backend.close();
});

Deno.test("content that lasts until the backend closes becomes chunks, so that its end is sure", async () => {
  const backend = closingBackend("HTTP/1.1 200 OK\r\n\r\nhello");
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    for (let n = 0; n < 2; n++) {
      await client.send(GET);
      assert.equal(
        await client.until("\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      );
    }
    client.close();
  });
  await backend.close();
});

Deno.test("a reset within such content leaves it without its last chunk", async () => {
  const reset = Promise.withResolvers<void>();
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\npart"));
    reset.promise.then(() => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await withBalancer(httpConfig([port]), async (balancer, resetter) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(LAST_GET);
    assert.match(await client.until("part\r\n"), /\r\n4\r\npart\r\n$/);
    reset.resolve();
    assert.equal(await client.rest(), "");
    assert.equal(resetter.one.length, 1);
    client.close();
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

Deno.test("an HTTP/1.0 client gets plain content, and keeps its connection only if it asked and the length is known", async () => {
  const answers = [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
    okResponse("hello"),
  ];
  const backend = new Backend(async (conn, n) => {
    assert.match(await conn.until("\r\n\r\n"), /^GET \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
    await conn.send(answers[n] ?? "");
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert.equal(await ask(portOf(balancer), old), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi");
    const client = await RawConn.connect(portOf(balancer));
    await eventually(() => balancer.status().connections === 1, "the first is over");
    await client.send(old);
    assert.equal(
      await client.until("hello"),
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
    );
    client.close();
  });
  await backend.close();
});

Deno.test("an answer before the request is complete arrives and ends the connection", async () => {
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    await conn.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    await conn.tcp.closeWrite();
    await conn.read();
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
    const sending = client.sendBytes(pattern(50_000_000)).catch(() => {});
    assert.equal(
      await client.until("big"),
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
    );
    client.close();
    await sending;
    await eventually(() => balancer.status().connections === 0, "nothing is left");
  });
  await backend.close();
});

Deno.test("content that is cut short or malformed never looks complete to the backend", async () => {
  const rows: [string, string][] = [
    ["Content-Length: 10\r\n\r\nhello", "hello"],
    ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "5\r\nhello\r\n"],
    ["Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", ""],
  ];
  const got: string[] = [];
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n").catch(() => "");
    got.push(await conn.rest());
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    for (const [rest, seen] of rows) {
      const client = await RawConn.connect(portOf(balancer));
      await client.send(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
      await client.tcp.closeWrite();
      assert.match(await client.rest(), /^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n/, rest);
      client.close();
      await eventually(() => got.length > 0, "the backend saw the end");
      assert.equal(got.shift(), seen);
    }
  });
  await backend.close();
});

Deno.test("a backend's path goes before the request's, which cannot leave it", async () => {
  const backend = httpBackend((head) => okResponse(head.split(" ")[1] ?? ""));
  const config = httpConfig([]);
  const backends = [{ url: new URL(`http://127.0.0.1:${backend.port}/app/`), weight: 1 }];
  await withBalancer({ ...config, backends }, async (balancer) => {
    assert.match(await ask(portOf(balancer), LAST_GET.replace("/ ", "/x?y ")), /\r\n\r\n\/app\/x\?y$/);
    assert.match(await ask(portOf(balancer), LAST_GET.replace("/ ", "/../x ")), /^HTTP\/1\.1 400 /);
  });
  await backend.close();
});

Deno.test("a slow reader stops the backend: nothing piles up in between", async () => {
  let sent = 0;
  const block = new Uint8Array(1024 * 1024);
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    await conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    for (;; sent++) await conn.sendBytes(block);
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(GET);
    await client.until("\r\n\r\n");
    const soFar = await atRest(() => sent, "the backend waits");
    assert.ok(soFar < 64, `${soFar} MiB are in flight`);
    client.close();
    await eventually(() => balancer.status().connections === 0, "the session ends with its client");
  });
  await backend.close();
});

Deno.test("an event stream arrives event by event", async () => {
  const next: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    await conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const [at, { promise }] of next.entries()) {
      await promise;
      await conn.send(`2\r\n${at};\r\n`);
    }
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(GET);
    await client.until("\r\n\r\n");
    for (const [at, { resolve }] of next.entries()) {
      resolve();
      assert.equal(await client.until(";\r\n"), `2\r\n${at};\r\n`);
    }
    client.close();
  });
  await backend.close();
});
