import assert from "node:assert/strict";
import { Connector, type ConnectorOptions } from "../../mod/balance/connector.ts";
import { Pool, type PoolChange } from "../../mod/balance/pool.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { Backend, deadPort, streamContext } from "./kit.ts";

interface Made {
  readonly connector: Connector;
  readonly pool: Pool;
  readonly changes: PoolChange[];
}

function connectorTo(ports: readonly number[]): Made {
  const targets = ports.map((port) => ({ name: `:${port}`, weight: 1, hostname: "127.0.0.1", port }));
  const ejection = { failures: 1, restMs: 60_000 };
  const pool = new Pool(targets, { policy: "round-robin", health: null, ejection });
  const changes: PoolChange[] = [];
  const options: ConnectorOptions = {
    pool,
    targets,
    clock: systemClock,
    connectTimeoutMs: 5000,
    streams: streamContext(),
    onChange: (change) => changes.push(change),
  };
  return { connector: new Connector(options), pool, changes };
}

const NEVER = new AbortController().signal;

Deno.test("failing members are passed over, counted and reported once", async () => {
  const backend = new Backend(async (conn) => void await conn.rest());
  const { connector, pool, changes } = connectorTo([deadPort(), backend.port]);
  const opened = await connector.open(NEVER);
  assert.ok(opened.outcome === "opened");
  assert.deepEqual([opened.index, opened.reused], [1, false]);
  assert.deepEqual(pool.status().map((one) => one.connections), [0, 1]);
  assert.deepEqual(changes.map((change) => change.state), ["ejected"]);
  opened.stream.cut();
  pool.ended(1);
  await backend.close();
});

Deno.test("when every member was tried there is none", async () => {
  const { connector, pool } = connectorTo([deadPort(), deadPort()]);
  assert.deepEqual(await connector.open(NEVER), { outcome: "unavailable" });
  assert.deepEqual(pool.status().map((one) => [one.connections, one.failures]), [[0, 1], [0, 1]]);
});

Deno.test("a kept connection spares the connect, and an abort ends the search", async () => {
  const backend = new Backend(async (conn) => void await conn.rest());
  const { connector, pool } = connectorTo([backend.port]);
  const first = await connector.open(NEVER);
  assert.ok(first.outcome === "opened");
  pool.ended(0);
  const second = await connector.open(NEVER, { takeIdle: (index) => index === 0 ? first.stream : null });
  assert.deepEqual(second, { outcome: "opened", index: 0, stream: first.stream, reused: true });
  pool.ended(0);
  first.stream.cut();
  assert.deepEqual(await connector.open(AbortSignal.abort()), { outcome: "aborted" });
  assert.equal(pool.status()[0]?.connections, 0);
  await backend.close();
});
