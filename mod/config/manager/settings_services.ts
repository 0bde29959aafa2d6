/** Settings of Services: read and checked, so that manifests can be written; none of the features is there yet. */

import { bool, choice, int, interfaceName, listOf, matching, optional, text } from "../kinds.ts";
import { attempts, forwardingMethod, goDuration, instanceName, leaseName, managed, namespaceName } from "./kinds.ts";
import type { GivenLease } from "./kinds.ts";

const SERVICES = "Services of type LoadBalancer";
const DATA_PATH = "the data path, which balances connections among the API servers";

export const SERVICE = {
  enabled: managed({
    key: "enableServices",
    env: ["svc_enable"],
    flag: "services",
    kind: bool,
    fallback: false,
    standing: { is: "later", feature: SERVICES },
    help: `Give addresses to ${SERVICES}; not there yet`,
  }),
  election: managed({
    key: "enableServicesElection",
    env: ["svc_election"],
    flag: "servicesElection",
    kind: bool,
    fallback: false,
    help: "Services: elect a holder for each",
  }),
  electionOnDemand: managed({
    key: "perServiceElectionOnDemand",
    env: ["per_service_election_on_demand"],
    flag: "perServiceElectionOnDemand",
    kind: bool,
    fallback: false,
    help: "Services: an election of its own for those that ask for it",
  }),
  interface: managed<string | null>({
    key: "servicesInterface",
    env: ["vip_servicesinterface"],
    flag: "serviceInterface",
    flagAliases: ["servicesInterface"],
    kind: optional(interfaceName),
    fallback: null,
    fallbackText: "vip_interface",
    help: "Services: interface that gets their addresses, auto for the one whose subnet contains them",
  }),
  classOnly: managed({
    key: "loadBalancerClassOnly",
    aliases: ["lbClassOnly"],
    env: ["lb_class_only"],
    flag: "lbClassOnly",
    kind: bool,
    fallback: false,
    help: "Services: only those with a class",
  }),
  className: managed({
    key: "loadBalancerClassName",
    aliases: ["lbClassName"],
    env: ["lb_class_name"],
    flag: "lbClassName",
    emptyCounts: true,
    kind: text,
    fallback: "kube-vip.io/kube-vip-class",
    help: "Services: the class that is ours",
  }),
  classLegacy: managed({
    key: "loadBalancerClassLegacyHandling",
    aliases: ["lbClassNameLegacyHandling"],
    env: ["lb_class_legacy_handling"],
    flag: "lbClassNameLegacyHandling",
    kind: bool,
    fallback: true,
    help: "Services: those without a class are ours too",
  }),
  namespace: managed({
    key: "serviceNamespace",
    env: ["svc_namespace"],
    kind: namespaceName,
    fallback: "",
    fallbackText: "all",
    help: "Services: only those of this namespace; manifests are made for it",
  }),
  leaseName: managed<GivenLease>({
    key: "servicesLeaseName",
    env: ["svc_leasename"],
    flag: "servicesLeaseName",
    kind: leaseName,
    fallback: { namespace: null, name: "plndr-svcs-lock", shown: "plndr-svcs-lock" },
    help: "Services: the Lease of all of them",
  }),
  security: managed({
    key: "enableServiceSecurity",
    env: ["enable_service_security"],
    flag: "onlyAllowTrafficServicePorts",
    kind: bool,
    fallback: false,
    help: "Services: drop what is not for one of their ports",
  }),
  disableUpdates: managed({
    key: "disableServiceUpdates",
    env: ["disable_service_updates"],
    flag: "disableServiceUpdates",
    kind: bool,
    fallback: false,
    help: "Services: leave their status and annotations alone",
  }),
  endpoints: managed({
    key: "enableEndpoints",
    env: ["enable_endpoints"],
    flag: "enableEndpoints",
    kind: bool,
    fallback: false,
    help: "Services: Endpoints instead of EndpointSlices",
  }),
  mirror: managed<string | null>({
    key: "mirrorDestInterface",
    env: ["mirror_dest_interface"],
    flag: "mirrorDestInterface",
    kind: optional(interfaceName),
    fallback: null,
    help: "Services: interface that gets a copy of their traffic",
  }),
  debounce: managed({
    key: "debounceTime",
    env: ["debounce_time"],
    flag: "debounceTime",
    kind: goDuration,
    fallback: "0s",
    help: "Services: wait so long for further changes, at least 200ms",
  }),
  upnp: managed({
    key: "enableUPNP",
    env: ["enable_upnp", "enableUPNP"],
    kind: bool,
    fallback: false,
    help: "Services: open the ports of a gateway by UPnP",
  }),
  dhcpAttempts: managed({
    key: "dhcpBackoffAttempts",
    env: ["dhcp_backoff_attempts"],
    flag: "dhcpBackoffAttempts",
    kind: attempts,
    fallback: 3,
    help: "Attempts to get a DHCP lease, 0 for no end",
  }),
  instanceName: managed({
    key: "instanceName",
    env: ["instance_name", "INSTANCE_NAME"],
    flag: "instanceName",
    kind: instanceName,
    fallback: "",
    help: "Tells several instances on one node apart in the names of nftables",
  }),
};

export const EGRESS = {
  nftables: managed({
    key: "egressWithNftables",
    env: ["egress_withnftables"],
    flag: "egressWithNftables",
    kind: bool,
    fallback: true,
    help: "Egress of Services by nftables instead of iptables",
  }),
  podCidr: managed<readonly string[]>({
    key: "egressPodCidr",
    env: ["egress_podcidr"],
    kind: listOf(text),
    fallback: [],
    help: "Egress of Services: networks of Pods, with commas",
  }),
  serviceCidr: managed<readonly string[]>({
    key: "egressServiceCidr",
    env: ["egress_servicecidr"],
    kind: listOf(text),
    fallback: [],
    help: "Egress of Services: networks of Services, with commas",
  }),
  internalSnat: managed({
    key: "enableInternalSNAT",
    aliases: ["egressEnableInternalSNAT"],
    env: ["egress_enableinternalsnat"],
    kind: bool,
    fallback: false,
    help: "Egress of Services: change the source of traffic inside the cluster too",
  }),
  clean: managed({
    key: "egressClean",
    env: ["egress_clean", "EGRESS_CLEAN"],
    kind: bool,
    fallback: false,
    help: "Egress of Services: remove what an earlier run left",
  }),
};

export const BALANCER = {
  enabled: managed({
    key: "enableLoadBalancer",
    env: ["lb_enable"],
    flag: "enableLoadBalancer",
    kind: bool,
    fallback: false,
    standing: { is: "later", feature: DATA_PATH },
    help: "Balance connections among the API servers; belongs to the data path, not there yet",
  }),
  port: managed({
    key: "loadBalancerPort",
    aliases: ["lbPort"],
    env: ["lb_port"],
    flag: "lbPort",
    kind: int(0, 65535, "a port"),
    fallback: 6443,
    help: "Balancing: the port clients connect to",
  }),
  method: managed({
    key: "loadBalancerForwardingMethod",
    aliases: ["lbForwardingMethod"],
    env: ["lb_fwdmethod"],
    flag: "lbForwardingMethod",
    kind: forwardingMethod,
    fallback: "local",
    help: "Balancing: how packets reach the API server",
  }),
  checkInterval: managed({
    key: "backendHealthCheckInterval",
    env: ["backend_health_check_interval"],
    kind: int(0, 86_400, "a number of seconds"),
    fallback: 0,
    fallbackText: "0 (5 seconds)",
    help: "Balancing and routing-table mode: seconds from one check of an API server to the next",
  }),
};

/** Without effect, here or already at upstream. */
export const DEAD = {
  singleNode: dead("singleNode", ["vip_singlenode"], "it is of the raft era; kube-vip start has it"),
  startLeader: dead("startAsLeader", ["vip_startleader"], "it is of the raft era; kube-vip start has it"),
  endpointSlices: dead(
    "enableEndpointSlices",
    ["enable_endpointslices"],
    "EndpointSlices are the default, see enable_endpoints",
  ),
  iptables: managed({
    key: "iptablesBackend",
    env: ["iptables_backend"],
    kind: choice("nft", "legacy"),
    fallback: "",
    standing: { is: "unused", why: "nftables is talked to directly, without iptables", harmless: [] },
    help: "No effect: nftables is talked to directly, without iptables",
  }),
  configMap: managed({
    key: "configMap",
    env: ["vip_configmap"],
    flag: "configMap",
    short: "c",
    commands: ["service"],
    kind: matching(/^[^\s\p{C}]{1,253}$/u, "the name of a ConfigMap"),
    fallback: "plndr",
    standing: { is: "unused", why: "Services are not read from a ConfigMap any more", harmless: ["plndr"] },
    help: "No effect: Services are not read from a ConfigMap any more",
  }),
};

function dead(key: string, env: readonly string[], why: string): ReturnType<typeof managed<boolean>> {
  return managed({
    key,
    env,
    kind: bool,
    fallback: false,
    standing: { is: "unused", why, harmless: [] },
    help: `No effect: ${why}`,
  });
}
