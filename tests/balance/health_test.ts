import assert from "node:assert/strict";
import type { Timer } from "../../mod/base/clock.ts";
import { type CheckResult, HealthChecks, type HealthTarget } from "../../mod/balance/health.ts";
import type { HealthCheckConfig } from "../../mod/config/types.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { Backend, deadPort, httpBackend, okResponse, streamContext } from "./kit.ts";

const HTTP: HealthCheckConfig = {
  type: "http",
  path: "/healthz?full",
  expectMin: 200,
  expectMax: 299,
  intervalMs: 10,
  timeoutMs: 5000,
  rise: 1,
  fall: 1,
};

/** The first result of checks on one backend. */
async function firstResult(port: number, config: HealthCheckConfig = HTTP): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const streams = streamContext();
  const checks = new HealthChecks([{ hostname: "127.0.0.1", port, host: "web.example" }], {
    config,
    clock: systemClock,
    random: () => 0,
    streams,
    onResult: (_index, result) => resolve(result),
  });
  checks.start();
  const result = await promise;
  await checks.stop();
  assert.equal(streams.deadlines.size, 0);
  return result;
}

Deno.test("a check by TCP is a connect", async () => {
  const backend = new Backend(async (conn) => void await conn.rest());
  const tcp = { ...HTTP, type: "tcp" } as const;
  assert.deepEqual(await firstResult(backend.port, tcp), { ok: true, detail: "accepts connections" });
  await backend.close();
  const refused = await firstResult(deadPort(), tcp);
  assert.equal(refused.ok, false);
  assert.match(refused.detail, /refused/i);
});

Deno.test("a check by HTTP asks for the path and looks at the status", async () => {
  let asked = "";
  const backend = httpBackend((head) => {
    asked = head;
    return okResponse("well");
  });
  assert.deepEqual(await firstResult(backend.port), { ok: true, detail: "answered 200" });
  assert.equal(
    asked,
    "GET /healthz?full HTTP/1.1\r\nHost: web.example\r\nUser-Agent: kube-vip\r\nConnection: close\r\n\r\n",
  );
  await backend.close();
});

Deno.test("a check by HTTP fails with the reason in words", async () => {
  const rows: [string | null, string][] = [
    ["HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "answered 503"],
    ["HTTP/1.1 200 OK\nX\n\n", "no valid answer (bare-lf)"],
    ["", "closed without an answer"],
    [null, "no answer within 80 ms"],
  ];
  for (const [answer, detail] of rows) {
    const backend = new Backend(async (conn) => {
      await conn.until("\r\n\r\n");
      if (answer === null) await conn.rest();
      else await conn.send(answer);
    });
    const config = answer === null ? { ...HTTP, timeoutMs: 80 } : HTTP;
    assert.deepEqual(await firstResult(backend.port, config), { ok: false, detail });
    await backend.close();
  }
});

Deno.test("checks begin at different moments of the first interval and end with the stop", async () => {
  const clock = new VirtualClock();
  const moments = [0.2, 0.8];
  const checked: number[] = [];
  const target = { hostname: "127.0.0.1", port: deadPort(), host: "x" };
  const checks = new HealthChecks([target, target], {
    config: { ...HTTP, intervalMs: 1000 },
    clock,
    random: () => moments.shift() ?? 0,
    streams: streamContext(),
    onResult: (index) => checked.push(index),
  });
  checks.start();
  clock.advance(199);
  assert.equal(clock.pending, 2, "nothing yet");
  clock.advance(1);
  assert.equal(clock.pending, 2, "one waits, one has its connect's deadline");
  await checks.stop();
  assert.equal(clock.pending, 0);
  assert.deepEqual(checked, [], "what was under way does not count");
  await checks.stop();
});

Deno.test("a stop does not wait for an answer", async () => {
  const asked = Promise.withResolvers<void>();
  const backend = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    asked.resolve();
    await conn.rest();
  });
  const checks = new HealthChecks([{ hostname: "127.0.0.1", port: backend.port, host: "x" }], {
    config: { ...HTTP, timeoutMs: 60_000 },
    clock: systemClock,
    random: () => 0,
    streams: streamContext(),
    onResult: () => assert.fail("what was under way does not count"),
  });
  checks.start();
  await asked.promise;
  const fromMs = performance.now();
  await checks.stop();
  assert.ok(performance.now() - fromMs < 30_000, "half of the time the answer may take");
  await backend.close();
});

/** Remembers for how long timers were set. */
class NotedClock extends VirtualClock {
  readonly delays: number[] = [];

  override after(delayMs: number, fire: () => void): Timer {
    this.delays.push(delayMs);
    return super.after(delayMs, fire);
  }
}

Deno.test("changed backends are checked soon, unchanged ones go on undisturbed", async () => {
  const clock = new NotedClock();
  const at = (port: number): HealthTarget => ({ hostname: "127.0.0.1", port, host: "x" });
  const config = { ...HTTP, intervalMs: 1000 };
  const checks = new HealthChecks([at(1), at(2)], {
    config,
    clock,
    random: () => 0.5,
    streams: streamContext(),
    onResult: () => {},
  });
  checks.start();
  checks.update(new Map([[0, at(1)], [5, at(3)]]), config);
  checks.update(new Map([[0, at(4)], [5, at(3)]]), config);
  checks.update(new Map([[5, at(3)]]), config);
  assert.deepEqual(clock.delays, [500, 500, 50, 50], "index 5 is new, index 0 is another backend");
  assert.equal(clock.pending, 1, "only one is left");
  checks.update(new Map([[5, at(3)]]), { ...config, intervalMs: 40 });
  assert.deepEqual(clock.delays.slice(4), [20], "it is checked in another way");
  await checks.stop();
  checks.update(new Map([[0, at(1)]]), config);
  assert.equal(clock.pending, 0, "after the stop nothing begins");
});

Deno.test("the result of a check that is configured no more does not count", async () => {
  const asked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const results: string[] = [];
  const slow = new Backend(async (conn) => {
    await conn.until("\r\n\r\n");
    asked.resolve();
    await conn.rest();
  });
  const well = httpBackend(() => okResponse("well"));
  const streams = streamContext();
  const config = { ...HTTP, timeoutMs: 60_000 };
  const checks = new HealthChecks([{ hostname: "127.0.0.1", port: slow.port, host: "x" }], {
    config,
    clock: systemClock,
    random: () => 0,
    streams,
    onResult: (index, { detail }) => {
      results.push(`${index} ${detail}`);
      done.resolve();
    },
  });
  checks.start();
  await asked.promise;
  checks.update(new Map([[0, { hostname: "127.0.0.1", port: well.port, host: "x" }]]), config);
  await done.promise;
  await checks.stop();
  assert.ok(results.every((one) => one === "0 answered 200"), results.join());
  assert.equal(streams.deadlines.size, 0);
  await Promise.all([slow.close(), well.close()]);
});
