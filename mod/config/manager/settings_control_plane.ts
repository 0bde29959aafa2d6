/** Settings of the control plane: which address, on which interface, and where the API server is. */

import { bool, choice, int, interfaceName, listOf, matching, optional, port, text } from "../kinds.ts";
import { MOST_VIPS } from "../vips.ts";
import { addressKind, type GivenSubnet, type NamedAddress, subnetKind } from "./addresses.ts";
import { LARGEST, logLevel, managed, namespaceName, serverAddress, SLOG_LEVEL } from "./kinds.ts";
import type { DnsMode, ManagerConfig } from "./types.ts";

const DDNS = "VIPs by DHCP and dynamic DNS";

export const MODES = {
  arp: managed({
    key: "enableARP",
    env: ["vip_arp"],
    flag: "arp",
    kind: bool,
    fallback: false,
    help: "ARP mode: the holder answers for the addresses on its network (ARP and NDP)",
  }),
  controlPlane: managed({
    key: "enableControlPlane",
    env: ["cp_enable"],
    flag: "controlplane",
    kind: bool,
    fallback: false,
    help: "Keep the address of the control plane",
  }),
};

export const ADDRESS = {
  address: managed<readonly NamedAddress[]>({
    key: "address",
    env: ["address"],
    flag: "address",
    kind: listOf(addressKind, MOST_VIPS),
    fallback: [],
    envText: (addresses) => addresses.map(({ text }) => text).join(","),
    help: "The virtual addresses: IP addresses or DNS names, with commas",
  }),
  vip: managed<readonly NamedAddress[]>({
    key: "vip",
    env: ["vip_address"],
    flag: "vip",
    kind: listOf(addressKind, MOST_VIPS),
    fallback: [],
    envText: (addresses) => addresses.map(({ text }) => text).join(","),
    help: "Old name of the address, which needs vip_subnet; not looked at when address is given",
  }),
  subnet: managed<GivenSubnet | null>({
    key: "vipSubnet",
    aliases: ["vipCidr"],
    env: ["vip_subnet", "vip_cidr"],
    flag: "vipSubnet",
    flagAliases: ["cidr"],
    kind: optional(subnetKind),
    fallback: null,
    fallbackText: "32, 128 or both, as the address is",
    help: "Prefix length of the addresses, or two of them (32,128); vip_cidr is the old name",
  }),
  port: managed({
    key: "port",
    env: ["port"],
    flag: "port",
    kind: port,
    fallback: 6443,
    help: "Port of the API server on every node of the control plane",
  }),
  dnsMode: managed<DnsMode>({
    key: "dnsMode",
    aliases: ["dnsDualStackMode"],
    env: ["dns_mode"],
    flag: "dnsMode",
    kind: choice("first", "ipv4", "ipv6", "dual"),
    fallback: "first",
    help: "Which addresses of a DNS name are used",
  }),
  ddns: managed({
    key: "ddns",
    env: ["vip_ddns"],
    flag: "ddns",
    kind: bool,
    fallback: false,
    standing: { is: "later", feature: DDNS },
    help: `Ask DHCP for the address of the name; belongs to ${DDNS}`,
  }),
  dhcpMode: managed<string>({
    key: "dhcpMode",
    aliases: ["dhcpDualStackMode"],
    env: ["dhcp_mode"],
    flag: "dhcpMode",
    kind: choice("ipv4", "ipv6", "dual"),
    fallback: "",
    fallbackText: "ipv4, or dns_mode when that is not first",
    standing: { is: "refines", feature: DDNS },
    help: "Which addresses DHCP is asked for",
  }),
};

export const NETWORK = {
  interface: managed<string | null>({
    key: "interface",
    env: ["vip_interface"],
    flag: "interface",
    kind: optional(interfaceName),
    fallback: null,
    fallbackText: "that of the default route, IPv4 first",
    help: "Interface that gets the addresses",
  }),
  allowInterfaceNotUp: managed({
    key: "allowInterfaceNotUp",
    env: ["vip_allow_interface_not_up"],
    flag: "allowInterfaceNotUp",
    kind: bool,
    fallback: false,
    help: "Start although the interface is not up",
  }),
  loopbackGlobalScope: managed({
    key: "loInterfaceGlobalScope",
    env: ["vip_interfaceloglobal"],
    flag: "loInterfaceGlobalScope",
    kind: bool,
    fallback: false,
    help: "On lo: addresses of global instead of host scope",
  }),
  arpRate: managed({
    key: "arpBroadcastRate",
    env: ["vip_arpRate"],
    kind: int(-LARGEST, 3_600_000),
    fallback: 3000,
    help: "Announcements are repeated this often, in milliseconds; less than 500 is taken for 3000",
  }),
  loseLeadership: managed({
    key: "loseLeadership",
    env: ["vip_loseleadership"],
    flag: "loseLeadership",
    kind: bool,
    fallback: false,
    help: "Hand over only when the interface has been down for a grace time, instead of at once",
  }),
  loseLeadershipTimeout: managed({
    key: "loseLeadershipTimeoutSeconds",
    env: ["vip_loseleadership_timeout_seconds"],
    flag: "loseLeadershiptTimeoutSeconds",
    flagAliases: ["loseLeadershipTimeoutSeconds"],
    kind: int(0, 86_400, "a number of seconds"),
    fallback: 30,
    help: "The grace time of vip_loseleadership, in seconds",
  }),
  preserve: managed({
    key: "preserveVIPOnLeadershipLoss",
    env: ["vip_preserve_on_leadership_loss"],
    flag: "preserveVipOnLeadershipLoss",
    kind: bool,
    fallback: false,
    help: "Keep the IPv4 address on the interface after losing the election; unsafe when the network is parted",
  }),
  skipDad: managed({
    key: "skipDAD",
    env: ["vip_skipdad"],
    kind: bool,
    fallback: false,
    standing: { is: "unused", why: "IPv6 addresses never wait for duplicate address detection here", harmless: [] },
    help: "No effect: IPv6 addresses never wait for duplicate address detection here",
  }),
};

export const NODE = {
  nodeName: managed<string | null>({
    key: "nodeName",
    aliases: ["leaseNodeName"],
    env: ["vip_nodename"],
    flag: "nodeName",
    kind: optional(matching(/^[^\s\p{C}]{1,253}$/u, "the name of a node, without spaces")),
    fallback: null,
    fallbackText: "the host's name",
    help: "Name of this node and its identity in elections; used in lower case",
  }),
  namespace: managed({
    key: "namespace",
    env: ["cp_namespace"],
    flag: "namespace",
    short: "n",
    kind: namespaceName,
    fallback: "kube-system",
    help: "Namespace of the Lease where the service account's is not known; not that of a manifest's objects",
  }),
  nodeLabeling: managed({
    key: "enableNodeLabeling",
    env: ["enable_node_labeling"],
    flag: "enableNodeLabeling",
    kind: bool,
    fallback: false,
    help: "Label the nodes that hold addresses",
  }),
  logLevel: managed<ManagerConfig["logLevel"]>({
    key: "logging",
    env: ["vip_loglevel"],
    flag: "log",
    kind: logLevel,
    fallback: "info",
    envText: (level) => String(SLOG_LEVEL[level]),
    help: "Least important lines that are logged: -4 debug, 0 info, 4 warning, 8 error, or the words",
  }),
};

export const API_SERVER = {
  detect: managed({
    key: "detectControlPlane",
    env: ["cp_detect"],
    flag: "autodetectcp",
    kind: bool,
    fallback: false,
    help: "Find a local address of the API server among the names of its certificate",
  }),
  kubernetesAddress: managed({
    key: "kubernetesAddr",
    env: ["kubernetes_addr"],
    kind: serverAddress,
    fallback: "",
    help: "API server that is used instead of the one in the kubeconfig",
  }),
  configPath: managed({
    key: "k8sConfigFile",
    env: ["k8s_config_file"],
    flag: "k8sConfigPath",
    kind: text,
    fallback: "/etc/kubernetes/admin.conf",
    help: "Kubeconfig of this node",
  }),
};
