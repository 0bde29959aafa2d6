/** What every engine promises for content that is larger than the configuration allows. */
import assert from "node:assert/strict";
import {
  ask,
  Backend,
  httpBackend,
  httpConfig,
  type Maker,
  okResponse,
  portOf,
  type RawConn,
  withBalancer,
} from "../balance/kit.ts";
import { askToTheEnd } from "./http_ends.ts";
import type { HttpPromise } from "./balancer_http.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\n";

/** A backend that reads what comes and answers when `mark` has come; `seen` is all that came. */
function collector(mark: string): { backend: Backend; seen: string[] } {
  const seen: string[] = [];
  const backend = new Backend(async (conn, n) => {
    seen[n] = "";
    for (let more: string | null = ""; more !== null; more = await conn.read().catch(() => null)) {
      seen[n] += more;
      if (seen[n].endsWith(mark)) await conn.send(okResponse("taken"));
    }
  });
  return { backend, seen };
}

async function tooLongByLength(make: Maker): Promise<void> {
  const { backend } = collector("\r\n\r\n12345");
  await withBalancer(httpConfig([backend.port], { maxRequestBytes: 5 }), async (balancer) => {
    for (const expect of ["", "Expect: 100-continue\r\n"]) {
      const answer = await ask(portOf(balancer), `${HEAD}${expect}Content-Length: 6\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 413 Content Too Large\r\n[^]*\r\nConnection: close\r\n\r\n[^\r]*\n$/);
    }
    assert.equal(backend.accepted, 0, "the backend is not asked");
    const fits = `${HEAD}Connection: close\r\nContent-Length: 5\r\n\r\n12345`;
    assert.match(await ask(portOf(balancer), fits), /^HTTP\/1\.1 200 [^]*taken$/);
  }, make);
  await backend.close();
}

async function tooLongInChunks(make: Maker): Promise<void> {
  const { backend, seen } = collector("0\r\n\r\n");
  const rows = ["6\r\n123456\r\n0\r\n\r\n", "4\r\n1234\r\n2\r\n12\r\n0\r\n\r\n", "fffffffff\r\n12345"];
  await withBalancer(httpConfig([backend.port], { maxRequestBytes: 5 }), async (balancer) => {
    for (const chunks of rows) {
      const request = `${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`;
      const answer = await ask(portOf(balancer), request);
      assert.match(answer, /^HTTP\/1\.1 413 Content Too Large\r\n[^]*\r\nConnection: close\r\n\r\n[^\r]*\n$/, chunks);
    }
    const chunks = `${HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\n1234\r\n1\r\n5\r\n0\r\n\r\n`;
    assert.match(await ask(portOf(balancer), chunks), /^HTTP\/1\.1 200 [^]*taken$/, "up to the limit");
  }, make);
  await backend.close();
  const complete = seen.filter((text) => text.endsWith("0\r\n\r\n"));
  assert.equal(complete.length, 1, `only what is allowed arrives completely: ${JSON.stringify(seen)}`);
  assert.ok(seen.every((text) => !text.includes("smuggled")));
}

async function longAnswersByLength(make: Maker): Promise<void> {
  const backend = httpBackend((head) => {
    if (head.startsWith("HEAD")) return "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
    return okResponse(head.includes("/long") ? "123456" : "12345");
  });
  await withBalancer(httpConfig([backend.port], { maxResponseBytes: 5 }), async (balancer) => {
    const get = (method: string, path: string): Promise<string> =>
      ask(portOf(balancer), `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const refused = await get("GET", "/long");
    assert.match(refused, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
    assert.ok(!refused.includes("123456"));
    assert.match(await get("GET", "/short"), /^HTTP\/1\.1 200 [^]*\r\n\r\n12345$/);
    assert.match(await get("HEAD", "/long"), /^HTTP\/1\.1 200 [^]*Content-Length: 6\r\n/);
  }, make);
  await backend.close();
}

async function longAnswersThatStream(make: Maker): Promise<void> {
  const rows = [
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\n\r\nabc", "def"],
  ] as const;
  const goOn = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const backend = new Backend(async (conn, n) => {
    await conn.until("\r\n\r\n");
    await conn.send(rows[n]?.[0] ?? "");
    await goOn[n]?.promise;
    await conn.send(rows[n]?.[1] ?? "");
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port], { maxResponseBytes: 5 }), async (balancer, resetter) => {
    for (const [n] of rows.entries()) {
      const onPart = (text: string): void => {
        if (text.includes("abc")) goOn[n]?.resolve();
      };
      const { text, isReset } = await askToTheEnd(balancer, resetter, {
        request: "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        onPart,
      });
      assert.match(text, /^HTTP\/1\.1 200 [^]*abc/);
      assert.ok(!text.includes("def") && !text.endsWith("0\r\n\r\n"), "no end is made up");
      assert.ok(isReset, "the client's connection is reset");
    }
  }, make);
  await backend.close();
}

async function tooLongWhileAnswered(make: Maker): Promise<void> {
  const backendEnd = Promise.withResolvers<string>();
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    await conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    backendEnd.resolve(await conn.rest());
  });
  await withBalancer(httpConfig([backend.port], { maxRequestBytes: 5 }), async (balancer, resetter) => {
    const begun = Promise.withResolvers<RawConn>();
    const request = `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`;
    const onPart = (text: string, client: RawConn): void => {
      if (text.endsWith("begun")) begun.resolve(client);
    };
    const ended = askToTheEnd(balancer, resetter, { request, onPart });
    await (await begun.promise).send("3\r\ndef\r\n0\r\n\r\n");
    const { text } = await ended;
    assert.match(text, /^HTTP\/1\.1 200 [^]*begun$/, "no other answer within the one that has begun");
    assert.ok(!(await backendEnd.promise).includes("def"));
  }, make);
  await backend.close();
}

/** All of them. */
export const LIMIT_PROMISES: readonly HttpPromise[] = [
  {
    name: "a request that says it is longer than allowed is answered with 413 at once, without asking a backend",
    run: tooLongByLength,
  },
  { name: "chunks beyond what a request may have end it with 413 and cut its backend", run: tooLongInChunks },
  { name: "chunks beyond what a request may have end it also when its answer has begun", run: tooLongWhileAnswered },
  { name: "an answer that says it is longer than allowed becomes 502", run: longAnswersByLength },
  { name: "an answer that turns out longer than allowed is broken off with a reset", run: longAnswersThatStream },
];
