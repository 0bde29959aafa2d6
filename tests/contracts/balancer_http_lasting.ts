/** What every engine promises about what would last without end: answers that nobody reads, connections that nobody needs any more. */
import assert from "node:assert/strict";
import { connectionResetter } from "../../mod/linux/reset_connections.ts";
import {
  Backend,
  eventually,
  httpBackend,
  httpConfig,
  type Maker,
  okResponse,
  portOf,
  RawConn,
  withBalancer,
} from "../balance/kit.ts";
import type { HttpPromise } from "./balancer_http.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** More than all that is between a backend and a client that does not read can hold. */
const INTERIM = { fields: 8, fieldBytes: 120_000, times: 15 };

async function unreadInterim(make: Maker): Promise<void> {
  const fields = Array.from({ length: INTERIM.fields }, (_unused, n) => `X${n}: ${"a".repeat(INTERIM.fieldBytes)}\r\n`);
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    for (let n = 0; n < INTERIM.times; n++) await conn.send(`HTTP/1.1 103 Early Hints\r\n${fields.join("")}\r\n`);
    await conn.rest();
  });
  const times = { idleTimeoutMs: 200, responseTimeoutMs: 200 };
  const config = httpConfig([backend.port], { maxHeadBytes: 1_048_576, ...times });
  // What is still being written is ended by a reset that is one.
  const resetting: Maker = (config, deps) => make(config, { ...deps, resetter: connectionResetter });
  await withBalancer(config, async (balancer) => {
    const client = await RawConn.connect(portOf(balancer));
    await client.send(GET);
    await eventually(() => balancer.status().backends[0]?.totalConnections === 1, "it is asked");
    await eventually(() => balancer.status().connections === 0, "the client is given up");
    assert.equal(balancer.status().backends[0]?.connections, 0);
    client.close();
  }, resetting);
  await backend.close();
}

async function removedWhileAnswering(make: Maker): Promise<void> {
  const [asked, removed, ended] = [newSignal(), newSignal(), newSignal()];
  const backend = new Backend(async (conn, n) => {
    await conn.until("\r\n\r\n");
    if (n > 0) return await conn.send(okResponse("a;"));
    asked.resolve();
    await removed.promise;
    await conn.send(okResponse("late;"));
    await conn.rest();
    ended.resolve();
  });
  const other = httpBackend(() => okResponse("b;"));
  await withBalancer(httpConfig([backend.port]), async (balancer) => {
    const [client, second] = [await RawConn.connect(portOf(balancer)), await RawConn.connect(portOf(balancer))];
    await client.send(GET);
    await asked.promise;
    assert.ok(balancer.config.type === "http");
    balancer.update({ ...balancer.config, backends: httpConfig([other.port]).backends });
    for (let answer = ""; !answer.endsWith("b;");) {
      await second.send(GET);
      answer = await second.until(";");
    }
    removed.resolve();
    assert.match(await client.until(";"), /late;$/);
    await ended.promise;
    await client.send(GET);
    assert.match(await client.until(";"), /b;$/);
    for (const one of [client, second]) one.close();
  }, make);
  await Promise.all([backend.close(), other.close()]);
}

async function lastRequest(make: Maker): Promise<void> {
  const backend = httpBackend(() => okResponse("hi"));
  await withBalancer(httpConfig([backend.port], { drainMs: 3000 }), async (balancer) => {
    const [client, silent] = [await RawConn.connect(portOf(balancer)), await RawConn.connect(portOf(balancer))];
    for (const one of [client, silent]) {
      await one.send(GET);
      await one.until("hi");
    }
    const stopped = balancer.stop();
    await client.send(GET);
    assert.match(await client.rest(), /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n\r\nhi$/);
    assert.equal(await silent.rest(), "");
    for (const one of [client, silent]) one.close();
    await stopped;
  }, make);
  await backend.close();
}

function newSignal(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}

/** All of them. */
export const LASTING_PROMISES: readonly HttpPromise[] = [
  { name: "a client that does not read interim answers is given up in the end", run: unreadInterim },
  {
    name: "an update: a backend that is removed while it answers is not kept connected afterwards",
    run: removedWhileAnswering,
  },
  { name: "a request that comes just as a stop begins is answered, on a connection that was kept", run: lastRequest },
];
