import assert from "node:assert/strict";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { latin1Bytes, REQUEST_CASES } from "../net/http1_cases.ts";
import { ask, Backend, eventually, httpBackend, httpConfig, okResponse, portOf, RawConn, withBalancer } from "./kit.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("every refused request of the table gets one answer of the right class, and no backend hears of it", async () => {
  const backend = httpBackend(() => okResponse("hi"));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    let count = 0;
    for (const { what, text, expected } of REQUEST_CASES) {
      if (expected === "accepted") continue;
      const answer = await ask(portOf(balancer), `${text}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 (400|501|505) [^]*\\(${expected}\\)\\n$`), what);
      count++;
    }
    assert.ok(count > 80);
    assert.equal(backend.accepted, 0);
  });
  await backend.close();
});

Deno.test("clients that send garbage cost a connection each and nothing else", async () => {
  const seed = seedFromEnv(99);
  const random = seededRandom(seed);
  const backend = httpBackend(() => okResponse("hi"));
  await withBalancer(httpConfig([backend.port], { headTimeoutMs: 700, idleTimeoutMs: 700 }), async (balancer) => {
    await Promise.all(Array.from({ length: 150 }, async (_unused, n) => {
      const { text } = REQUEST_CASES[Math.floor(random() * REQUEST_CASES.length)] ?? { text: "" };
      const bytes = latin1Bytes(text.repeat(1 + n % 3));
      for (let left = n % 5; left > 0; left--) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const client = await RawConn.connect(portOf(balancer));
      await client.sendBytes(bytes).catch(() => {});
      if (n % 2 === 0) await client.tcp.closeWrite().catch(() => {});
      if (n % 7 !== 0) await client.rest();
      client.close();
    }));
    assert.match(
      await ask(portOf(balancer), GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")),
      /hi$/,
      `seed ${seed}`,
    );
    await eventually(() => balancer.status().connections === 0, "nothing is left");
  });
  await backend.close();
});

Deno.test("a head that comes byte by byte is a head", async () => {
  const backend = httpBackend(() => okResponse("hi"));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    for (const byte of GET) await client.send(byte);
    assert.match(await client.until("hi"), /^HTTP\/1\.1 200 OK/);
    client.close();
  });
  await backend.close();
});

Deno.test("the answer to a refused request arrives although the client is still sending", async () => {
  await withBalancer(httpConfig([1]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n");
    await client.send("x".repeat(1_000_000));
    assert.match(await client.rest(), /^HTTP\/1\.1 400 /);
    for (let n = 0; n < 5; n++) await client.send("still sending: a reset would take the answer away");
    client.close();
  });
});

Deno.test("a client that ends its side after the request still gets its answer", async () => {
  const backend = httpBackend(() => okResponse("hi"));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(GET);
    await client.tcp.closeWrite();
    assert.match(await client.rest(), /hi$/);
    client.close();
  });
  await backend.close();
});

Deno.test("a slow head counts from its first byte, not from byte to byte", async () => {
  await withBalancer(httpConfig([1], { headTimeoutMs: 120 }), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    const answered = client.rest();
    const fromMs = performance.now();
    let isOver = false;
    answered.then(() => isOver = true);
    await client.send("GET / HTTP/1.1\r\nX: ");
    while (!isOver && performance.now() - fromMs < 10_000) {
      await client.send("x").catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(isOver, "while bytes still came");
    assert.match(await answered, /^HTTP\/1\.1 408 /);
    client.close();
  });
});

Deno.test("a release resets the requests on that address, in flight as well", async () => {
  const backend = new Backend(async (conn) => void await conn.rest());
  await withBalancer(httpConfig([backend.port], { bindToVip: true }), async (balancer, resetter) => {
    balancer.bind("127.0.0.1");
    const client = await RawConn.connect(portOf(balancer));
    await client.send(GET);
    await eventually(() => backend.accepted === 1, "the request is in flight");
    balancer.release("127.0.0.1");
    assert.equal(resetter.all.length, 1);
    assert.equal(await client.rest(), "");
    client.close();
    await eventually(() => balancer.status().connections === 0, "the session ends");
    assert.equal(balancer.status().backends[0]?.connections, 0);
  });
  await backend.close();
});
