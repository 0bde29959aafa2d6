import assert from "node:assert/strict";
import { MOST_BALANCERS } from "../../mod/config/balancers.ts";
import { base, load, mustLoad, problemLines, warningLines } from "./helpers.ts";

const BACKENDS = "10.0.0.5:80";
const withBalancers = (...loadBalancers: unknown[]): Record<string, unknown> => base({ loadBalancers });

Deno.test("an http balancer has the defaults that are documented", () => {
  const [balancer] = mustLoad(withBalancers({ type: "http", port: 8000, backends: "http://10.0.0.5" })).balancers;
  assert.deepEqual({ ...balancer, backends: null }, {
    type: "http",
    name: "http-8000",
    port: 8000,
    bindToVip: false,
    backends: null,
    engine: "user",
    threads: 1,
    tls: null,
    acceptProxyProtocol: false,
    maxRequestBytes: null,
    maxResponseBytes: null,
    backendTls: { caFile: null, serverName: null, client: null },
    policy: "round-robin",
    connectTimeoutMs: 500,
    idleTimeoutMs: 600_000,
    maxConnections: 10_000,
    drainMs: 5000,
    health: {
      type: "tcp",
      path: "/",
      expectMin: 200,
      expectMax: 399,
      intervalMs: 2000,
      timeoutMs: 1000,
      rise: 2,
      fall: 3,
    },
    ejection: { failures: 3, restMs: 5000 },
    maxHeadBytes: 65_536,
    maxHeaders: 100,
    headTimeoutMs: 10_000,
    responseTimeoutMs: 60_000,
  });
});

Deno.test("what is given reaches the balancer, in milliseconds", () => {
  const given = {
    name: "n",
    port: 8000,
    backends: BACKENDS,
    policy: "least-connections",
    connectTimeout: "1s",
    idleTimeout: "2m",
    maxConnections: 7,
    drain: 0,
    healthCheck: false,
    ejection: false,
  };
  const [balancer] = mustLoad(withBalancers(given)).balancers;
  assert.deepEqual({ ...balancer, backends: null }, {
    type: "tcp",
    name: "n",
    port: 8000,
    bindToVip: false,
    backends: null,
    engine: "user",
    threads: 1,
    tls: null,
    acceptProxyProtocol: false,
    sendProxyProtocol: null,
    affinity: "none",
    preserveClientAddress: false,
    listenOnly: ["policy", "connectTimeout", "idleTimeout", "maxConnections"],
    policy: "least-connections",
    connectTimeoutMs: 1000,
    idleTimeoutMs: 120_000,
    maxConnections: 7,
    drainMs: 0,
    health: null,
    ejection: null,
  });
});

Deno.test("two balancers may not share a port, whatever they bind to; the election's UDP port is free for TCP", () => {
  const on = (port: number, bindToVip: boolean): unknown => ({ port, bindToVip, backends: BACKENDS });
  for (const [first, second] of [[true, true], [true, false], [false, false]] as const) {
    const lines = problemLines(load(withBalancers(on(443, first), on(443, second))));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /loadBalancers\[1\].port "443": is the port of loadBalancers\[0\]/);
  }
  assert.deepEqual(problemLines(load(withBalancers(on(10000, false), on(443, true)))), []);
});

Deno.test("a balancer that would pass connections to itself is refused", () => {
  const self = (backend: string, bindToVip: boolean): string[] =>
    problemLines(load(withBalancers({ port: 6443, bindToVip, backends: backend })));
  assert.match(self("10.0.0.9:6443", true).join(), /is this load balancer itself; must be another port/);
  assert.match(self("10.0.0.9:6443", false).join(), /is this load balancer itself/);
  assert.match(self("10.0.0.1:6443", false).join(), /listens on every address; set bindToVip or use another port/);
  assert.deepEqual(self("10.0.0.1:6443", true), []);
  assert.deepEqual(self("10.0.0.2:6443", false), []);
  for (const host of ["127.0.0.1", "127.8.8.8", "[::1]"]) {
    assert.match(self(`${host}:6443`, false).join(), /is this load balancer itself, which listens on every address/);
    assert.deepEqual([self(`${host}:6443`, true), self(`${host}:6444`, false)], [[], []]);
  }
  const local = withBalancers({ type: "http", port: 80, backends: "http://localhost" });
  assert.match(problemLines(load(local)).join(), /is this load balancer itself/);
  const web = withBalancers({ type: "http", port: 80, backends: "http://10.0.0.9/" });
  assert.match(problemLines(load(web)).join(), /is this load balancer itself/);
});

Deno.test("peers are appended once, at the backend port or at that of the first backend", () => {
  const add = (balancer: Record<string, unknown>): string[] => {
    const config = mustLoad(
      base({ addPeersAsBackends: true, loadBalancers: [{ port: 443, bindToVip: true, ...balancer }] }),
    );
    return config.balancers[0]?.backends.map((one) => "url" in one ? one.url.host : `${one.address}:${one.port}`) ?? [];
  };
  const all = ["10.0.0.1:6443", "10.0.0.2:6443", "10.0.0.3:6443"];
  assert.deepEqual(add({ backendPort: 6443 }), all);
  assert.deepEqual(add({ backends: "10.0.0.7:6443,10.0.0.2:6443" }), ["10.0.0.7:6443", all[1], all[0], all[2]]);
  assert.deepEqual(add({ type: "http", backendPort: 6443 }), all);
  const none = load(base({ addPeersAsBackends: true, loadBalancers: [{ port: 443 }] }));
  assert.match(problemLines(none).join("\n"), /backendPort: is missing: addPeersAsBackends needs the port/);
  assert.match(
    warningLines(load(base({ addPeersAsBackends: true, loadBalancers: [] }))).join(),
    /there are no load balancers/,
  );
});

Deno.test("a backend that is listed twice is one with the weight of both, and that is said", () => {
  const twice = withBalancers(
    { port: 1, backendPort: 80, backends: [{ address: "10.0.0.5", weight: 2 }, "10.0.0.6:80", "10.0.0.5:80"] },
    { port: 2, type: "http", backends: ["http://web", "http://web:80/", "http://web/other"] },
  );
  const shares = mustLoad(twice).balancers.map(({ backends }) => backends.map(({ weight }) => weight));
  assert.deepEqual(shares, [[3, 1], [2, 1]]);
  const lines = warningLines(load(twice));
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /backends\[2\] "10.0.0.5:80": is listed twice: it is one backend/);
});

Deno.test("names are unique in the status, and what cannot work is said", () => {
  const twins = withBalancers({ name: "x", port: 1, backends: BACKENDS }, { name: "x", port: 2, backends: BACKENDS });
  assert.deepEqual(mustLoad(twins).balancers.map((one) => one.name), ["x", "x#2"]);
  assert.match(warningLines(load(twins)).join(), /loadBalancers\[1\].name "x": is the name of another load balancer/);
  const limit = withBalancers({ port: 1, backends: BACKENDS, maxHeaders: 20 });
  assert.match(warningLines(load(limit)).join(), /maxHeaders: has no effect: only load balancers of type http/);
  const noVip = {
    singleNode: true,
    disableVIP: true,
    loadBalancers: [{ port: 1, bindToVip: true, backends: BACKENDS }],
  };
  assert.match(warningLines(load(noVip)).join(), /bindToVip: has no effect: there is no VIP to listen on/);
});

Deno.test("lists that are not lists of balancers, or too long, are refused", () => {
  const many = Array.from({ length: MOST_BALANCERS + 1 }, (_, i) => ({ port: i + 1, backends: BACKENDS }));
  const rows: [unknown, RegExp][] = [
    [many, /has 65 items, at most 64 are accepted/],
    [{ port: 1 }, /loadBalancers "\{port: 1\}": must be a list of load balancers, not a mapping/],
    [["tcp"], /loadBalancers\[0\] "tcp": must be a mapping, not text/],
  ];
  for (const [loadBalancers, pattern] of rows) {
    assert.match(problemLines(load(base({ loadBalancers }))).join("\n"), pattern);
  }
});
