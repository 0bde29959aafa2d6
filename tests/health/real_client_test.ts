/** The checks with the real client and servers on sockets: what a killed, a frozen and a returned server look like to it. */

import assert from "node:assert/strict";
import { ApiHealth, makeProbe } from "../../mod/health/api_health.ts";
import { RivalWatch } from "../../mod/health/rivals.ts";
import { SLICES_PATH } from "../../mod/health/slices.ts";
import type { KubeClient } from "../../mod/kube/api.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf } from "../kube/kit.ts";
import { Authority } from "../kubernetes/certificates.ts";

const SETTINGS = { url: null, periodMs: 5000, timeoutMs: 3000, failureThreshold: 3, caPath: null };
const [LOCAL, OTHER] = ["127.0.0.1", "127.0.0.2"] as const;

/** Two servers of one cluster, each on an address of its own and the same port, which the slice names. */
class Cluster {
  readonly #authority = new Authority("cluster");
  readonly other = this.serve(OTHER, 0);
  local = this.serve(LOCAL, this.other.port);

  constructor() {
    const slices = parsePath(SLICES_PATH);
    assert.ok(slices);
    this.local.store.create(slices, {
      metadata: { name: "kubernetes", labels: { "kubernetes.io/service-name": "kubernetes" } },
      endpoints: [{ addresses: [LOCAL] }, { addresses: [OTHER] }],
      ports: [{ name: "https", port: this.other.port }],
    });
  }

  client(): KubeClient {
    const ca = { is: "text", pem: this.#authority.certificate } as const;
    return clientOf(this.local.url, { access: { ca } });
  }

  serve(hostname: string, port: number): FakeApiServer {
    const { certificate, key } = this.#authority.server(hostname, [hostname]);
    return FakeApiServer.start({ hostname, port, tls: { cert: certificate, key } });
  }
}

async function next(health: ApiHealth): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  health.onChange = (now) => resolve(now.is);
  return await promise;
}

Deno.test("with real sockets, too, a killed server is unfit in time, another is found, and a returned server mends", async () => {
  const cluster = new Cluster();
  const client = cluster.client();
  const health = new ApiHealth(makeProbe(SETTINGS, { client, clock: systemClock }), systemClock);
  const rivals = new RivalWatch({ client, clock: systemClock, own: () => new Set([LOCAL]) });
  client.close();
  try {
    rivals.start();
    health.start();
    assert.equal(await next(health), "healthy");
    const { port } = cluster.local;
    await cluster.local.stop();
    const startMs = systemClock.now();
    assert.equal(await next(health), "unhealthy");
    const found = Promise.withResolvers<string | null>();
    rivals.onChange = found.resolve;
    rivals.needed(true);
    assert.equal(await found.promise, `https://${OTHER}:${port}`);
    const tookMs = systemClock.now() - startMs;
    assert.ok(tookMs < 2500, `${tookMs} ms`);
    cluster.local = cluster.serve(LOCAL, port);
    assert.equal(await next(health), "healthy");
  } finally {
    health.close();
    rivals.close();
    await cluster.local.stop();
    await cluster.other.stop();
  }
});

Deno.test("a server that accepts and says nothing is unfit after its third silence", async () => {
  const cluster = new Cluster();
  const client = cluster.client();
  const health = new ApiHealth(makeProbe(SETTINGS, { client, clock: systemClock }), systemClock);
  client.close();
  try {
    health.start();
    assert.equal(await next(health), "healthy");
    cluster.local.freeze();
    const startMs = systemClock.now();
    assert.equal(await next(health), "unhealthy");
    const tookMs = systemClock.now() - startMs;
    assert.ok(tookMs > 2800 && tookMs < 4500, `${tookMs} ms`);
  } finally {
    health.close();
    await cluster.local.stop();
    await cluster.other.stop();
  }
});
