import assert from "node:assert/strict";
import { BalancerError } from "../../mod/balance/balancer.ts";
import { ChoosingBalancer } from "../../mod/balance/choosing_balancer.ts";
import { createBalancer } from "../../mod/balance/create.ts";
import type { HttpBalancerConfig } from "../../mod/config/types.ts";
import type { KernelEngine, KernelOffer } from "../../mod/balance/kernel/kernel_engine.ts";
import { UserThreads } from "../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { privileged } from "../fakes/privileges.ts";
import { insideNamespace, kernelParts } from "./kernel/kit.ts";
import { echo } from "../contracts/balancer_kit.ts";
import { Backend, FakeResetter, httpBackend, httpConfig, okResponse, portOf, RawConn, tcpConfig } from "./kit.ts";
import { withAuthority } from "./tls/certificates.ts";
import { askSecure } from "./tls/kit.ts";

const DEPS = { clock: systemClock, random: () => 0, resetter: new FakeResetter() };

function offering(offer: KernelOffer): KernelEngine {
  const engine: Pick<KernelEngine, "offer"> = { offer: () => offer };
  return engine as KernelEngine;
}

Deno.test("where the kernel is not taken threads carry it, and the status says why", async () => {
  const kernel = offering({ outcome: "declines", why: "it cannot" });
  const threads = new UserThreads(systemClock);
  const backend = new Backend(echo);
  const balancer = new ChoosingBalancer(tcpConfig([backend.port], { engine: "auto" }), DEPS, { kernel, threads });
  assert.deepEqual(balancer.status().listening, [], "nothing before the start");
  await balancer.start();
  const { engine, engineWhy } = balancer.status();
  assert.deepEqual([engine, engineWhy], ["user", "it cannot"]);
  (await RawConn.connect(portOf(balancer))).close();
  await balancer.stop();
  await threads.close();
  await backend.close();
});

Deno.test("where there can be no threads either a balancer listens, unless that is not enough", async () => {
  const balancer = createBalancer(httpConfig([1], { engine: "auto" }), DEPS);
  await balancer.start();
  const { engine, engineWhy } = balancer.status();
  assert.deepEqual(
    [engine, engineWhy],
    ["listen", "the kernel cannot balance http requests; there are to be no threads"],
  );
  await balancer.stop();
  const needy = createBalancer(tcpConfig([1], { engine: "auto", acceptProxyProtocol: true }), DEPS);
  await assert.rejects(needy.start(), /Cannot use engine user for web: there are to be no threads/);
});

Deno.test("TLS is spoken in a thread of its own", () =>
  withAuthority(async (authority) => {
    const tls = await authority.issue("front", { names: "DNS:localhost" });
    const threads = new UserThreads(systemClock);
    const backend = httpBackend(() => okResponse("hello"));
    for (const engine of ["auto", "user"] as const) {
      const balancer = new ChoosingBalancer(httpConfig([backend.port], { engine, tls }), DEPS, { threads });
      await balancer.start();
      const answer = await askSecure(
        portOf(balancer),
        authority,
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      );
      assert.match(answer, /hello$/);
      assert.equal(balancer.status().engine, "user");
      await balancer.stop();
    }
    await threads.close();
    await backend.close();
  }));

Deno.test("an engine that was named and does not work ends the start", async () => {
  const kernel = offering({ outcome: "declines", why: "no nftables" });
  const balancer = new ChoosingBalancer(tcpConfig([1], { engine: "kernel", name: "web" }), DEPS, { kernel });
  await assert.rejects(balancer.start(), (error: Error) => {
    return error instanceof BalancerError && error.message === "Cannot use engine kernel for web: no nftables";
  });
  await balancer.stop();
});

privileged("where the kernel is taken it balances", async () => {
  await insideNamespace(async () => {
    const parts = kernelParts();
    const config = tcpConfig([1], { engine: "auto", port: 8080 });
    const balancer = new ChoosingBalancer(config, DEPS, { kernel: offering({ outcome: "takes", parts }) });
    await balancer.start();
    const { engine, listening } = balancer.status();
    assert.deepEqual([engine, listening], ["kernel", ["0.0.0.0:8080"]]);
    await balancer.stop();
    await parts.close();
  });
});

Deno.test("what is not to be had is refused by name", async () => {
  for (const engine of ["kernel", "user"] as const) {
    const balancer = createBalancer(tcpConfig([1], { engine }), DEPS);
    await assert.rejects(balancer.start(), new RegExp(`Cannot use engine ${engine} for web`));
    await balancer.stop();
  }
});

privileged("what the kernel does not take while it carries a balancer is said before anything changes", async () => {
  await insideNamespace(async () => {
    const parts = kernelParts();
    for (const engine of ["auto", "kernel"] as const) {
      let offer: KernelOffer = { outcome: "takes", parts };
      const kernel = { offer: () => offer } as Pick<KernelEngine, "offer"> as KernelEngine;
      const balancer = new ChoosingBalancer(tcpConfig([1], { engine, port: 8080 }), DEPS, { kernel });
      const next = tcpConfig([1, 2], { engine, port: 8080 });
      assert.equal(balancer.suits(next), true, "before the start nothing is chosen");
      await balancer.start();
      assert.equal(balancer.suits(next), true);
      offer = { outcome: "declines", why: "no room" };
      if (engine === "auto") assert.equal(balancer.suits(next), false);
      else assert.throws(() => balancer.suits(next), /Cannot use engine kernel for web: no room/);
      assert.equal(balancer.config.backends.length, 1);
      await balancer.stop();
    }
    await parts.close();
  });
});

Deno.test("other files of TLS to backends are tried before anything goes over to them", () =>
  withAuthority((authority) => {
    const { name, ...rest } = httpConfig([]);
    const backends = [{ url: new URL("https://127.0.0.1:1"), weight: 1 }];
    const given = (caFile: string): HttpBalancerConfig => ({
      ...rest,
      name,
      backends,
      backendTls: { caFile, serverName: null, client: null },
    });
    const balancer = new ChoosingBalancer(given("/nonexistent/before"), DEPS, {});
    assert.equal(balancer.suits(given(authority.caFile)), true);
    assert.throws(
      () => balancer.suits(given("/nonexistent/ca.pem")),
      /Cannot use backendTls of web: .*nonexistent\/ca.pem/,
    );
    assert.equal(balancer.suits(given("/nonexistent/before")), true, "what runs with it goes on");
    return Promise.resolve();
  }));
