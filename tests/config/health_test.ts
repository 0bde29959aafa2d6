import assert from "node:assert/strict";
import { DEFAULT_EJECTION, DEFAULT_HEALTH, toHealth } from "../../mod/config/health.ts";
import type { BalancerConfig } from "../../mod/config/types.ts";
import { base, load, mustLoad, problemLines, warningLines } from "./helpers.ts";

const content = (changes: Record<string, unknown>): Record<string, unknown> => {
  return base({ loadBalancers: [{ port: 1, backends: "10.0.0.5:80", ...changes }] });
};
const balancer = (changes: Record<string, unknown>): BalancerConfig => {
  return mustLoad(content(changes)).balancers[0] ?? assert.fail();
};

Deno.test("checks and ejection are on by default; true is the default, false is off", () => {
  const wanted = toHealth(DEFAULT_HEALTH);
  for (const value of [undefined, true, {}, ""]) {
    assert.deepEqual(balancer({ healthCheck: value }).health, wanted);
    assert.deepEqual(balancer({ ejection: value }).ejection, { failures: 3, restMs: 5000 });
  }
  assert.equal(balancer({ healthCheck: false }).health, null);
  assert.equal(balancer({ ejection: false }).ejection, null);
  assert.equal(DEFAULT_EJECTION.failures, 3);
});

Deno.test("an http check names a path and the statuses of a healthy answer", () => {
  const healthCheck = {
    type: "http",
    path: "/healthz?x=1",
    expect: 204,
    interval: "5s",
    timeout: 500,
    rise: 1,
    fall: 5,
  };
  assert.deepEqual(balancer({ healthCheck }).health, {
    type: "http",
    path: "/healthz?x=1",
    expectMin: 204,
    expectMax: 204,
    intervalMs: 5000,
    timeoutMs: 500,
    rise: 1,
    fall: 5,
  });
  assert.deepEqual(balancer({ ejection: { failures: 1, rest: "1m" } }).ejection, { failures: 1, restMs: 60_000 });
});

Deno.test("what cannot be checked is refused with the reason", () => {
  const rows: [Record<string, unknown>, RegExp][] = [
    [{ healthCheck: "tcp" }, /healthCheck "tcp": must be true or false/],
    [{ healthCheck: [] }, /healthCheck: must be \{type, path/],
    [{ healthCheck: { type: "icmp" } }, /healthCheck.type "icmp": must be tcp or http/],
    [{ healthCheck: { type: "http", path: "healthz" } }, /path "healthz": must be a path that begins with \//],
    [{ healthCheck: { type: "http", path: "/a b" } }, /has no spaces/],
    [{ healthCheck: { expect: "300-200" } }, /expect "300-200": must be an HTTP status/],
    [{ healthCheck: { interval: "1s", timeout: "2s" } }, /timeout "2s": must be at most the interval, 1s/],
    [{ healthCheck: { intervall: "1s" } }, /intervall: is not a known setting; did you mean interval\?/],
    [{ ejection: { failures: 0 } }, /failures "0": must be a number from 1 to 1000/],
  ];
  for (const [changes, pattern] of rows) assert.match(problemLines(load(content(changes))).join("\n"), pattern);
});

Deno.test("settings of http checks have no effect on tcp checks, which is said", () => {
  const lines = warningLines(load(content({ healthCheck: { path: "/x" } })));
  assert.match(lines.join(), /healthCheck.path: has no effect: only checks of type http use it/);
});
