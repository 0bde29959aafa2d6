import assert from "node:assert/strict";
import type { ManagerConfig, SettingValue } from "../../mod/config/manager/types.ts";
import { command, type Outcome } from "./helpers.ts";

const BASE = ["--arp", "--controlplane", "--address", "192.168.0.40", "--log", "error"];
const files = {
  "/good.yaml": "enableARP: true\nenableControlPlane: true\naddress: 10.0.0.9\nlogging: 8\nleaseDuration: 20\n",
  "/good.json": '{"enableARP": true, "enableControlPlane": true, "address": "10.0.0.8", "logging": 8}',
  "/bad.yaml": "vipp: 1\nport: x\n",
  "/odd.ini": "",
};

interface Started {
  readonly config: ManagerConfig;
  readonly settings: ReadonlyMap<string, SettingValue>;
}

async function manager(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome & Partial<Started>> {
  const started: Started[] = [];
  const outcome = await command(args, {
    files,
    env,
    runManager: (config, settings) => {
      started.push({ config, settings });
      return Promise.resolve(7);
    },
  });
  return { ...outcome, ...started[0] };
}

Deno.test("the agent gets what flags and variables say, and its status is that of the process", async () => {
  const args = ["manager", ...BASE, "--arp=true", "--nodeName=N1", "--etcdEndpoints", "a:1", "--etcdEndpoints", "b:2"];
  const { code, out, config, settings } = await manager([...args, "--leaderElectionType", "etcd"], { port: "6444" });
  assert.deepEqual([code, out], [7, ""]);
  assert.deepEqual([config?.nodeName, config?.apiServer.port], ["n1", 6444]);
  assert.deepEqual(config?.election.type === "etcd" && config.election.endpoints, ["http://a:1", "http://b:2"]);
  assert.deepEqual([settings?.get("port")?.text, settings?.get("vip_arp")?.text], ["6444", "true"]);
});

Deno.test("flags may stand before the command, and the host's name is that of the node", async () => {
  const { code, config } = await manager([...BASE, "manager", "--interface", "eth9"]);
  assert.deepEqual([code, config?.interface, config?.nodeName], [7, "eth9", "host-1"]);
});

Deno.test("the file of the flag or of the variable is loaded, below the flags", async () => {
  const yaml = await manager(["manager", "--config-file", "/good.yaml", "--leaseRetry", "1"]);
  assert.deepEqual(yaml.config?.addresses, [{ is: "ip", ip: "10.0.0.9" }]);
  assert.deepEqual(yaml.config?.lease.times, { durationMs: 20_000, renewDeadlineMs: 10_000, retryMs: 1000 });
  const json = await manager(["manager", "--config-file", "/good.yaml"], { config_file: "/good.json" });
  assert.deepEqual(json.config?.addresses, [{ is: "ip", ip: "10.0.0.8" }]);
});

Deno.test("a file that is not there, or of no known form, is an error with status 1", async () => {
  const missing = await manager(["manager", "--config-file", "/none.yaml"]);
  const said = "error: loading config file: config file does not exist: /none.yaml\n";
  assert.deepEqual([missing.code, missing.out, missing.err], [1, "", said]);
  const odd = await manager(["manager", "--config-file", "/odd.ini"]);
  assert.equal(odd.code, 1);
  assert.match(odd.err, /unsupported config file format .ini. Supported formats: .json, .yaml, .yml/);
});

Deno.test("--check says whether the configuration is valid and starts nothing", async () => {
  const good = await manager(["manager", ...BASE, "--check"], { vip_singlenode: "true" });
  assert.deepEqual([good.code, good.out, good.config], [0, "The configuration is valid\n", undefined]);
  assert.match(good.err, /^warning: vip_singlenode "true": has no effect: /);
  const bad = await manager(["manager", ...BASE, "--check", "--config-file", "/bad.yaml"], { svc_enable: "true" });
  assert.deepEqual([bad.code, bad.out, bad.config], [1, "", undefined]);
  assert.match(bad.err, /error: \/bad.yaml:1: vipp: is not a known setting; did you mean vip\?/);
  assert.match(bad.err, /error: \/bad.yaml:2: port "x": must be a port from 1 to 65535/);
  assert.match(bad.err, /error: svc_enable "true": belongs to /);
  assert.match(bad.err, /3 problems in the configuration; nothing was started\n$/);
});

Deno.test("--dump lists every setting, without secrets", async () => {
  const { code, out } = await manager(["manager", ...BASE, "--dump", "--peerPass", "hush"], { bgp_peers: "a:1:hush" });
  assert.equal(code, 0);
  assert.match(out, /^enableARP = true \(flag --arp\)\n/);
  assert.match(out, /\nbgpPeerConfig.password = \*{8} \(flag --peerPass\)\n/);
  assert.match(out, /\nbgpConfig.peers = a:1:\*{8}:false \(env bgp_peers\)\n/);
  assert.doesNotMatch(out, /hush/);
});

Deno.test("mistakes in the flags are errors with status 1 and nothing on standard output", async () => {
  const lines = [["--arpp"], ["--arp", "false"], ["--interface"], ["-x"], ["pod"], ["--no-arp"]];
  for (const args of lines) {
    const { code, out, err, config } = await manager(["manager", ...args]);
    assert.deepEqual([code, out, config], [1, "", undefined], args.join(" "));
    assert.match(err, /^error: /);
  }
});

Deno.test("service reads the same settings and refuses itself", async () => {
  const { code, out, err } = await manager(["service", "-c", "plndr", ...BASE], { port: "x" });
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^error: service: belongs to Services of type LoadBalancer, which this program does not have yet/);
  assert.match(err, /error: port "x": must be a port/);
  assert.match((await manager(["service"])).err, /nothing was started/);
});

Deno.test("the help of manager has its switches, features that are to come, and no dead flags", async () => {
  const { code, out } = await manager(["manager", "--help"]);
  assert.equal(code, 0);
  for (const flag of ["--arp [true|false]", "--services", "--bgppeers <value>", "--check", "-n, --namespace"]) {
    assert.ok(out.includes(flag), flag);
  }
  assert.doesNotMatch(out, /--configMap|--servicesInterface|--cidr/);
});
