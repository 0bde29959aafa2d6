/** What every engine promises for HTTP; run by each engine's test. */
import assert from "node:assert/strict";
import {
  ask,
  Backend,
  deadPort,
  eventually,
  httpBackend,
  httpConfig,
  type Maker,
  okResponse,
  pattern,
  portOf,
  RawConn,
  readBytes,
  sha256,
  withBalancer,
} from "../balance/kit.ts";
import { FAILING_PROMISES } from "./balancer_http_failing.ts";
import { LASTING_PROMISES } from "./balancer_http_lasting.ts";
import { LIMIT_PROMISES } from "./balancer_http_limits.ts";
import { STRICT_PROMISES } from "./balancer_http_strict.ts";
import { askToTheEnd } from "./http_ends.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const LAST_GET = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

/** What is promised, and the test that shows it for an engine. */
export interface HttpPromise {
  readonly name: string;
  readonly run: (make: Maker) => Promise<void>;
}

const promises: HttpPromise[] = [];

function promise(name: string, run: (make: Maker) => Promise<void>): void {
  promises.push({ name, run });
}

promise("a request reaches the backend with what it must carry, and no more", async (make) => {
  let seen = "";
  const backend = httpBackend((head) => {
    seen = head;
    return okResponse(
      "hi",
      "Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
    );
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const answer = await ask(
      portOf(balancer),
      "GET /a?b HTTP/1.1\r\nhOSt: a.example:8080\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: gopher\r\n" +
        "X-Keep: caf\xc3\xa9\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nTE: trailers\r\nProxy-Connection: x\r\n\r\n",
    );
    const scheme = balancer.config.tls === null ? "http" : "https";
    assert.equal(
      seen,
      "GET /a?b HTTP/1.1\r\nHost: a.example:8080\r\nX-Keep: caf\xc3\xa9\r\nX-Forwarded-For: 10.1.1.1, 127.0.0.1\r\n" +
        `X-Forwarded-Host: a.example:8080\r\nX-Forwarded-Proto: ${scheme}\r\n\r\n`,
    );
    assert.equal(
      answer,
      "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    );
  }, make);
  await backend.close();
});

promise("ambiguous requests are refused, closed, and never reach a backend", async (make) => {
  const backend = httpBackend(() => okResponse("hi"));
  const rows: [string, number][] = [
    [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled",
      400,
    ],
    ["GET / HTTP/1.1\nHost: a\n\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400],
    ["\x16\x03\x01\x02\x00\x01", 400],
    [`GET /${"a".repeat(20_000)} HTTP/1.1\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: a\r\n${"X: a\r\n".repeat(100)}\r\n`, 431],
    ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501],
    ["CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
  ];
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    for (const [request, status] of rows) {
      const answer = await ask(portOf(balancer), request);
      assert.match(
        answer,
        new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close\r\n\r\n[^]*\n$`),
        request.slice(0, 60),
      );
      assert.equal(answer.split("HTTP/1.1 ").length, 2, "one answer only");
    }
    assert.equal(backend.accepted, 0);
  }, make);
  await backend.close();
});

promise("a head that does not come is answered with 408, and silence with a close", async (make) => {
  const backend = httpBackend(() => okResponse("hi"));
  await withBalancer(httpConfig([backend.port], { headTimeoutMs: 700, idleTimeoutMs: 700 }), async (balancer) => {
    assert.match(await ask(portOf(balancer), "GET / HTTP/1.1\r\nHost:"), /^HTTP\/1\.1 408 /);
    assert.equal(await ask(portOf(balancer), ""), "");
    const kept = await RawConn.connect(portOf(balancer));
    await kept.send(GET);
    assert.match(await kept.rest(), /hi$/, "a kept connection is closed after the idle time");
    kept.close();
  }, make);
  await backend.close();
});

promise("connections are kept on both sides", async (make) => {
  const backend = httpBackend((_head, n) => okResponse(`answer ${n};`));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    for (let n = 0; n < 3; n++) {
      await client.send(GET);
      assert.match(await client.until(";"), new RegExp(`answer ${n};$`));
    }
    client.close();
    assert.equal(backend.accepted, 1);
  }, make);
  await backend.close();
});

promise("pipelined requests are answered in order", async (make) => {
  const backend = httpBackend((head) => okResponse(/GET \/(\d)/.exec(head)?.[1] ?? "?"));
  await withBalancer(httpConfig([backend.port, backend.port]), async (balancer) => {
    const requests = [1, 2, 3, 4].map((n) => GET.replace("/ ", `/${n} `)).join("");
    const answer = await ask(portOf(balancer), requests + LAST_GET.replace("/ ", "/5 "));
    assert.deepEqual([...answer.matchAll(/\r\n\r\n(\d)/g)].map((match) => match[1]), ["1", "2", "3", "4", "5"]);
  }, make);
  await backend.close();
});

promise("an upgrade turns the connection into bytes both ways, with half-close", async (make) => {
  const backend = new Backend(async (conn) => {
    const head = await conn.until("\r\n\r\n");
    assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/);
    await conn.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: b\r\n\r\nfirst ",
    );
    const got = await conn.rest();
    await conn.send(`echo ${got}`);
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nearly ",
    );
    const head = await client.until("\r\n\r\n");
    assert.match(
      head,
      /^HTTP\/1\.1 101 Switching Protocols\r\nX-A: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/,
    );
    await client.send("frames \x00\xff");
    await client.tcp.closeWrite();
    assert.equal(await client.rest(), "first echo early frames \x00\xff");
    client.close();
  }, make);
  await backend.close();
});

promise("a stop finishes the request in flight and closes the resting connections", async (make) => {
  const release = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    reached.resolve();
    await release.promise;
    await conn.send(okResponse("finished"));
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port], { drainMs: 3000 }), async (balancer) => {
    const resting = await RawConn.connect(portOf(balancer));
    const busy = await RawConn.connect(portOf(balancer));
    await busy.send(GET);
    await reached.promise;
    const stopped = balancer.stop();
    assert.equal(await resting.rest(), "");
    release.resolve();
    assert.match(await busy.rest(), /\r\nConnection: close\r\n\r\nfinished$/);
    busy.close();
    await stopped;
    resting.close();
  }, make);
  await backend.close();
});

promise("who goes for a successor answers whoever rests once more, and closes the others in the end", async (make) => {
  const backend = httpBackend(() => okResponse("once more"));
  await withBalancer(httpConfig([backend.port], { drainMs: 1000 }), async (balancer) => {
    const [resting, fresh, silent] = await Promise.all([1, 2, 3].map(() => RawConn.connect(portOf(balancer))));
    assert.ok(resting !== undefined && fresh !== undefined && silent !== undefined);
    for (const client of [resting, silent]) {
      await client.send(GET);
      assert.match(await client.until("once more"), /^HTTP\/1\.1 200 /);
    }
    await eventually(() => balancer.status().connections === 3, "all are accepted");
    const stopped = balancer.stop({ succeeded: () => true });
    await eventually(() => balancer.status().listening.length === 0, "it has let go of the port");
    for (const client of [resting, fresh]) {
      await client.send(GET);
      assert.match(await client.rest(), /\r\nConnection: close\r\n\r\nonce more$/);
      client.close();
    }
    assert.equal(await silent.rest(), "");
    silent.close();
    await stopped;
  }, make);
  await backend.close();
});

/** A head and not a byte more, so that the content can be read as bytes. */
async function readHead(conn: RawConn): Promise<string> {
  let head = "";
  while (!head.endsWith("\r\n\r\n")) head += String.fromCharCode(...await readBytes(conn.tcp, 1));
  return head;
}

promise("chunks, their extensions and trailers pass byte for byte in both directions", async (make) => {
  const body = '5;a="b"\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-Other:2\r\n\r\n';
  let seen = "";
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    seen = await conn.until("X-Other:2\r\n\r\n");
    await conn.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${body}`);
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    const answer = await ask(portOf(balancer), head + body);
    assert.equal(seen, body);
    assert.ok(answer.endsWith(`\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body}`), answer);
  }, make);
  await backend.close();
});

promise("64 MiB up and down arrive unchanged", async (make) => {
  const data = pattern(64 * 1024 * 1024);
  const hash = await sha256(data);
  const backend = new Backend(async (conn) => {
    await readHead(conn);
    const got = await readBytes(conn.tcp, data.length);
    await conn.send(`HTTP/1.1 200 ${await sha256(got)}\r\nContent-Length: ${data.length}\r\n\r\n`);
    await conn.sendBytes(data);
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port], { responseTimeoutMs: 60_000 }), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${data.length}\r\n\r\n`);
    await client.sendBytes(data);
    const head = await readHead(client);
    assert.ok(head.startsWith(`HTTP/1.1 200 ${hash}\r\n`), head);
    assert.equal(await sha256(await readBytes(client.tcp, data.length)), hash);
    client.close();
  }, make);
  await backend.close();
});

promise("200 requests at once do not mix", async (make) => {
  const backend = httpBackend((head) => okResponse(/GET (\S+)/.exec(head)?.[1] ?? ""));
  await withBalancer(httpConfig([backend.port], { policy: "least-connections" }), async (balancer) => {
    await Promise.all(Array.from({ length: 200 }, async (_unused, n) => {
      const answer = await ask(portOf(balancer), LAST_GET.replace("/ ", `/${n} `));
      assert.ok(answer.endsWith(`\r\n\r\n/${n}`), answer);
    }));
    assert.equal(balancer.status().backends[0]?.totalConnections, 200);
    await eventually(() => balancer.status().connections === 0, "nothing is left");
  }, make);
  await backend.close();
});

promise("a backend that dies within a response leaves a visible truncation", async (make) => {
  const starts = [
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
  ];
  const backend = new Backend(async (conn, n) => {
    await conn.until("\r\n\r\n");
    await conn.send(starts[n] ?? "");
  });
  await withBalancer(httpConfig([backend.port]), async (balancer, resetter) => {
    for (const _start of starts) {
      const { text, isReset } = await askToTheEnd(balancer, resetter, { request: GET });
      assert.match(text, /part(\r\n)?$/, "no end is made up");
      assert.ok(isReset, "the client's connection is reset");
    }
  }, make);
  await backend.close();
});

promise("without a backend the answer is 503, and the connection goes on", async (make) => {
  await withBalancer(httpConfig([deadPort(), deadPort()]), async (balancer) => {
    const answer = await ask(portOf(balancer), GET + LAST_GET);
    assert.equal(answer.match(/HTTP\/1\.1 503 Service Unavailable\r\n/g)?.length, 2);
  }, make);
});

promise("a backend that refuses is passed over, also for a POST", async (make) => {
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\nhello");
    await conn.send(okResponse("thanks"));
  });
  await withBalancer(httpConfig([deadPort(), backend.port]), async (balancer) => {
    for (let n = 0; n < 2; n++) {
      const post = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
      assert.match(await ask(portOf(balancer), post), /thanks$/);
    }
  }, make);
  await backend.close();
});

promise("invalid answers become 502, missing ones 504", async (make) => {
  const answers = [
    "garbage\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    "",
  ];
  const backend = new Backend(async (conn, n) => {
    await conn.until("\r\n\r\n");
    await conn.send(answers[n] ?? "");
    if (n >= answers.length) await conn.rest();
  });
  await withBalancer(httpConfig([backend.port], { responseTimeoutMs: 1000 }), async (balancer) => {
    for (const answer of answers) {
      assert.match(await ask(portOf(balancer), LAST_GET), /^HTTP\/1\.1 502 Bad Gateway\r\n/, answer.slice(0, 60));
    }
    assert.match(await ask(portOf(balancer), LAST_GET), /^HTTP\/1\.1 504 Gateway Timeout\r\n/);
  }, make);
  await backend.close();
});

/** What of the suite is not for an engine. */
export interface HttpExceptions {
  /** Each fits the name of at least one promise. */
  readonly leaving?: readonly RegExp[];
}

/** Registers the suite for one engine. */
export function httpBalancerContract(engine: string, make: Maker, { leaving = [] }: HttpExceptions = {}): void {
  const whole = [...promises, ...LIMIT_PROMISES, ...STRICT_PROMISES, ...FAILING_PROMISES, ...LASTING_PROMISES];
  for (const pattern of leaving) assert.ok(whole.some(({ name }) => pattern.test(name)), `no promise is ${pattern}`);
  const all = whole.filter(({ name }) => !leaving.some((pattern) => pattern.test(name)));
  assert.ok(all.length > 15);
  for (const { name, run } of all) Deno.test(`${engine}: ${name}`, () => run(make));
}
