import assert from "node:assert/strict";
import { needsThreads, sameFront, speaksTls } from "../../mod/balance/front.ts";
import type { BalancerConfig } from "../../mod/config/types.ts";
import { httpConfig, tcpConfig } from "./kit.ts";

const TCP = tcpConfig([80]);
const HTTP = httpConfig([80]);

Deno.test("backends, checks, limits and times change behind one front", () => {
  const health = {
    type: "tcp",
    path: "/",
    expectMin: 200,
    expectMax: 399,
    intervalMs: 5,
    timeoutMs: 5,
    rise: 1,
    fall: 1,
  } as const;
  const changes: Partial<BalancerConfig>[] = [
    { policy: "least-connections", maxConnections: 1, drainMs: 9, idleTimeoutMs: 1, connectTimeoutMs: 1 },
    { health, ejection: { failures: 1, restMs: 1 } },
  ];
  for (const change of changes) {
    assert.ok(sameFront(TCP, { ...TCP, ...change } as BalancerConfig));
    assert.ok(sameFront(HTTP, { ...HTTP, ...change } as BalancerConfig));
  }
  assert.ok(sameFront(TCP, { ...TCP, backends: [] }));
  assert.ok(sameFront(HTTP, { ...HTTP, maxHeadBytes: 1, maxRequestBytes: 5, responseTimeoutMs: 1, backends: [] }));
});

Deno.test("whatever sockets, threads or the choice of the engine depend on makes another front", () => {
  const tls = { certificateFile: "/c", keyFile: "/k" };
  const changes: Partial<BalancerConfig>[] = [
    { name: "x" },
    { port: 1 },
    { bindToVip: true },
    { engine: "kernel" },
    { threads: 2 },
    { tls },
    { acceptProxyProtocol: true },
  ];
  for (const change of changes) assert.ok(!sameFront(TCP, { ...TCP, ...change } as BalancerConfig));
  assert.ok(!sameFront(TCP, HTTP));
  const https = { ...HTTP, backends: [{ url: new URL("https://127.0.0.1:1"), weight: 1 }] };
  assert.ok(!sameFront(HTTP, https));
  assert.deepEqual([HTTP, https, { ...TCP, tls }].map(speaksTls), [false, true, true]);
  assert.ok(!sameFront(TCP, { ...TCP, affinity: "source" }));
  assert.ok(!sameFront(TCP, { ...TCP, preserveClientAddress: true }));
  assert.ok(!sameFront(TCP, { ...TCP, sendProxyProtocol: "v2" }));
  assert.ok(sameFront(TCP, { ...TCP, listenOnly: ["policy"] }), "no matter where no choice is left");
  const chosen = { ...TCP, engine: "auto" } as const;
  assert.ok(!sameFront(chosen, { ...chosen, listenOnly: ["policy"] }));
});

Deno.test("TLS, threads and the PROXY protocol need threads of the engine user", () => {
  const tls = { certificateFile: "/c", keyFile: "/k" };
  const asks = [{ tls }, { threads: 2 }, { acceptProxyProtocol: true }, { sendProxyProtocol: "v1" }] as const;
  for (const ask of asks) assert.ok(needsThreads({ ...TCP, ...ask }), JSON.stringify(ask));
  assert.ok(!needsThreads(TCP) && !needsThreads(HTTP));
});
