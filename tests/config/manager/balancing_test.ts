import assert from "node:assert/strict";
import { BASE, type Given, load, loadBare, mustLoad, problemLines, vars, warningLines } from "./helpers.ts";

const ON = vars("lb_enable=true", "lb_fwdmethod=masquerade");

function loadOn(...texts: readonly string[]): ReturnType<typeof load> {
  return load({ env: { ...ON, ...vars(...texts) } });
}

Deno.test("balancing is off unless it is asked for, by any name", () => {
  assert.equal(mustLoad().balancing, null);
  assert.equal(mustLoad({ env: vars("lb_port=7443", "lb_fwdmethod=tunnel") }).balancing, null);
  const ways: Given[] = [
    { env: vars("lb_enable=true") },
    { flags: { enableLoadBalancer: "true" } },
    { content: { enableLoadBalancer: true } },
  ];
  for (const given of ways) {
    assert.deepEqual(mustLoad(given).balancing, { port: 6443, backendPort: 6443, checkMs: 5000 });
    assert.deepEqual(warningLines(load(given)), []);
  }
});

Deno.test("the port of clients, the port of the servers, and the time in which a dead one is out", () => {
  const texts = vars("lb_port=443", "port=7443", "backend_health_check_interval=2", "lb_fwdmethod=MASQUERADE");
  assert.deepEqual(mustLoad({ env: { ...ON, ...texts } }).balancing, { port: 443, backendPort: 7443, checkMs: 2000 });
  assert.match(problemLines(loadOn("lb_port=0")).join(), /^lb_port "0": is no port to balance; must be a port from 1/);
  assert.match(problemLines(loadOn("lb_port=x")).join("\n"), /^lb_port "x": must be a port[^\n]*$/);
});

Deno.test("methods are masquerade or local, which is the same here and said to be; those of IPVS are refused by name", () => {
  const local = loadOn("lb_fwdmethod=Local");
  assert.deepEqual(problemLines(local), []);
  assert.match(warningLines(local).join(), /^lb_fwdmethod "local": is done as masquerade/);
  for (const method of ["tunnel", "DirectRoute", "bypass"]) {
    const [line, ...others] = problemLines(loadOn(`lb_fwdmethod=${method}`));
    assert.match(line ?? "", /^lb_fwdmethod "\w+": is a method of IPVS, which is not used here.*; must be masquerade/);
    assert.ok(line?.includes(method.toLowerCase()));
    assert.deepEqual(others, []);
  }
  const unknown = warningLines(loadOn("lb_fwdmethod=nat"));
  assert.match(unknown[0] ?? "", /^lb_fwdmethod "nat": is no forwarding method, local is taken/);
});

Deno.test("there is no balancing without the Nodes, without a control plane, and where every node has routes", () => {
  const etcd = loadOn("vip_leaderelectiontype=etcd", "etcd_endpoints=10.0.0.1:2379");
  assert.match(problemLines(etcd).join(), /lb_enable "true": cannot be used with leaderElectionType etcd/);
  const routes = { ...BASE, ...ON, ...vars("vip_arp=false", "vip_routingtable=true") };
  assert.match(
    warningLines(loadBare({ env: routes })).join(),
    /^lb_enable "true": has no effect in routing-table mode/,
  );
  assert.equal(mustLoad({ env: routes }).balancing, null);
  const bgp = { ...BASE, ...ON, ...vars("vip_arp=false", "bgp_enable=true", "bgp_peers=10.0.0.1:65001") };
  assert.notEqual(mustLoad({ env: bgp }).balancing, null);
  assert.match(warningLines(loadOn("cp_enable=false")).join(), /^lb_enable "true": has no effect without the control/);
});
