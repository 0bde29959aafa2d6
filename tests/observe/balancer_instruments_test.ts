import { Registry } from "@kube-vip/metrics";
import assert from "node:assert/strict";
import { BalancerInstruments } from "../../mod/observe/balancer_instruments.ts";
import type { BalancerReport } from "../../mod/observe/status_types.ts";

const WEB: BalancerReport = {
  name: "web",
  type: "tcp",
  engine: "user",
  engineWhy: "the kernel has nothing like policy",
  listening: ["0.0.0.0:80"],
  connections: 3,
  totalConnections: 9,
  backends: [
    { name: "10.0.0.5:80", state: "up", connections: 2, totalConnections: 7, failures: 1, bytes: 4096, detail: "" },
    { name: "10.0.0.6:80", state: "ejected", connections: 1, totalConnections: 2, failures: 4, detail: "refused" },
  ],
};

Deno.test("a balancer tells its engine, why it is that one, and what it and its backends carry", async () => {
  const registry = new Registry();
  const instruments = new BalancerInstruments(registry);
  const lines = async (name: string): Promise<string[]> =>
    (await registry.metrics()).split("\n").filter((line) => line.split(/[ {]/)[0] === name);
  instruments.collect([WEB]);
  assert.deepEqual(await lines("kube_vip_balancer_info"), [
    'kube_vip_balancer_info{balancer="web",type="tcp",engine="user",why="the kernel has nothing like policy"} 1',
  ]);
  assert.deepEqual(await lines("kube_vip_balancer_connections"), ['kube_vip_balancer_connections{balancer="web"} 3']);
  assert.deepEqual(await lines("kube_vip_balancer_connections_total"), [
    'kube_vip_balancer_connections_total{balancer="web"} 9',
  ]);
  const rows: [string, (number | null)[]][] = [
    ["kube_vip_backend_up", [1, 0]],
    ["kube_vip_backend_connections", [2, 1]],
    ["kube_vip_backend_connections_total", [7, 2]],
    ["kube_vip_backend_failures_total", [1, 4]],
    ["kube_vip_backend_bytes_total", [4096, null]],
  ];
  for (const [name, values] of rows) {
    const wanted = values.flatMap((value, index) =>
      value === null ? [] : [`${name}{balancer="web",backend="10.0.0.${5 + index}:80"} ${value}`]
    );
    assert.deepEqual(await lines(name), wanted);
  }
  instruments.collect([]);
  assert.deepEqual(await lines("kube_vip_backend_up"), []);
});
