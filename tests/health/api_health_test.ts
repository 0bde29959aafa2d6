import assert from "node:assert/strict";
import { ApiHealth, type CheckSettings, makeProbe, type Probe } from "../../mod/health/api_health.ts";
import type { HealthSettings } from "../../mod/config/manager/types.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { type Behaviour, GONE, OBJECT, OK, pass, refusal, StubServers } from "./stub_client.ts";

const SETTINGS: HealthSettings = { url: null, periodMs: 5000, timeoutMs: 3000, failureThreshold: 3, caPath: null };

interface Scene {
  readonly clock: VirtualClock;
  readonly servers: StubServers;
  readonly health: ApiHealth;
  /** Verdicts with the moment they came, in milliseconds since {@link Scene.mark}. */
  readonly heard: [number, string][];
  mark(): void;
}

function scene(behaviour: (path: string) => Behaviour): Scene {
  const clock = new VirtualClock();
  const servers = new StubServers(clock, (_server, { path }) => behaviour(path));
  const client = servers.client("https://127.0.0.1:6443");
  const health = new ApiHealth(makeProbe(SETTINGS, { client, clock, objectPath: OBJECT }), clock);
  client.close();
  let zeroMs = clock.now();
  const heard: [number, string][] = [];
  health.onChange = (now) => heard.push([clock.now() - zeroMs, now.is]);
  return { clock, servers, health, heard, mark: () => zeroMs = clock.now() };
}

Deno.test("health is unknown until the first check, which is at once", async () => {
  const { clock, health, heard } = scene(() => OK);
  assert.deepEqual(health.health(), { is: "unknown" });
  health.start();
  assert.deepEqual(health.health(), { is: "unknown" });
  await pass(clock, 0);
  assert.deepEqual(health.health(), { is: "healthy" });
  assert.deepEqual(heard, [[0, "healthy"]]);
  health.close();
});

/** When a server that fails is found unhealthy: the earliest and the latest of failures at every moment of a period. */
async function spread(failure: (path: string) => Behaviour): Promise<{ firstMs: number; lastMs: number; why: string }> {
  const times: number[] = [];
  let why = "";
  for (let failMs = 0; failMs < 700; failMs += 50) {
    let behaviour: (path: string) => Behaviour = () => OK;
    const { clock, health, heard, mark } = scene((path) => behaviour(path));
    health.start();
    await pass(clock, 2100 + failMs);
    behaviour = failure;
    mark();
    await pass(clock, 4000);
    assert.deepEqual(heard.map(([, verdict]) => verdict), ["healthy", "unhealthy"]);
    times.push(heard[1]?.[0] ?? Infinity);
    const now = health.health();
    why = now.is === "unhealthy" ? now.why : "";
    health.close();
  }
  return { firstMs: Math.min(...times), lastMs: Math.max(...times), why };
}

Deno.test("a server that was killed is known to be gone within a second and a half, whenever that was", async () => {
  assert.deepEqual(await spread(() => GONE), {
    firstMs: 750,
    lastMs: 1400,
    why: "the API server does not answer (connection refused)",
  });
});

Deno.test("a server that hangs is unfit within 2.7 s, whenever that began", async () => {
  const why = "the API server does not answer (no answer in time)";
  assert.deepEqual(await spread(() => "hangs"), { firstMs: 2050, lastMs: 2700, why });
});

Deno.test("so is one whose reads hang because its etcd is gone, while /livez is still well", async () => {
  assert.deepEqual(await spread((path) => path === "/livez" ? OK : "hangs"), {
    firstMs: 2050,
    lastMs: 2700,
    why: `the API server does not answer a read through etcd of ${OBJECT} (no answer in time)`,
  });
});

Deno.test("a server that is not well gets three tries, at either question", async () => {
  for (const failing of ["/livez", OBJECT]) {
    const { firstMs, lastMs } = await spread((path) => path === failing ? refusal(500) : OK);
    assert.deepEqual([firstMs, lastMs], [1450, 2100]);
  }
});

Deno.test("one silence after answers that were bad is enough", async () => {
  let behaviour: Behaviour = OK;
  const { clock, health } = scene(() => behaviour);
  health.start();
  await pass(clock, 500);
  behaviour = refusal(503);
  await pass(clock, 700);
  assert.equal(health.health().is, "healthy");
  behaviour = "hangs";
  await pass(clock, 1700);
  assert.equal(health.health().is, "unhealthy");
  health.close();
});

Deno.test("one check that fails changes nothing, and one that succeeds mends all", async () => {
  let behaviour: Behaviour = OK;
  const { clock, health, heard } = scene(() => behaviour);
  health.start();
  await pass(clock, 500);
  behaviour = GONE;
  await pass(clock, 700);
  behaviour = OK;
  await pass(clock, 700);
  assert.deepEqual(heard.map(([, verdict]) => verdict), ["healthy"]);
  behaviour = GONE;
  await pass(clock, 3000);
  behaviour = OK;
  await pass(clock, 1000);
  assert.deepEqual(heard.map(([, verdict]) => verdict), ["healthy", "unhealthy", "healthy"]);
  health.close();
});

Deno.test("a server that lets nobody ask lives", async () => {
  const { clock, health } = scene(() => refusal(403));
  health.start();
  await pass(clock, 5000);
  assert.deepEqual(health.health(), { is: "healthy" });
  health.close();
});

Deno.test("checks start a period apart, or when the one before has ended, and never overlap", async () => {
  const clock = new VirtualClock();
  const starts: number[] = [];
  const lasts = [100, 2500, 100, 1000, 0];
  let under = 0;
  const probe: Probe = {
    periodMs: 1000,
    limits: { gone: 1, ailing: 1 },
    ask: async () => {
      assert.equal(under, 0);
      under += 1;
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.after(lasts[starts.length] ?? 0, resolve);
      starts.push(clock.now() - 1000);
      await promise;
      under -= 1;
      return { outcome: "good" };
    },
    close: () => {},
  };
  const health = new ApiHealth(probe, clock);
  health.start();
  health.start();
  await pass(clock, 6000);
  health.close();
  assert.deepEqual(starts, [0, 1000, 3500, 4500, 5500]);
});

Deno.test("a check that throws, and a listener that throws, do not end the checks", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const probe: Probe = {
    periodMs: 1000,
    limits: { gone: 1, ailing: 1 },
    ask: () => {
      asked += 1;
      throw new Error("broken");
    },
    close: () => {},
  };
  const health = new ApiHealth(probe, clock);
  health.onChange = () => {
    throw new Error("not taken well");
  };
  health.start();
  await pass(clock, 3000);
  health.close();
  assert.equal(asked, 4);
  assert.deepEqual(health.health(), { is: "unhealthy", why: "the health check failed in itself (broken)" });
});

Deno.test("closing ends timers and connections, and nothing is told any more", async () => {
  let behaviour: Behaviour = OK;
  const { clock, servers, health, heard } = scene(() => behaviour);
  health.start();
  await pass(clock, 1000);
  behaviour = "hangs";
  await pass(clock, 1000);
  health.close();
  health.close();
  assert.equal(servers.open, 0);
  await pass(clock, 5000);
  assert.equal(clock.pending, 0);
  assert.deepEqual(heard.map(([, verdict]) => verdict), ["healthy"]);
});

Deno.test("a URL is asked with its own period, time-out and threshold", async () => {
  let status = 200;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("", { status }));
  const settings: CheckSettings = {
    url: new URL(`http://127.0.0.1:${server.addr.port}/healthz`),
    periodMs: 20,
    timeoutMs: 2000,
    failureThreshold: 3,
    caPath: null,
  };
  const stub = new StubServers(new VirtualClock(), () => OK).client("unused");
  const health = new ApiHealth(
    makeProbe(settings, { client: stub, clock: systemClock, objectPath: OBJECT }),
    systemClock,
  );
  const changed = (): Promise<string> => new Promise((resolve) => health.onChange = (now) => resolve(now.is));
  const first = changed();
  health.start();
  assert.equal(await first, "healthy");
  status = 500;
  assert.equal(await changed(), "unhealthy");
  status = 200;
  assert.equal(await changed(), "healthy");
  health.close();
  await server.shutdown();
});
