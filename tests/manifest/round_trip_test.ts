import assert from "node:assert/strict";
import { loadManagerConfig } from "../../mod/config/manager/load.ts";
import { podManifest } from "../../mod/manifest/pod.ts";
import { textOf } from "../../mod/manifest/values.ts";
import { settings } from "./fixture.ts";
import { generate, goldenPath } from "./generated.ts";
import { environmentOf, type Parsed, parseManifest } from "./parsed.ts";
import { VARIANTS } from "./variants.ts";

/** A value that is not the default, for settings that are no switch. */
const SAMPLES: Readonly<Record<string, string>> = {
  "address": "192.168.0.40,vip.example.org",
  "annotation": "bgp",
  "backend_health_check_interval": "7",
  "bgp_as": "65001",
  "bgp_as_prepend": "2",
  "bgp_communities": "65000:100,no-export",
  "bgp_graceful_restart": "0",
  "bgp_hold_time": "9",
  "bgp_keepalive_interval": "3",
  "bgp_large_communities": "65000:1:2",
  "bgp_listen_port": "1179",
  "bgp_local_pref": "0",
  "bgp_med": "50",
  "bgp_peeraddress": "192.168.0.1",
  "bgp_peeras": "65002",
  "bgp_peerpass": "a$$(b)'\"",
  "bgp_peerpass_file": "/etc/kube-vip/bgp password",
  "bgp_peers": "[fd00::2]:65003::true,192.168.0.9:65004:p$(x)",
  "bgp_routerid": "192.168.0.2",
  "bgp_routerinterface": "eth3",
  "bgp_sourceif": "eth4",
  "bgp_sourceip": "fd00::4",
  "bgp_ttl_security": "1",
  "config_file": "/etc/kube-vip/manager.yaml",
  "control_plane_health_check_address": "https://localhost:6443/livez",
  "control_plane_health_check_ca_path": "/ca.crt",
  "control_plane_health_check_failure_threshold": "0",
  "control_plane_health_check_period_seconds": "1",
  "control_plane_health_check_timeout_seconds": "2",
  "cp_namespace": "ha",
  "debounce_time": "1m30s",
  "dhcp_backoff_attempts": "0",
  "dhcp_mode": "dual",
  "dns_mode": "ipv6",
  "egress_podcidr": "10.0.0.0/16,10.1.0.0/16",
  "egress_servicecidr": "10.96.0.0/12",
  "etcd_ca_cert": "/a",
  "etcd_cert": "/b",
  "etcd_endpoints": "https://127.0.0.1:2379,https://[::1]:2379",
  "etcd_key": "/c",
  "health_check_port": "8090",
  "instance_name": "0755",
  "iptables_backend": "nft",
  "kubernetes_addr": "https://10.0.0.1:6443",
  "lb_class_name": "",
  "lb_fwdmethod": "masquerade",
  "lb_port": "7443",
  "mirror_dest_interface": "on",
  "mpbgp_ipv4": "10.0.0.9",
  "mpbgp_ipv6": "fd00::9",
  "mpbgp_nexthop": "fixed",
  "port": "7443",
  "prometheus_server": "",
  "svc_leasename": "lb/lock",
  "svc_namespace": "lb",
  "vip_address": "192.168.0.41",
  "vip_arpRate": "1000",
  "vip_clusterid": "null",
  "vip_configmap": "other",
  "vip_interface": "eth0",
  "vip_leaderelectiontype": "etcd",
  "vip_leaseannotations": '{"team":"a: \'b\'"}',
  "vip_leaseduration": "5",
  "vip_leasename": "1e3",
  "vip_localpeer": "n2:10.0.0.2:10000",
  "vip_loglevel": "-4",
  "vip_loseleadership_timeout_seconds": "5",
  "vip_peers": "n1:10.0.0.1:10000,n2:10.0.0.2:10000",
  "vip_renewdeadline": "3",
  "vip_retryperiod": "1",
  "vip_routingprotocol": "4",
  "vip_routingtableid": "200",
  "vip_routingtabletype": "2",
  "vip_servicesinterface": "auto",
  "vip_statedir": "/srv/kube vip",
  "vip_subnet": "24",
  "vip_timing": "fast",
  "zebra_software_name": "frr10",
  "zebra_url": "tcp:127.0.0.1:2600",
  "zebra_version": "5",
};

/** What the container gets in another way, and the setting of files alone. */
const ELSEWHERE = ["vip_nodename", "k8s_config_file", "vip_peersecret", "vip_peersecretfile", "loadBalancers"];

const POD = { image: "r.io/kube-vip:v1", inCluster: false, secret: null };

function made(env: Record<string, string>): Parsed {
  const [pod] = parseManifest(podManifest({ ...POD, values: settings(env) }).text);
  assert.ok(pod !== undefined);
  return pod;
}

Deno.test("every setting reaches the program in the container as it was given", () => {
  for (const { name, text } of settings().values()) {
    if (ELSEWHERE.includes(name)) continue;
    const sample = text === "true" ? "false" : text === "false" ? "true" : SAMPLES[name];
    assert.ok(sample !== undefined, `a sample for ${name}`);
    const given = settings({ [name]: sample });
    const arrived = settings(environmentOf(made({ [name]: sample })));
    assert.notEqual(textOf(given, name), text, `${name} is not the default`);
    for (const other of given.keys()) {
      if (!ELSEWHERE.includes(other)) assert.equal(textOf(arrived, other), textOf(given, other), `${name}: ${other}`);
    }
  }
});

Deno.test("all settings together reach the program in the container", () => {
  const names = [...settings().keys()].filter((name) => SAMPLES[name] !== undefined && name !== "vip_address");
  const env = Object.fromEntries(names.map((name) => [name, SAMPLES[name] ?? ""]));
  for (const features of [{}, { "cp_enable": "true", "svc_enable": "true", "bgp_enable": "true" }]) {
    const given = settings({ ...env, ...features });
    const arrived = settings(environmentOf(made({ ...env, ...features })));
    for (const name of names) assert.equal(textOf(arrived, name), textOf(given, name), name);
  }
});

/** Settings that a manifest carries in another way than in its environment. */
function besides(name: string): Record<string, string> {
  return name === "pod-image" ? { "k8s_config_file": "/etc/kubernetes/super-admin.conf" } : {};
}

Deno.test("a Pod made from the environment of a Pod is the same Pod", async () => {
  let count = 0;
  for (const { name, args } of VARIANTS) {
    const [golden] = parseManifest(await Deno.readTextFile(goldenPath(name)));
    if (golden?.["kind"] !== "Pod" || args.includes("peers")) continue;
    const inCluster = args.includes("--inCluster");
    const image = args.includes("nginx") ? "index.docker.io/library/nginx:v1.2.3" : "ghcr.io/kube-vip/kube-vip:v1.2.3";
    const values = settings({ ...environmentOf(golden), ...besides(name) });
    assert.deepEqual(parseManifest(podManifest({ image, inCluster, secret: null, values }).text)[0], golden, name);
    count++;
  }
  assert.ok(count >= 20);
});

Deno.test("what manager does already, it does as the manifest says", async () => {
  const names = [
    "pod-arp",
    "pod-in-cluster",
    "pod-dual-stack",
    "pod-vip-subnet",
    "pod-name",
    "pod-leadership",
    "pod-etcd",
    "pod-bgp-one-peer",
    "pod-bgp-new",
    "pod-table",
    "daemonset-bgp-annotations",
  ];
  for (const name of [...names, "pod-no-metrics", "pod-peers", "pod-peers-named", "daemonset-peers"]) {
    const [golden] = parseManifest(await Deno.readTextFile(goldenPath(name)));
    const env = environmentOf(golden ?? {});
    const readText = (): string => "a secret of the peers";
    const result = loadManagerConfig({ file: null, text: null, env, flags: {}, hostname: "h", readText });
    assert.deepEqual(result.outcome === "invalid" ? result.problems : [], [], name);
    assert.ok(result.outcome === "valid" && result.config.nodeName === "n1");
    const { election } = result.config;
    if (election.type === "peers") assert.deepEqual([election.localPeer.id, election.remotePeers.length], ["n1", 2]);
  }
});

Deno.test("no golden file and no message holds a secret that could be elsewhere", async () => {
  for (const variant of VARIANTS.filter((one) => one.args.includes("sesame"))) {
    const { out, err } = await generate(variant);
    assert.doesNotMatch(err, /sesame/);
    assert.equal(out.includes("sesame"), variant.name === "pod-bgp-all", variant.name);
    assert.equal(err.includes("can be read in the manifest"), variant.name === "pod-bgp-all", variant.name);
  }
});
