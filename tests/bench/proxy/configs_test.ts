import assert from "node:assert/strict";
import { parse } from "@kube-vip/yaml";
import { station } from "../../lab/plan.ts";
import { haproxyConfig, nginxEchoConfig, nginxProxyConfig, ourConfig, PROXY_PORTS } from "./configs.ts";

const LOCAL = station("proxy", 3);
const BACKEND = station("backend", 2);

function balancersOf(engine: "kernel" | "user"): { name: string; engine: string; port: number }[] {
  return parse(ourConfig(LOCAL, BACKEND, { engine, stateDir: "/s", maxConnections: 9 })).loadBalancers;
}

Deno.test("the kernel gets balancers of connections only, the others of requests too", () => {
  assert.deepEqual(balancersOf("kernel").map(({ name }) => name), ["bulk", "tcp"]);
  assert.deepEqual(balancersOf("user").map(({ name }) => name), ["bulk", "tcp", "http"]);
  assert.ok(balancersOf("user").every(({ engine }) => engine === "user"));
});

Deno.test("everybody listens on the same ports", () => {
  assert.deepEqual(balancersOf("user").map(({ port }) => port), Object.values(PROXY_PORTS));
  for (const port of Object.values(PROXY_PORTS)) assert.match(haproxyConfig(BACKEND, 9), new RegExp(`bind :${port}\n`));
  assert.match(nginxProxyConfig("/d", BACKEND), new RegExp(`listen ${PROXY_PORTS.http};`));
});

Deno.test("HAProxy has one thread and keeps connections to the backend, nginx has one worker and does too", () => {
  assert.match(haproxyConfig(BACKEND, 9), /nbthread 1\n[^]*http-reuse always/);
  assert.match(nginxProxyConfig("/d", BACKEND), /worker_processes 1;[^]*keepalive 128;/);
});

Deno.test("a web server that is to be killed is one process", () => {
  assert.match(nginxEchoConfig("/d", 8081, "$arg_n"), /^master_process off;[^]*listen 8081;[^]*return 200 "\$arg_n";/);
});
