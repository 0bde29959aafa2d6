/** The checks with the real client and servers on sockets: killed, frozen and returned ones, and ones whose etcd is gone. */

import assert from "node:assert/strict";
import { ApiHealth, makeProbe, type Probe } from "../../mod/health/api_health.ts";
import { RivalWatch } from "../../mod/health/rivals.ts";
import { SLICES_PATH } from "../../mod/health/slices.ts";
import type { KubeClient } from "../../mod/kube/api.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { withDeadline } from "../../mod/runtime/deadline.ts";
import { FakeApiServer, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf } from "../kube/kit.ts";
import { Authority } from "../kubernetes/certificates.ts";
import { OBJECT } from "./stub_client.ts";

const SETTINGS = { url: null, periodMs: 5000, timeoutMs: 3000, failureThreshold: 3, caPath: null };
const NO_ETCD = [{ kind: "hang" }, { verb: "get", path: OBJECT }] as const;
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

  probe(client: KubeClient): Probe {
    return makeProbe(SETTINGS, { client, clock: systemClock, objectPath: OBJECT });
  }

  rivals(client: KubeClient): RivalWatch {
    return new RivalWatch({ client, clock: systemClock, objectPath: OBJECT, own: () => new Set([LOCAL]) });
  }

  async stop(): Promise<void> {
    await this.local.stop();
    await this.other.stop();
  }

  serve(hostname: string, port: number): FakeApiServer {
    const { certificate, key } = this.#authority.server(hostname, [hostname]);
    return FakeApiServer.start({ hostname, port, tls: { cert: certificate, key } });
  }
}

/** What does not come at all fails the test instead of stopping it. */
async function soon<T>(what: string, work: Promise<T>): Promise<T> {
  return await withDeadline(work, { clock: systemClock, limitMs: 10_000, what });
}

async function next(health: ApiHealth): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  health.onChange = (now) => resolve(now.is);
  return await soon("a change of health", promise);
}

Deno.test("with real sockets, too, a killed server is unfit, another is found, and a returned server mends", async () => {
  const cluster = new Cluster();
  const client = cluster.client();
  const health = new ApiHealth(cluster.probe(client), systemClock);
  const rivals = cluster.rivals(client);
  client.close();
  try {
    rivals.start();
    health.start();
    assert.equal(await next(health), "healthy");
    const { port } = cluster.local;
    await cluster.local.stop();
    assert.equal(await next(health), "unhealthy");
    const found = Promise.withResolvers<string | null>();
    rivals.onChange = found.resolve;
    rivals.needed(true);
    assert.equal(await soon("a rival", found.promise), `https://${OTHER}:${port}`);
    cluster.local = cluster.serve(LOCAL, port);
    assert.equal(await next(health), "healthy");
  } finally {
    health.close();
    rivals.close();
    await cluster.stop();
  }
});

/** What the check sees of it: no answer to any question, or to none that needs etcd. */
const HANGS: readonly { readonly name: string; readonly begin: (server: FakeApiServer) => void }[] = [
  { name: "a server that accepts and says nothing", begin: (server) => server.freeze() },
  { name: "a server whose reads hang while /livez is well", begin: (server) => void server.fault(...NO_ETCD) },
];

for (const { name, begin } of HANGS) {
  Deno.test(`${name} is unfit after its second silence`, async () => {
    const cluster = new Cluster();
    const client = cluster.client();
    const health = new ApiHealth(cluster.probe(client), systemClock);
    client.close();
    try {
      health.start();
      assert.equal(await next(health), "healthy");
      begin(cluster.local);
      const before = cluster.local.count("get", OBJECT);
      const startMs = systemClock.now();
      assert.equal(await next(health), "unhealthy");
      assert.equal(cluster.local.count("get", OBJECT) - before, 2);
      const tookMs = systemClock.now() - startMs;
      assert.ok(tookMs > 2000, `each silence lasts a second: ${tookMs} ms`);
    } finally {
      health.close();
      await cluster.stop();
    }
  });
}

Deno.test("another server whose reads hang is no rival before they work again", async () => {
  const cluster = new Cluster();
  const client = cluster.client();
  const rivals = cluster.rivals(client);
  client.close();
  try {
    const fault = cluster.other.fault(...NO_ETCD);
    const asked = cluster.other.request(({ path }) => path === OBJECT);
    const found = Promise.withResolvers<string | null>();
    rivals.onChange = found.resolve;
    const learnt = cluster.local.request(({ path }) => path === SLICES_PATH);
    rivals.start();
    await learnt;
    rivals.needed(true);
    await soon("the first read", asked);
    await soon("the second read", cluster.other.request(({ path }) => path === OBJECT));
    assert.equal(rivals.rival(), null);
    fault.end();
    assert.equal(await soon("a rival", found.promise), `https://${OTHER}:${cluster.other.port}`);
  } finally {
    rivals.close();
    await cluster.stop();
  }
});
