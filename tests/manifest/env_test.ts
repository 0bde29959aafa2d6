import assert from "node:assert/strict";
import { type ContainerInput, containerInput } from "../../mod/manifest/env.ts";
import type { SecretPlan } from "../../mod/manifest/secrets.ts";
import { settings } from "./fixture.ts";

const FILES: SecretPlan = { to: "file" };
const HEAD = ["vip_arp=false", "port=6443", "vip_nodename<spec.nodeName"];
const DNS = ["dns_mode=first", "dhcp_mode=ipv4"];
const TAIL = ["vip_address", "prometheus_server=:2112"];

/** One line for each variable: `name=value`, `name` if empty, `name<reference`. */
function lines(input: ContainerInput): string[] {
  return input.env.map(({ name, value, valueFrom }) => {
    if (valueFrom === undefined) return value === undefined ? name : `${name}=${value}`;
    const field = JSON.stringify(valueFrom).match(/"fieldPath":"([^"]+)"/)?.[1];
    return `${name}<${field ?? JSON.stringify(valueFrom).replaceAll('"', "")}`;
  });
}

function env(given: Readonly<Record<string, string>>, plan: SecretPlan = FILES): string[] {
  return lines(containerInput(settings(given), plan));
}

/** What `given` puts between the fixed parts of the list. */
const MIDDLE: readonly (readonly [given: Record<string, string>, middle: readonly string[]])[] = [
  [{}, []],
  [{ "cp_enable": "true" }, ["cp_enable=true", "cp_namespace=kube-system"]],
  [
    { "cp_enable": "true", "cp_namespace": "ha", "vip_ddns": "true", "cp_detect": "true" },
    ["cp_enable=true", "cp_namespace=ha", "vip_ddns=true", "cp_detect=true"],
  ],
  [{ "svc_enable": "true" }, ["svc_enable=true", "svc_leasename=plndr-svcs-lock"]],
  [
    { "svc_enable": "true", "svc_election": "true", "lb_class_only": "true", "enable_service_security": "true" },
    [
      "svc_enable=true",
      "svc_leasename=plndr-svcs-lock",
      "svc_election=true",
      "lb_class_only=true",
      "enable_service_security=true",
    ],
  ],
  [
    { "vip_leaderelection": "true", "vip_leaseduration": "5", "vip_renewdeadline": "3", "vip_retryperiod": "1" },
    [
      "vip_leaderelection=true",
      "vip_leasename=plndr-cp-lock",
      "vip_leaseduration=5",
      "vip_renewdeadline=3",
      "vip_retryperiod=1",
    ],
  ],
  [{ "vip_loseleadership": "true" }, ["vip_loseleadership=true", "vip_loseleadership_timeout_seconds=30"]],
  [{ "enable_node_labeling": "true", annotation: "bgp" }, ["enable_node_labeling=true", "annotation=bgp"]],
  [{ "vip_wireguard": "true" }, ["vip_wireguard=true"]],
  [{ "vip_routingtable": "true" }, ["vip_routingtable=true"]],
  [
    { "bgp_enable": "true" },
    ["bgp_enable=true", "bgp_routerid", "bgp_as=65000", "bgp_peeraddress", "bgp_peerpass", "bgp_peeras=65000"],
  ],
  [
    {
      "bgp_enable": "true",
      "bgp_attach_ip_to_interface": "true",
      "bgp_routerid": "10.0.0.1",
      "bgp_as": "65001",
      "bgp_peeraddress": "10.0.0.2",
      "bgp_peeras": "65002",
      "bgp_sourceif": "eth1",
      "bgp_peers": "10.0.0.3:65003::false",
    },
    [
      "bgp_enable=true",
      "bgp_attach_ip_to_interface=true",
      "bgp_routerid=10.0.0.1",
      "bgp_as=65001",
      "bgp_peeraddress=10.0.0.2",
      "bgp_peerpass",
      "bgp_peeras=65002",
      "bgp_sourceif=eth1",
      "bgp_peers=10.0.0.3:65003::false",
    ],
  ],
  [
    { "control_plane_health_check_address": "https://localhost:6443/livez" },
    [
      "control_plane_health_check_address=https://localhost:6443/livez",
      "control_plane_health_check_period_seconds=5",
      "control_plane_health_check_timeout_seconds=3",
      "control_plane_health_check_failure_threshold=3",
    ],
  ],
  [
    {
      "control_plane_health_check_address": "https://localhost:6443/livez",
      "control_plane_health_check_period_seconds": "0",
      "control_plane_health_check_ca_path": "/ca.crt",
    },
    [
      "control_plane_health_check_address=https://localhost:6443/livez",
      "control_plane_health_check_timeout_seconds=3",
      "control_plane_health_check_failure_threshold=3",
      "control_plane_health_check_ca_path=/ca.crt",
    ],
  ],
  [{ "lb_enable": "true" }, ["lb_enable=true", "lb_port=6443", "lb_fwdmethod=local"]],
];

Deno.test("each feature adds upstream's variables at upstream's place", () => {
  for (const [given, middle] of MIDDLE) {
    const after = env(given).slice(HEAD.length + DNS.length);
    // A time of zero is left out of its row, and comes with all the others that differ from their default.
    const last = Object.entries(given).filter(([name]) => name.endsWith("period_seconds")).map((pair) =>
      pair.join("=")
    );
    assert.deepEqual(after, [...middle, ...TAIL, ...last], JSON.stringify(given));
    assert.deepEqual(env(given).slice(0, HEAD.length + DNS.length), [...HEAD, ...DNS]);
  }
});

Deno.test("the features together stand in one order", () => {
  const all = env(Object.assign({}, ...MIDDLE.map(([given]) => given)) as Record<string, string>);
  const starts = MIDDLE.flatMap(([, middle]) => middle[0]?.split("=")[0] ?? []);
  const places = [...new Set(starts)].map((name) => all.findIndex((line) => line.startsWith(`${name}=`)));
  assert.ok(places.length === 10 && !places.includes(-1));
  assert.deepEqual(places, [...places].sort((a, b) => a - b));
});

Deno.test("what is about the interface and the address stands before the features", () => {
  const given = {
    "instance_name": "blue",
    "vip_interface": "eth0",
    "vip_interfaceloglobal": "true",
    "vip_servicesinterface": "eth1",
    "vip_allow_interface_not_up": "true",
    address: "192.168.0.40,fd00::40",
    "vip_subnet": "32,128",
    "dns_mode": "dual",
    "dhcp_mode": "dual",
    "dhcp_backoff_attempts": "5",
  };
  assert.deepEqual(env(given), [
    ...HEAD,
    "instance_name=blue",
    "vip_interface=eth0",
    "vip_interfaceloglobal=true",
    "vip_servicesinterface=eth1",
    "vip_allow_interface_not_up=true",
    "vip_subnet=32,128",
    "dns_mode=dual",
    "dhcp_mode=dual",
    "dhcp_backoff_attempts=5",
    "address=192.168.0.40,fd00::40",
    "prometheus_server=:2112",
  ]);
});

Deno.test("what is about observation and the rest stands behind the address", () => {
  const given = {
    "vip_address": "192.168.0.40",
    "vip_subnet": "24",
    "prometheus_server": "",
    "enable_endpoints": "true",
    "disable_service_updates": "true",
    "mirror_dest_interface": "eth9",
    "health_check_port": "8090",
    "vip_preserve_on_leadership_loss": "true",
    "debounce_time": "250ms",
  };
  assert.deepEqual(env(given), [
    ...HEAD,
    "vip_subnet=24",
    ...DNS,
    "vip_address=192.168.0.40",
    "prometheus_server",
    "enable_endpoints=true",
    "disable_service_updates=true",
    "mirror_dest_interface=eth9",
    "health_check_port=8090",
    "vip_preserve_on_leadership_loss=true",
    "debounce_time=250ms",
  ]);
});

Deno.test("address wins over vip_address, and the interface's switch needs an interface to be in its row", () => {
  const both = env({ address: "192.168.0.40", "vip_address": "192.168.0.41" });
  assert.ok(both.includes("address=192.168.0.40"));
  assert.ok(!both.some((line) => line.startsWith("vip_address")));
  assert.deepEqual(env({ "vip_interfaceloglobal": "true" }).at(-1), "vip_interfaceloglobal=true");
});

Deno.test("every setting that differs from its default is written once, under its own name", () => {
  const given = {
    "vip_arpRate": "1000",
    "bgp_hold_time": "9",
    "vip_loglevel": "-4",
    "vip_leasename": "other",
    "lb_port": "7443",
  };
  const names = env(given).slice(HEAD.length + DNS.length + TAIL.length);
  assert.deepEqual(names.sort(), Object.entries(given).map((pair) => pair.join("=")).sort());
  const inRow = env({ ...given, "vip_leaderelection": "true" });
  assert.equal(inRow.filter((line) => line.startsWith("vip_leasename")).length, 1);
});

Deno.test("a value that was given but is the default is not written; the name of the node and the kubeconfig never are", () => {
  const given = { "vip_arpRate": "3000", "vip_nodename": "n1", "k8s_config_file": "/etc/kubernetes/super-admin.conf" };
  assert.deepEqual(env(given), [...HEAD, ...DNS, ...TAIL]);
});

Deno.test("a configuration file is named where its path is the same in the container", () => {
  assert.equal(env({ "config_file": "/etc/kube-vip/manager.yaml" }).at(-1), "config_file=/etc/kube-vip/manager.yaml");
  assert.deepEqual(env({ "config_file": "manager.yaml" }), env({}));
});
