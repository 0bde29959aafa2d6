import assert from "node:assert/strict";
import { dumpSettings } from "../../../mod/config/docs.ts";
import { loadManagerConfig, loadManagerValues } from "../../../mod/config/manager/load.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import {
  BASE,
  type Given,
  input,
  load,
  loadBare,
  mustLoad,
  problemLines,
  values,
  vars,
  warningLines,
} from "./helpers.ts";

Deno.test("three variables are enough, and everything else has upstream's defaults", () => {
  assert.deepEqual(mustLoad(), {
    mode: "arp",
    elects: true,
    bgp: null,
    routes: null,
    addresses: [{ is: "ip", ip: "192.168.0.40" }],
    prefixLengths: { v4: 32, v6: 128 },
    dnsMode: "first",
    interface: null,
    allowInterfaceNotUp: false,
    loopbackGlobalScope: false,
    announceEveryMs: 3000,
    nodeName: "node-1",
    namespace: "kube-system",
    lease: {
      namespace: null,
      name: "plndr-cp-lock",
      times: { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 },
      annotations: {},
    },
    election: { type: "kubernetes" },
    apiServer: { configPath: "/etc/kubernetes/admin.conf", address: null, detect: false, port: 6443 },
    health: { url: null, periodMs: 5000, timeoutMs: 3000, failureThreshold: 3, caPath: null },
    balancing: null,
    linkDownMs: null,
    preserveOnLoss: false,
    nodeLabeling: false,
    metrics: { host: "", port: 2112 },
    healthPort: null,
    stateDir: "/var/lib/kube-vip",
    logLevel: "info",
  });
  assert.deepEqual(load().warnings, []);
});

Deno.test("what settings say arrives in the configuration", () => {
  const env = vars(
    "address=fd00::40,192.168.0.40,VIP.Example.",
    "vip_subnet=64,24",
    "dns_mode=Dual",
    "vip_interface=eth7",
    "vip_allow_interface_not_up=T",
    "vip_interfaceloglobal=1",
    "vip_arpRate=700",
    "vip_nodename=Server.One",
    "cp_namespace=vips",
    "vip_leasename=other/lock",
    "vip_leaseduration=5",
    "vip_renewdeadline=3",
    "vip_retryperiod=1",
    'vip_leaseannotations={"a":"b"}',
    "k8s_config_file=/k",
    "kubernetes_addr=127.0.0.1",
    "cp_detect=TRUE",
    "port=6444",
    "vip_loseleadership=true",
    "vip_preserve_on_leadership_loss=true",
    "enable_node_labeling=true",
    "prometheus_server=127.0.0.1:9",
    "health_check_port=8080",
    "vip_statedir=/s",
    "vip_loglevel=-4",
  );
  const config = mustLoad({ env });
  assert.deepEqual(config.addresses, [
    { is: "ip", ip: "fd00::40" },
    { is: "ip", ip: "192.168.0.40" },
    { is: "name", host: "vip.example" },
  ]);
  assert.deepEqual(config.prefixLengths, { v4: 24, v6: 64 });
  assert.deepEqual([config.dnsMode, config.interface, config.nodeName, config.namespace], [
    "dual",
    "eth7",
    "server.one",
    "vips",
  ]);
  assert.deepEqual([config.announceEveryMs, config.linkDownMs, config.logLevel, config.stateDir], [
    700,
    30_000,
    "debug",
    "/s",
  ]);
  assert.ok(config.allowInterfaceNotUp && config.loopbackGlobalScope && config.preserveOnLoss && config.nodeLabeling);
  assert.deepEqual(config.lease, {
    namespace: "other",
    name: "lock",
    times: { durationMs: 5000, renewDeadlineMs: 3000, retryMs: 1000 },
    annotations: { a: "b" },
  });
  assert.deepEqual(config.apiServer, { configPath: "/k", address: "127.0.0.1", detect: true, port: 6444 });
  assert.deepEqual([config.metrics, config.healthPort], [{ host: "127.0.0.1", port: 9 }, 8080]);
});

const NOTHING = /no valid kube-vip mode detected, ensure a supported mode is configured/;

Deno.test("exactly one mode and at least one feature have to be on", () => {
  const rows: [Record<string, string>, RegExp[]][] = [
    [{}, [NOTHING, /no features are enabled/]],
    [{ cp_enable: "true", address: "10.0.0.1" }, [NOTHING]],
    [{ vip_arp: "true" }, [/^cp_enable: no features are enabled/]],
    [{ ...BASE, bgp_enable: "true" }, [
      /^vip_arp: multiple kube-vip modes detected, ensure only one mode is configured; vip_arp, bgp_enable are on/,
    ]],
    [{ ...BASE, vip_arp: "false", vip_wireguard: "true" }, [/^vip_wireguard "true": belongs to WireGuard mode/]],
    [{ ...BASE, vip_arp: "perhaps" }, [/^vip_arp "perhaps": must be true or false/]],
    [{ vip_arp: "true", cp_enable: "true" }, [/^address: is missing: give the virtual address/]],
  ];
  for (const [env, patterns] of rows) {
    const lines = problemLines(loadBare({ env }));
    assert.equal(lines.length, patterns.length, lines.join("\n"));
    for (const [i, pattern] of patterns.entries()) assert.match(lines[i] ?? "", pattern);
  }
});

Deno.test("features that are not there are refused by every name when on, silent when off, and manifests may have them", () => {
  const rows: [env: string, flag: string, key: string][] = [
    ["svc_enable", "services", "enableServices"],
    ["vip_wireguard", "wireguard", "enableWireguard"],
    ["vip_ddns", "ddns", "ddns"],
  ];
  for (const [env, flag, key] of rows) {
    const ways: [string, (value: string) => Given][] = [
      [env, (value) => ({ env: { [env]: value } })],
      [`--${flag}`, (value) => ({ flags: { [flag]: value } })],
      [key, (value) => ({ content: { [key]: value === "true" } })],
    ];
    for (const [name, given] of ways) {
      const lines = problemLines(load(given("true")));
      const refusal = lines.filter((line) => line.includes(`${name} "true": belongs to `));
      assert.equal(refusal.length, 1, lines.join("\n"));
      assert.match(refusal[0] ?? "", /, which this program does not have yet; remove it$/);
      const off = load(given("false"));
      assert.deepEqual([...problemLines(off), ...warningLines(off)], [], name);
      assert.deepEqual(problemLines(values(given("true"))), [], name);
    }
  }
});

Deno.test("settings of a feature that is off are accepted in silence, those without effect with one line", () => {
  const quiet = vars(
    "svc_leasename=plndr-svcs-lock",
    "svc_election=true",
    "bgp_routerid=",
    "bgp_as=65000",
    "bgp_peeraddress=",
    "bgp_peerpass=",
    "bgp_peeras=65000",
    "lb_port=6443",
    "lb_fwdmethod=local",
    "dhcp_mode=ipv4",
    "vip_leaderelection=true",
    "lb_class_name=",
    "egress_withnftables=true",
    "vip_singlenode=false",
    "vip_skipdad=0",
    "UNKNOWN=anything",
  );
  assert.deepEqual(load({ env: quiet }).warnings, []);
  const dead = vars(
    "vip_singlenode=true",
    "vip_startleader=true",
    "vip_skipdad=true",
    "iptables_backend=nft",
    "vip_configmap=mine",
    "enable_endpointslices=true",
  );
  const loud = warningLines(load({ env: dead, content: { loadBalancers: [{ name: "x" }] } }));
  assert.equal(loud.length, 7);
  for (const name of [...Object.keys(dead), "loadBalancers"]) {
    assert.ok(loud.some((line) => line.includes(name) && line.includes(": has no effect: ")), `${name}\n${loud}`);
  }
  assert.deepEqual(warningLines(load({ env: { vip_configmap: "plndr" } })), []);
});

Deno.test("an empty text is as good as none, but switches metrics off", () => {
  const names = Object.keys(BASE);
  const env = Object.fromEntries(
    ["vip_subnet", "vip_nodename", "port", "vip_address", "bgp_peers", "svc_enable"].map((name) => [name, ""]),
  );
  assert.deepEqual(mustLoad({ env }), mustLoad());
  assert.equal(names.length, 3);
  assert.equal(mustLoad({ env: { prometheus_server: "" } }).metrics, null);
  assert.equal(mustLoad({ flags: { prometheusHTTPServer: "" } }).metrics, null);
  assert.equal(mustLoad({ content: { prometheusHTTPServer: "" } }).metrics, null);
  assert.deepEqual(mustLoad({ content: "prometheusHTTPServer:\n" }).metrics, { host: "", port: 2112 });
});

Deno.test("of two names of one setting the first counts, with a warning if they disagree", () => {
  const instance = values({ env: { instance_name: "a", INSTANCE_NAME: "b" } });
  assert.equal(instance.outcome === "valid" && instance.values.get("instance_name")?.text, "a");
  assert.deepEqual(warningLines(instance), [
    "INSTANCE_NAME: contradicts instance_name: both set the same thing (a and b), instance_name counts",
  ]);
  assert.equal(mustLoad({ env: { vip_subnet: "24", vip_cidr: "32" } }).prefixLengths.v4, 24);
  const same = load({ env: { vip_subnet: "24", vip_cidr: "24" } });
  assert.deepEqual(same.warnings, []);
});

Deno.test("every problem is found in one go", () => {
  const env = vars("port=x", "vip_leaseduration=0", "health_check_port=80", "vip_interface=a/b", "vip_ddns=true");
  const lines = problemLines(load({ env, content: "nonsense: 1\nvipp: 2\nport: 70000\n" }));
  assert.deepEqual(lines.map((line) => line.split(/[ ":]+/).slice(0, line.startsWith("config") ? 3 : 1).join(" ")), [
    "config.yaml 1 nonsense",
    "config.yaml 2 vipp",
    "config.yaml 3 port",
    "port",
    "vip_interface",
    "vip_leaseduration",
    "health_check_port",
    "vip_ddns",
  ]);
});

Deno.test("the node's name is that of the host if none is given, and there has to be one", () => {
  assert.equal(mustLoad({ hostname: "Box.Local" }).nodeName, "box.local");
  assert.match(problemLines(load({ hostname: "" })).join(), /^vip_nodename: is missing, and the host has no name/);
});

Deno.test("metrics and health do not share a port", () => {
  const env = vars("prometheus_server=:8080", "health_check_port=8080");
  assert.match(problemLines(load({ env })).join(), /^health_check_port "8080": is the port of prometheus_server too/);
});

Deno.test("no line of output contains a secret", () => {
  const env = vars(
    "bgp_peerpass=Hush1",
    "bgp_peers=10.0.0.1:65000:Hush2:true,10.0.0.2:1:Hush3",
    "vip_peersecret=Hush4-0123456789",
    "control_plane_health_check_address=https://me:Hush5@10.0.0.1/livez",
  );
  const content = { bgpConfig: { peers: [{ address: "10.0.0.1", as: 1, password: "Hush6" }] }, peerSecret: "Hush7" };
  const good = load({ env });
  assert.equal(good.outcome, "valid", problemLines(good).join("\n"));
  const dump = good.outcome === "valid" ? dumpSettings(good.effective) : "";
  assert.match(dump, /bgpConfig.peers = 10.0.0.1:65000:\*{8}:true,10.0.0.2:1:\*{8}:false \(env bgp_peers\)/);
  const bad = [
    load({ env, content }),
    load({ env: { ...env, bgp_peers: "10.0.0.1:Hush:x,Hush,10.0.0.1:1:a:Hush,10.0.0.1:1:a:true:Hush" } }),
    load({
      env: {
        ...env,
        bgp_peers: "10.0.0.1:1:a:true:1:Hush=1,10.0.0.1:1:a:true:1::Hush",
        bgp_peerpass: `${"Hush".repeat(30)}`,
      },
    }),
    load({ content: { bgpPeers: "Hush", bgpConfig: { peers: { password: "Hush" } } } }),
    load({ content: '{"peerSecret": "Hush" "x"}', file: "x.json" }),
    load({ env: { vip_peersecret: "Hush", control_plane_health_check_address: "ftp://me:Hush@x" } }),
  ];
  for (const result of bad) {
    assert.equal(result.outcome, "invalid");
    const said = [...problemLines(result), ...warningLines(result), JSON.stringify(result)].join("\n");
    assert.doesNotMatch(said, /Hush/);
  }
  assert.doesNotMatch(dump + warningLines(good).join(), /Hush/);
});

Deno.test("2000 random environments are answered with findings, never with an exception", () => {
  const seed = seedFromEnv(4712);
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] ?? assert.fail();
  const texts = [
    "",
    " ",
    "true",
    "-1",
    "0",
    "99999999999999999999",
    "a,b",
    "::",
    "[",
    "{}",
    "\0",
    "é",
    "1:2:3:4",
    "/",
    "%s",
  ];
  const known = values({});
  const names = known.outcome === "valid" ? [...known.values.keys()] : [];
  for (let i = 0; i < 2000; i++) {
    const env = Object.fromEntries(Array.from({ length: 6 }, () => [pick(names), pick(texts) + pick(texts)]));
    try {
      const given = input({ env: random() < 0.5 ? env : { ...BASE, ...env } });
      loadManagerValues(given);
      const result = loadManagerConfig(given);
      for (const line of problemLines(result)) assert.doesNotMatch(line, /\n/);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${i}: ${JSON.stringify(env)}`, { cause: error });
    }
  }
});
