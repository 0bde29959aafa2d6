import assert from "node:assert/strict";
import { UserBalancer } from "../../../mod/balance/user/user_balancer.ts";
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { httpBalancerContract } from "../../contracts/balancer_http.ts";
import { askToTheEnd } from "../../contracts/http_ends.ts";
import {
  ask,
  Backend,
  eventually,
  httpBackend,
  httpConfig,
  type Maker,
  okResponse,
  portOf,
  withBalancer,
} from "../kit.ts";

const make: Maker = (config, deps) => new UserBalancer(config, { ...deps, threads: new UserThreads(systemClock) });
const LAST_GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

httpBalancerContract("user", make);

Deno.test("user: who asks through another balancer is named to the backend as the PROXY protocol has said", async () => {
  const backend = httpBackend((head) => okResponse(/X-Forwarded-For: (\S+)/.exec(head)?.[1] ?? ""));
  await withBalancer(httpConfig([backend.port], { acceptProxyProtocol: true }), async (balancer) => {
    const answer = await ask(portOf(balancer), `PROXY TCP4 203.0.113.5 192.0.2.1 1234 80\r\n${LAST_GET}`);
    assert.match(answer, /\r\n\r\n203\.0\.113\.5$/);
  }, make);
  await backend.close();
});

Deno.test("user: several threads answer, and are counted together", async () => {
  const backend = httpBackend((head) => okResponse(/GET (\S+)/.exec(head)?.[1] ?? ""));
  await withBalancer(httpConfig([backend.port], { threads: 2 }), async (balancer) => {
    await Promise.all(Array.from({ length: 40 }, async (_unused, n) => {
      const answer = await ask(portOf(balancer), LAST_GET.replace("/ ", `/${n} `));
      assert.ok(answer.endsWith(`\r\n\r\n/${n}`), answer);
    }));
    await eventually(() => balancer.status().connections === 0, "nothing is left");
    const [only] = balancer.status().backends;
    assert.deepEqual([only?.totalConnections, only?.connections], [40, 0]);
  }, make);
  await backend.close();
});

Deno.test("user: a release resets the requests on that address, in flight as well", async () => {
  const backend = new Backend(async (conn) => void await conn.rest());
  await withBalancer(httpConfig([backend.port], { bindToVip: true }), async (balancer, resetter) => {
    balancer.bind("127.0.0.1");
    await eventually(() => balancer.status().listening.length === 1, "it listens");
    const ended = askToTheEnd(balancer, resetter, { request: LAST_GET });
    await eventually(() => backend.accepted === 1, "the request is in flight");
    balancer.release("127.0.0.1");
    assert.deepEqual(await ended, { text: "", isReset: true });
    await eventually(() => balancer.status().connections === 0, "the session ends");
    assert.equal(balancer.status().backends[0]?.connections, 0);
  }, make);
  await backend.close();
});
