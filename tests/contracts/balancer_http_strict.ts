/** What every engine promises where two readers of HTTP could disagree: nothing ambiguous passes, in either direction. */
import assert from "node:assert/strict";
import type { Balancer } from "../../mod/balance/balancer.ts";
import {
  ask,
  Backend,
  httpBackend,
  httpConfig,
  type Maker,
  okResponse,
  portOf,
  RawConn,
  withBalancer,
} from "../balance/kit.ts";
import { SMUGGLING_CASES } from "../net/http1_smuggling_cases.ts";
import { BACKEND_HOST, type SmugglingCase } from "../net/http1_smuggling_kit.ts";
import { RESPONSE_CASES } from "../net/http1_smuggling_responses.ts";
import type { HttpPromise } from "./balancer_http.ts";

/** Sent behind every request that is to be refused: nobody may read it as a request. */
const BEHIND = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n";

/** A backend that notes what came on each connection, answers once all of `expected` has come, and closes. */
class Recorder {
  readonly seen: string[] = [];
  readonly backend: Backend;
  expected: string | null = null;

  constructor() {
    this.backend = new Backend(async (conn, n) => {
      this.seen[n] = "";
      for (let more: string | null = ""; more !== null; more = await conn.read().catch(() => null)) {
        this.seen[n] += more;
        if (this.seen[n] === this.expected) return await conn.send(okResponse("taken", "Connection: close\r\n"));
      }
    });
  }
}

function isRefusal(answer: string, status: number): boolean {
  const isFirst = answer.startsWith(`HTTP/1.1 ${status} `) && answer.split("HTTP/1.1 ").length === 2;
  return isFirst && /\r\nConnection: close\r\n\r\n[^\r\n]*\n$/.test(answer);
}

/** Sends one case and looks at the answer. */
async function tryCase(one: SmugglingCase, recorder: Recorder, balancer: Balancer): Promise<void> {
  const port = portOf(balancer);
  const what = `${one.source}: ${one.name}`;
  const { must } = one;
  if (must.outcome === "refused") {
    recorder.expected = null;
    const answer = await ask(port, one.bytes + BEHIND);
    assert.ok(isRefusal(answer, must.status), `${what}, wanted ${must.status}: ${answer}`);
    return;
  }
  const head = must.head.replace(BACKEND_HOST, `127.0.0.1:${recorder.backend.port}`);
  recorder.expected = spoken(head, balancer) + must.content;
  const client = await RawConn.connect(port);
  await client.send(one.bytes);
  const answer = await client.until("taken").catch((error: unknown) => assert.fail(`${what}: ${error}`));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/, what);
  client.close();
}

/** The cases are written for a front in the clear. */
function spoken(head: string, { config }: Balancer): string {
  return config.tls === null ? head : head.replace("X-Forwarded-Proto: http\r\n", "X-Forwarded-Proto: https\r\n");
}

/** How all of a refused case's message would look to the backend; only a part of it may reach it. */
function wholeOfRefused(one: SmugglingCase): string {
  const contentAt = one.bytes.indexOf("\r\n\r\n") + 4;
  const own = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n";
  return `POST / HTTP/1.1\r\nHost: a\r\n${own}Transfer-Encoding: chunked\r\n\r\n${one.bytes.slice(contentAt)}`;
}

async function tryCases(cases: readonly SmugglingCase[], make: Maker): Promise<void> {
  assert.ok(cases.length > 50);
  const recorder = new Recorder();
  const passed = new Set<string>();
  const partly: string[] = [];
  await withBalancer(httpConfig([recorder.backend.port]), async (balancer) => {
    for (const one of cases) {
      await tryCase(one, recorder, balancer);
      if (recorder.expected !== null) passed.add(recorder.expected);
      else if (one.bytes.includes("chunked\r\n\r\n")) partly.push(spoken(wholeOfRefused(one), balancer));
    }
  }, make);
  await recorder.backend.close();
  for (const seen of recorder.seen.filter((text) => !passed.has(text))) {
    const isPart = partly.some((whole) => whole.startsWith(seen) && seen.length < whole.length);
    assert.ok(isPart, `the backend got ${JSON.stringify(seen)}`);
    assert.ok(!seen.endsWith("\r\n0\r\n\r\n"), `a complete message: ${JSON.stringify(seen)}`);
  }
}

/** Each of `requests` is refused with 400, closes the connection and never reaches the backend. */
function neverReaches(requests: readonly string[]): (make: Maker) => Promise<void> {
  return async (make) => {
    const backend = httpBackend(() => okResponse("reached"));
    await withBalancer(httpConfig([backend.port]), async (balancer) => {
      for (const request of requests) {
        const answer = await ask(portOf(balancer), request + BEHIND);
        assert.ok(isRefusal(answer, 400), `${request}: ${answer}`);
      }
      assert.equal(backend.accepted, 0);
    }, make);
    await backend.close();
  };
}

async function answersAreRefused(make: Maker): Promise<void> {
  const backend = new Backend(async (conn) => {
    const head = await conn.until("\r\n\r\n");
    const n = Number(/ \/(\d+) /.exec(head)?.[1]);
    await conn.send(RESPONSE_CASES[n]?.bytes ?? "");
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    for (const [n, one] of RESPONSE_CASES.entries()) {
      const request = `${one.method} /${n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      const answer = await ask(portOf(balancer), request);
      const what = `${one.source}: ${one.name}`;
      if (one.as !== null) assert.equal(answer, one.as, what);
      else assert.match(answer, /(?:^|\r\n\r\n)HTTP\/1\.1 502 Bad Gateway\r\n[^]*\n$/, what);
      assert.ok(!answer.includes("evil"), what);
    }
  }, make);
  await backend.close();
}

async function connectionFieldsStay(make: Maker): Promise<void> {
  let seen = "";
  const backend = httpBackend((head) => {
    seen = head;
    return okResponse("hi", "Connection: X-Inner\r\nX-Inner: 1\r\n");
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Auth\r\nX-Auth: admin\r\nx-auth: two\r\n\r\n";
    const answer = await ask(portOf(balancer), request);
    assert.ok(!/x-auth/i.test(seen), seen);
    assert.ok(!/x-inner/i.test(answer), answer);
  }, make);
  await backend.close();
}

/** CL.0 and its kin: the backend answers before the content has come. */
async function contentIsNeverARequest(make: Maker): Promise<void> {
  const heads: string[] = [];
  const backend = new Backend(async (conn, n) => {
    heads[n] = await conn.until("\r\n\r\n");
    await conn.send(okResponse(`answer ${n};`));
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const port = portOf(balancer);
    const early = await RawConn.connect(port);
    await early.send(`POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: ${BEHIND.length}\r\n\r\n`);
    assert.match(await early.until("answer 0;"), /\r\nConnection: close\r\n/, "the rest would be read as a request");
    assert.match(await ask(port, "GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), /answer 1;$/);
    await early.send(BEHIND + BEHIND).catch(() => {});
    assert.equal(await early.rest(), "", "nothing more is answered");
    early.close();
  }, make);
  await backend.close();
  assert.equal(backend.accepted, 2);
  assert.match(heads[1] ?? "", /^GET \/other HTTP\/1\.1\r\n/);
}

/** The content that a 204 spoke of comes when the next request has come; behind another answer there is one too many. */
async function nothingBehindAnAnswerIsOne(make: Maker): Promise<void> {
  const backend = new Backend(async (conn, n) => {
    await conn.until("\r\n\r\n");
    if (n === 0) await conn.send("HTTP/1.1 204 N\r\nContent-Length: 4\r\n\r\n");
    else if (n === 1) await conn.send(okResponse("one;") + okResponse("evil;"));
    else await conn.send(okResponse("good;"));
    await conn.until("\r\n\r\n");
    await conn.send(okResponse("evil;"));
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    await client.send(get);
    assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 204 /);
    for (const expected of ["one;", "good;"]) {
      await client.send(get);
      const answer = await client.until(";");
      assert.ok(answer.endsWith(`\r\n\r\n${expected}`), `wanted ${expected}: ${answer}`);
    }
    client.close();
  }, make);
  await backend.close();
  assert.equal(backend.accepted, 3, "a connection whose answer was followed by more is not used again");
}

async function onlyAskedProtocols(make: Maker): Promise<void> {
  const answers = ["Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n", ""];
  const backend = new Backend(async (conn, n) => {
    await conn.until("\r\n\r\n");
    await conn.send(`HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n${answers[n]}\r\nevil`);
    await conn.rest();
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    for (const answer of answers) {
      const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n";
      const got = await ask(portOf(balancer), request);
      assert.ok(isRefusal(got, 502), `${answer}: ${got}`);
    }
  }, make);
  await backend.close();
}

async function expectationsPass(make: Maker): Promise<void> {
  const heads: string[] = [];
  const backend = new Backend(async (conn, n) => {
    heads[n] = await conn.until("\r\n\r\n");
    await conn.send("HTTP/1.1 100 Continue\r\n\r\n");
    await conn.until("hello");
    await conn.send(okResponse("done", "Connection: close\r\n"));
  });
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const lines = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    const client = await RawConn.connect(portOf(balancer));
    await client.send(`POST / HTTP/1.1\r\n${lines}`);
    assert.equal(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n", "before any content");
    await client.send("hello");
    assert.match(await client.until("done"), /^HTTP\/1\.1 200 OK\r\n/);
    client.close();
    const old = await ask(portOf(balancer), `POST / HTTP/1.0\r\n${lines}hello`);
    assert.match(old, /^HTTP\/1\.1 200 OK\r\n[^]*done$/, "HTTP/1.0 knows no interim answers");
  }, make);
  await backend.close();
  assert.deepEqual(heads.map((head) => head.includes("Expect: 100-continue")), [true, false]);
}

/** All of them. */
export const STRICT_PROMISES: readonly HttpPromise[] = [
  ...Object.entries(SMUGGLING_CASES).map(([about, cases]) => ({
    name: `published cases of request smuggling about ${about} are refused and closed, or passed on as one message`,
    run: (make: Maker) => tryCases(cases, make),
  })),
  { name: "answers that two readers could end in two places become 502", run: answersAreRefused },
  {
    name: "`Transfer-Encoding: chunked,` is refused",
    run: neverReaches(["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"]),
  },
  {
    name: "a NUL in a field is refused",
    run: neverReaches(["a\x00b", "\x00", "a\x00"].map((value) => `GET / HTTP/1.1\r\nHost: a\r\nX: ${value}\r\n\r\n`)),
  },
  {
    name: "Transfer-Encoding from an HTTP/1.0 client is refused",
    run: neverReaches(["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]),
  },
  { name: "a request without Host is refused", run: neverReaches(["GET / HTTP/1.1\r\nX: y\r\n\r\n"]) },
  {
    name: "two Hosts are refused, also when they are equal",
    run: neverReaches([
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    ]),
  },
  {
    name: "a bad field line is refused, not left out",
    run: neverReaches(
      ["X", "X y: z", ": z", "X\x80: z", "X : z", "X(: z"].map((one) => `GET / HTTP/1.1\r\nHost: a\r\n${one}\r\n\r\n`),
    ),
  },
  { name: "fields that Connection names are not passed on, in either direction", run: connectionFieldsStay },
  { name: "a 101 to a protocol that was not asked for becomes 502", run: onlyAskedProtocols },
  { name: "100-continue passes with content to hold back, and not for HTTP/1.0", run: expectationsPass },
  { name: "content that comes after its answer is never read as a request", run: contentIsNeverARequest },
  { name: "what a backend sends behind its answer never answers another request", run: nothingBehindAnAnswerIsOne },
];
