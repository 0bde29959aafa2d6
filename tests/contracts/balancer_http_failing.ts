/** What every engine promises for backends that fail, beside a refused connect. */
import assert from "node:assert/strict";
import net from "node:net";
import type { BackendStatus } from "../../mod/balance/balancer.ts";
import { ask, Backend, httpBackend, httpConfig, type Maker, okResponse, portOf, withBalancer } from "../balance/kit.ts";
import { askToTheEnd } from "./http_ends.ts";
import type { HttpPromise } from "./balancer_http.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** Requests while each of the backends is gone. */
const REQUESTS = 10;

function isUsable({ state }: BackendStatus): boolean {
  return state === "up";
}

/**
 * Two backends, one of them gone at any time; one failed connect marks a backend for longer than the test lasts, so that the
 * marks of both would overlap if a mark were an end.
 */
async function inTurn(make: Maker): Promise<void> {
  const respond = (): string => okResponse("here");
  const backends: Backend[] = [httpBackend(respond), httpBackend(respond)];
  const ports = backends.map(({ port }) => port);
  const config = httpConfig(ports, { ejection: { failures: 1, restMs: 600_000 } });
  await withBalancer(config, async (balancer) => {
    for (let turn = 0; turn < 6; turn++) {
      const gone = turn % 2;
      await backends[gone]?.close();
      for (let n = 0; n < REQUESTS; n++) {
        assert.match(await ask(portOf(balancer), LAST_GET), /^HTTP\/1\.1 200 [^]*here$/, `turn ${turn}, request ${n}`);
        const states = balancer.status().backends;
        assert.ok(states.some(isUsable), `turn ${turn}: both are out: ${JSON.stringify(states)}`);
      }
      backends[gone] = httpBackend(respond, ports[gone]);
    }
    assert.ok(balancer.status().backends.every(({ failures }) => failures > 0), "each was missed");
  }, make);
  for (const backend of backends) await backend.close();
}

/** One of two backends takes every request and goes without a word. */
async function anotherIsAsked(make: Maker): Promise<void> {
  let [silent, posted] = [0, 0];
  const goes = new Backend(async (conn) => {
    const head = await conn.until("\r\n\r\n");
    silent++;
    if (head.startsWith("POST")) posted++;
  });
  const stays = httpBackend(() => okResponse("here"));
  await withBalancer(httpConfig([goes.port, stays.port]), async (balancer) => {
    for (let n = 0; n < 6; n++) assert.match(await ask(portOf(balancer), LAST_GET), / 200 [^]*here$/, `request ${n}`);
    assert.ok(silent > 0, "it was asked");
    const post = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const answers = [await ask(portOf(balancer), post), await ask(portOf(balancer), post)];
    assert.equal(answers.filter((answer) => answer.startsWith("HTTP/1.1 502")).length, posted);
    assert.equal(posted, 1, "what may do harm twice is sent once");
  }, make);
  await Promise.all([goes.close(), stays.close()]);
}

/** Every backend goes without a word: two are asked, not all. */
async function onlyTwoAreAsked(make: Maker): Promise<void> {
  let asked = 0;
  const backends = Array.from({ length: 4 }, () =>
    new Backend(async (conn) => {
      await conn.until("\r\n\r\n");
      asked++;
    }));
  await withBalancer(httpConfig(backends.map(({ port }) => port)), async (balancer) => {
    assert.match(await ask(portOf(balancer), LAST_GET), /^HTTP\/1\.1 502 /);
    assert.equal(asked, 2);
  }, make);
  for (const backend of backends) await backend.close();
}

/** A server that sends the start of an answer, and a RST once the client has it. */
async function resetting(start: string): Promise<{ server: net.Server; port: number; reset: () => void }> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(start));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { server, port: address.port, reset: () => sockets.forEach((socket) => socket.resetAndDestroy()) };
}

async function resetsPass(make: Maker): Promise<void> {
  const starts = [
    "HTTP/1.1 200 OK\r\n\r\npart",
    "HTTP/1.0 200 OK\r\n\r\npart",
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
  ];
  for (const start of starts) {
    const { server, port, reset } = await resetting(start);
    await withBalancer(httpConfig([port]), async (balancer, resetter) => {
      for (const request of [GET, "GET / HTTP/1.0\r\n\r\n"]) {
        const onPart = (text: string): void => {
          if (text.includes("part")) reset();
        };
        const { text, isReset } = await askToTheEnd(balancer, resetter, { request, onPart });
        assert.ok(text.includes("part") && !text.endsWith("0\r\n\r\n"), text);
        assert.ok(isReset, `the client sees a reset: ${start}`);
      }
    }, make);
    await new Promise((resolve) => server.close(resolve));
  }
}

/** All of them. */
export const FAILING_PROMISES: readonly HttpPromise[] = [
  { name: "retry and ejection keep serving when backends die in turn", run: inTurn },
  {
    name: "a request that does no harm twice is sent to a second backend when the first goes silently",
    run: anotherIsAsked,
  },
  { name: "no more than two backends are asked for one answer", run: onlyTwoAreAsked },
  { name: "a backend's reset within an answer reaches the client as a reset", run: resetsPass },
];
