/** The environment of the container, in upstream's order and under upstream's conditions, then everything upstream leaves out. */

import {
  BGP_PASSWORD,
  BGP_PEERS,
  type EnvVar,
  PEER_SECRET,
  PEER_SECRET_FILE,
  refer,
  type SecretPlan,
  secretVariables,
  secretWarnings,
} from "./secrets.ts";
import { isOn, textOf, type Values } from "./values.ts";

/** What the container is started with, and what the person who asked for it should know. */
export interface ContainerInput {
  readonly env: readonly EnvVar[];
  readonly warnings: readonly string[];
}

/** The input for `values`; what is secret goes the way of `plan`. */
export function containerInput(values: Values, plan: SecretPlan): ContainerInput {
  const rows = ROWS.flatMap((row) => row(values)).map((one) => refer(one, plan));
  const written = new Set([...rows.map((one) => one.name), ...ELSEWHERE]);
  // `vip_address` is read only without `address`.
  if (textOf(values, "address") !== "") written.add("vip_address");
  // A path that starts somewhere else in the container; what the file says is in the other variables.
  if (!textOf(values, CONFIG_FILE).startsWith("/")) written.add(CONFIG_FILE);
  const others = [...values.values()].filter((one) => one.changed && !written.has(one.name));
  return {
    env: [...rows, ...others.map((one) => refer(entry(one.name, one.text), plan)), ...secretVariables(values, plan)],
    warnings: secretWarnings(values, plan),
  };
}

const CONFIG_FILE = "config_file";

/**
 * Said by other parts of the Pod: the node's name by the kubelet, the kubeconfig by a volume, the peer secret by a reference.
 * `loadBalancers` is of files only, and without effect.
 */
const ELSEWHERE: readonly string[] = [
  "vip_nodename",
  "k8s_config_file",
  PEER_SECRET,
  PEER_SECRET_FILE,
  "loadBalancers",
];

/** A part of the list: some variables or none. */
type Row = (values: Values) => readonly EnvVar[];

/** A variable; an empty text leaves only its name, which a container sees as an empty variable. */
function entry(name: string, text: string): EnvVar {
  return text === "" ? { name } : { name, value: text };
}

function always(name: string): Row {
  return (values) => [entry(name, textOf(values, name))];
}

function whenSet(name: string): Row {
  return (values) => textOf(values, name) === "" ? [] : [entry(name, textOf(values, name))];
}

function whenOn(name: string, ...rows: readonly Row[]): Row {
  return (values) => isOn(values, name) ? [entry(name, "true"), ...rows.flatMap((row) => row(values))] : [];
}

function when(condition: (values: Values) => boolean, ...rows: readonly Row[]): Row {
  return (values) => condition(values) ? rows.flatMap((row) => row(values)) : [];
}

/** Whether a number is above zero: upstream's condition for the times of the health check. */
function whenPositive(name: string): Row {
  return when((values) => Number(textOf(values, name)) > 0, always(name));
}

const nodeName: Row = () => [{ name: "vip_nodename", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }];

const hasInterface = (values: Values): boolean => textOf(values, "vip_interface") !== "";

const whichAddress: Row = (values) => {
  const name = textOf(values, "address") === "" ? "vip_address" : "address";
  return [entry(name, textOf(values, name))];
};

const BGP: readonly Row[] = [
  whenOn("bgp_attach_ip_to_interface"),
  always("bgp_routerid"),
  always("bgp_as"),
  always("bgp_peeraddress"),
  always(BGP_PASSWORD),
  always("bgp_peeras"),
  whenSet("bgp_sourceif"),
  whenSet("bgp_sourceip"),
  whenSet(BGP_PEERS),
];

const HEALTH_ADDRESS = "control_plane_health_check_address";

const HEALTH: readonly Row[] = [
  whenPositive("control_plane_health_check_period_seconds"),
  whenPositive("control_plane_health_check_timeout_seconds"),
  whenPositive("control_plane_health_check_failure_threshold"),
  whenSet("control_plane_health_check_ca_path"),
];

/** Upstream's list. Its second `vip_loseleadership` (the seconds, which its own parser refuses) has its right name here. */
const ROWS: readonly Row[] = [
  always("vip_arp"),
  always("port"),
  nodeName,
  whenSet("instance_name"),
  whenSet("vip_interface"),
  when(hasInterface, whenOn("vip_interfaceloglobal")),
  whenSet("vip_servicesinterface"),
  whenOn("vip_allow_interface_not_up"),
  whenSet("vip_subnet"),
  whenSet("dns_mode"),
  whenSet("dhcp_mode"),
  when((values) => textOf(values, "dhcp_backoff_attempts") !== "3", whenSet("dhcp_backoff_attempts")),
  whenOn("cp_enable", always("cp_namespace"), whenOn("vip_ddns"), whenOn("cp_detect")),
  whenOn(
    "svc_enable",
    always("svc_leasename"),
    whenOn("svc_election"),
    whenOn("lb_class_only"),
    whenOn("enable_service_security"),
  ),
  whenOn(
    "vip_leaderelection",
    always("vip_leasename"),
    always("vip_leaseduration"),
    always("vip_renewdeadline"),
    always("vip_retryperiod"),
  ),
  whenOn("vip_loseleadership", always("vip_loseleadership_timeout_seconds")),
  whenOn("enable_node_labeling"),
  whenSet("annotation"),
  whenOn("vip_wireguard"),
  whenOn("vip_routingtable"),
  whenOn("bgp_enable", ...BGP),
  when((values) => textOf(values, HEALTH_ADDRESS) !== "", whenSet(HEALTH_ADDRESS), ...HEALTH),
  whenOn("lb_enable", always("lb_port"), always("lb_fwdmethod")),
  whichAddress,
  always("prometheus_server"),
  whenOn("enable_endpoints"),
  whenOn("disable_service_updates"),
  whenSet("mirror_dest_interface"),
  when((values) => textOf(values, "health_check_port") !== "0", whenSet("health_check_port")),
  whenOn("vip_preserve_on_leadership_loss"),
  when((values) => textOf(values, "debounce_time") !== "0s", whenSet("debounce_time")),
];
