import type { SettingValue } from "../../mod/config/manager/types.ts";
import type { Values } from "../../mod/manifest/values.ts";

/** What the generator asks about, with upstream's defaults. */
const DEFAULTS: Readonly<Record<string, string>> = {
  "vip_interface": "",
  "vip_servicesinterface": "",
  "vip_allow_interface_not_up": "false",
  "vip_address": "",
  address: "",
  "vip_subnet": "",
  "vip_nodename": "",
  port: "6443",
  "vip_arp": "false",
  "vip_arpRate": "3000",
  "vip_leaseannotations": "",
  "vip_wireguard": "false",
  "vip_routingtable": "false",
  "vip_preserve_on_leadership_loss": "false",
  "vip_loseleadership": "false",
  "vip_loseleadership_timeout_seconds": "30",
  "lb_enable": "false",
  "lb_port": "6443",
  "lb_fwdmethod": "local",
  "vip_ddns": "false",
  "mirror_dest_interface": "",
  "vip_leaderelection": "false",
  "vip_leaderelectiontype": "kubernetes",
  "vip_leasename": "plndr-cp-lock",
  "vip_leaseduration": "15",
  "vip_renewdeadline": "10",
  "vip_retryperiod": "2",
  "bgp_enable": "false",
  "bgp_attach_ip_to_interface": "false",
  "bgp_routerid": "",
  "bgp_as": "65000",
  "bgp_sourceif": "",
  "bgp_sourceip": "",
  "bgp_hold_time": "30",
  "bgp_peeraddress": "",
  "bgp_peeras": "65000",
  "bgp_peerpass": "",
  "bgp_peers": "",
  annotation: "",
  "control_plane_health_check_address": "",
  "control_plane_health_check_period_seconds": "5",
  "control_plane_health_check_timeout_seconds": "3",
  "control_plane_health_check_failure_threshold": "3",
  "control_plane_health_check_ca_path": "",
  "cp_namespace": "kube-system",
  "vip_loglevel": "0",
  "cp_enable": "false",
  "cp_detect": "false",
  "svc_enable": "false",
  "svc_election": "false",
  "per_service_election_on_demand": "false",
  "lb_class_only": "false",
  "svc_namespace": "",
  "svc_leasename": "plndr-svcs-lock",
  "enable_service_security": "false",
  "enable_node_labeling": "false",
  "dns_mode": "first",
  "dhcp_mode": "ipv4",
  "dhcp_backoff_attempts": "3",
  "disable_service_updates": "false",
  "enable_endpoints": "false",
  "vip_interfaceloglobal": "false",
  "health_check_port": "0",
  "debounce_time": "0s",
  "prometheus_server": ":2112",
  "k8s_config_file": "/etc/kubernetes/admin.conf",
  "config_file": "",
  "instance_name": "",
  "vip_localpeer": "",
  "vip_peers": "",
  "vip_peersecret": "",
  "vip_peersecretfile": "",
  "vip_statedir": "/var/lib/kube-vip",
  "etcd_ca_cert": "",
  "etcd_cert": "",
  "etcd_key": "",
  "etcd_endpoints": "",
};

const SECRET: readonly string[] = ["bgp_peerpass", "vip_peersecret"];

/** Settings of which `given` were given. Names that are not in the table are a mistake of the test. */
export function settings(given: Readonly<Record<string, string>> = {}): Values {
  const unknown = Object.keys(given).find((name) => DEFAULTS[name] === undefined);
  if (unknown !== undefined) throw new Error(`no setting ${unknown}`);
  return new Map(
    Object.entries(DEFAULTS).map(([name, fallback]): [string, SettingValue] => {
      const text = given[name] ?? fallback;
      return [name, { name, text, given: name in given, changed: text !== fallback, secret: SECRET.includes(name) }];
    }),
  );
}
