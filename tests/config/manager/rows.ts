/** Every setting as the reference (kube-vip-behaviour.md §1.3, §2.1) has it; the code's own table is compared with these. */

import { onOff, type Row, row } from "./table.ts";

const seconds = ["0x3", "1.5", "-1", "many"];
const port = ["70000", "-1", "https"];

export const CONTROL_PLANE: readonly Row[] = [
  row(["enableARP", "arp", "vip_arp", "false"], ["true", "true", "true"], { bad: ["2", "on!"] }),
  row(["enableControlPlane", "controlplane", "cp_enable", "false"], ["true", "true", "true"], { bad: ["ja"] }),
  row(["address", "address", "address", ""], ["192.168.0.41", "vip.example.com", "192.168.0.41,fd00::41"], {
    bad: ["256.1.1.1", "a b", "10.0.0.1/24", "127.0.0.1", "::", "224.0.0.1"],
  }),
  row(["vip", "vip", "vip_address", ""], ["192.168.0.41", "fd00::1", "192.168.0.42"], {
    bad: ["256.1.1.1", "0.0.0.0"],
  }),
  row(["vipSubnet vipCidr", "vipSubnet cidr", "vip_subnet vip_cidr", "32"], ["24", "25", "32,64"], {
    bad: ["0", "129", "/24", "1,2,3", "x", "64,64"],
  }),
  row(["port", "port", "port", "6443"], ["6444", "6445", "6446"], { bad: [...port, "0"] }),
  row(["dnsMode dnsDualStackMode", "dnsMode", "dns_mode", "first"], ["ipv4", "ipv6", "dual"], { bad: ["both"] }),
  onOff("ddns", "ddns", "vip_ddns"),
  row(["dhcpMode dhcpDualStackMode", "dhcpMode", "dhcp_mode", "ipv4"], ["ipv6", "dual", "ipv6"], { bad: ["first"] }),
  row(["interface", "interface", "vip_interface", ""], ["eth1", "eth2", "eth3"], { bad: ["a/b", "0123456789abcdef"] }),
  onOff("allowInterfaceNotUp", "allowInterfaceNotUp", "vip_allow_interface_not_up"),
  onOff("loInterfaceGlobalScope", "loInterfaceGlobalScope", "vip_interfaceloglobal"),
  row(["arpBroadcastRate", "", "vip_arpRate", "3000"], ["500", "", "1000"], { bad: ["1s", "3600001"] }),
  onOff("loseLeadership", "loseLeadership", "vip_loseleadership"),
  row(
    [
      "loseLeadershipTimeoutSeconds",
      "loseLeadershiptTimeoutSeconds loseLeadershipTimeoutSeconds",
      "vip_loseleadership_timeout_seconds",
      "30",
    ],
    ["0", "5", "60"],
    { bad: seconds },
  ),
  onOff("preserveVIPOnLeadershipLoss", "preserveVipOnLeadershipLoss", "vip_preserve_on_leadership_loss"),
  onOff("skipDAD", "", "vip_skipdad"),
  row(["nodeName leaseNodeName", "nodeName", "vip_nodename", ""], ["a", "b", "C.example"], { bad: ["a b"] }),
  row(["namespace", "namespace", "cp_namespace", "kube-system"], ["a", "b", "c"], { bad: ["A", "a.b", "-a"] }),
  onOff("enableNodeLabeling", "enableNodeLabeling", "enable_node_labeling"),
  row(["logging", "log", "vip_loglevel", "0"], ["-4", "4", "8"], { bad: ["loud", "1.5"] }),
  onOff("detectControlPlane", "autodetectcp", "cp_detect"),
  row(["kubernetesAddr", "", "kubernetes_addr", ""], ["10.0.0.1", "", "https://api:6443"], {
    bad: ["a b", "ftp://x", "https://u:p@x"],
  }),
  row(["k8sConfigFile", "k8sConfigPath", "k8s_config_file", "/etc/kubernetes/admin.conf"], ["/a", "/b", "/c"]),
];

const bothElections = { etcd: { endpoints: ["10.0.0.1:2379"] }, localPeer: "x:10.0.0.1:10000" };

export const ELECTION: readonly Row[] = [
  onOff("enableLeaderElection", "leaderElection", "vip_leaderelection"),
  row(["leaderElectionType", "leaderElectionType", "vip_leaderelectiontype", "kubernetes"], ["etcd", "peers", "etcd"], {
    bad: ["raft", "lease"],
    besides: bothElections,
  }),
  row(["leaseName", "leaseName", "vip_leasename", "plndr-cp-lock"], ["a", "b.c", "ns/d"], {
    bad: ["A", "a/b/c", "a_b"],
  }),
  row(["leaseDuration", "leaseDuration", "vip_leaseduration", "15"], ["16", "20", "30"], { bad: [...seconds, "0"] }),
  row(["renewDeadline", "leaseRenewDuration", "vip_renewdeadline", "10"], ["9", "8", "7"], { bad: [...seconds, "0"] }),
  row(["retryPeriod", "leaseRetry", "vip_retryperiod", "2"], ["1", "3", "4"], { bad: [...seconds, "0"] }),
  row(["leaseAnnotations", "", "vip_leaseannotations", ""], ['{"a.b/c":"d"}', "", '{"e":"f"}'], {
    file: { "a.b/c": "d" },
    bad: ["a=b", '["a"]', '{"a":1}', '{"a b":"c"}'],
  }),
  row(["etcd.caFile etcd.caCert", "etcdCACert", "etcd_ca_cert", ""], ["/a", "/b", "/c"]),
  row(["etcd.clientCertFile etcd.cert", "etcdCert", "etcd_cert", ""], ["/a", "/b", "/c"]),
  row(["etcd.clientKeyFile etcd.key", "etcdKey", "etcd_key", ""], ["/a", "/b", "/c"]),
  row(["etcd.endpoints", "etcdEndpoints", "etcd_endpoints", ""], [
    "10.0.0.1:2379,10.0.0.2:2379",
    "https://a:1,b",
    "http://c:2",
  ], { file: ["10.0.0.1:2379", "10.0.0.2:2379"], bad: ["http://", "https://a/b", "https://u:p@a"] }),
  row(["localPeer", "localPeer", "vip_localpeer", ""], ["a:10.0.0.1:1", "b:10.0.0.2:2", "c:[fd00::3]:3"], {
    file: { id: "a", address: "10.0.0.1", port: 1 },
    bad: ["a", "a:b:c", "a:10.0.0.1:70000"],
  }),
  row(["remotePeers", "remotePeers", "vip_peers", ""], ["a:10.0.0.1:1", "b:10.0.0.2:2", "c:10.0.0.3:3,d:10.0.0.4:4"], {
    file: [{ id: "a", address: "10.0.0.1", port: 1 }],
    bad: ["a", "a:b:c"],
  }),
  row(["peerSecret", "", "vip_peersecret", ""], ["0123456789abcdef", "", "0123456789abcdeg"], { bad: ["short"] }),
  row(["peerSecretFile", "peerSecretFile", "vip_peersecretfile", ""], ["/a", "/b", "/c"], { bad: ["a"] }),
  row(["clusterId", "clusterId", "vip_clusterid", ""], ["a", "b", "c"], { bad: ["a b"] }),
  row(["timing", "timing", "vip_timing", "default"], ["20ms,100ms,200ms,300ms", "fast", "relaxed"], {
    file: { beat: 20, lease: 100, electionMin: 200, electionMax: 300 },
    bad: ["slow", "1,2,3"],
  }),
  row(["stateDir", "stateDir", "vip_statedir", "/var/lib/kube-vip"], ["/a", "/b", "/c"], { bad: ["a"] }),
];

const check = "controlPlaneHealthCheck";
const checkFlag = "controlPlaneHealthCheck";
const checkEnv = "control_plane_health_check";

export const HEALTH: readonly Row[] = [
  row([`${check}.address`, `${checkFlag}Address`, `${checkEnv}_address`, ""], [
    "https://10.0.0.1:6443/livez",
    "http://10.0.0.2:1",
    "https://user:word@10.0.0.3/",
  ], { bad: ["not-a-url", "ftp://x", "tcp://x:1", "localhost:6443/livez", "http:", "/livez"] }),
  row([`${check}.periodSeconds ${check}.period`, `${checkFlag}PeriodSeconds`, `${checkEnv}_period_seconds`, "5"], [
    "6",
    "7",
    "8",
  ], { bad: seconds }),
  row([`${check}.timeoutSeconds ${check}.timeout`, `${checkFlag}TimeoutSeconds`, `${checkEnv}_timeout_seconds`, "3"], [
    "4",
    "5",
    "6",
  ], { bad: seconds }),
  row([`${check}.failureThreshold`, `${checkFlag}FailureThreshold`, `${checkEnv}_failure_threshold`, "3"], [
    "1",
    "2",
    "9",
  ], { bad: ["-1", "x"] }),
  row([`${check}.caPath`, `${checkFlag}CAPath`, `${checkEnv}_ca_path`, ""], ["/a", "/b", "/c"]),
  row(["healthCheckPort", "healthCheckPort", "health_check_port", "0"], ["1024", "1025", "65535"], {
    bad: ["1023", "1", ...port],
  }),
  row(["prometheusHTTPServer", "prometheusHTTPServer", "prometheus_server", ":2112"], [
    ":9090",
    "127.0.0.1:1",
    "[::1]:2",
  ], { bad: ["2112", "host:1", ":70000", "::1:2"] }),
];

export const SERVICES: readonly Row[] = [
  onOff("enableServices", "services", "svc_enable"),
  onOff("enableServicesElection", "servicesElection", "svc_election"),
  onOff("perServiceElectionOnDemand", "perServiceElectionOnDemand", "per_service_election_on_demand"),
  row(["servicesInterface", "serviceInterface servicesInterface", "vip_servicesinterface", ""], ["a", "b", "auto"], {
    bad: ["a b"],
  }),
  onOff("loadBalancerClassOnly lbClassOnly", "lbClassOnly", "lb_class_only"),
  row(["loadBalancerClassName lbClassName", "lbClassName", "lb_class_name", "kube-vip.io/kube-vip-class"], [
    "a",
    "b",
    "c",
  ]),
  onOff(
    "loadBalancerClassLegacyHandling lbClassNameLegacyHandling",
    "lbClassNameLegacyHandling",
    "lb_class_legacy_handling",
    "true",
  ),
  row(["serviceNamespace", "", "svc_namespace", ""], ["a", "", "c"], { bad: ["A"] }),
  row(["servicesLeaseName", "servicesLeaseName", "svc_leasename", "plndr-svcs-lock"], ["a", "b", "c"], { bad: ["A"] }),
  onOff("enableServiceSecurity", "onlyAllowTrafficServicePorts", "enable_service_security"),
  onOff("disableServiceUpdates", "disableServiceUpdates", "disable_service_updates"),
  onOff("enableEndpoints", "enableEndpoints", "enable_endpoints"),
  row(["mirrorDestInterface", "mirrorDestInterface", "mirror_dest_interface", ""], ["a", "b", "c"], { bad: ["a b"] }),
  row(["debounceTime", "debounceTime", "debounce_time", "0s"], ["200ms", "1s", "1m30s"], { bad: ["200", "soon"] }),
  onOff("enableUPNP", "", "enable_upnp enableUPNP"),
  row(["dhcpBackoffAttempts", "dhcpBackoffAttempts", "dhcp_backoff_attempts", "3"], ["0", "5", "9"], { bad: ["x"] }),
  row(["instanceName", "instanceName", "instance_name INSTANCE_NAME", ""], ["release_01.prod-a", "b", "c"], {
    bad: ["a b", "a/b", "$", "@", "é", "a".repeat(244)],
  }),
  onOff("egressWithNftables", "egressWithNftables", "egress_withnftables", "true"),
  row(["egressPodCidr", "", "egress_podcidr", ""], ["10.0.0.0/8", "", "10.1.0.0/16,fd00::/8"]),
  row(["egressServiceCidr", "", "egress_servicecidr", ""], ["10.0.0.0/8", "", "10.1.0.0/16,fd00::/8"]),
  onOff("enableInternalSNAT egressEnableInternalSNAT", "", "egress_enableinternalsnat"),
  onOff("egressClean", "", "egress_clean EGRESS_CLEAN"),
  onOff("enableLoadBalancer", "enableLoadBalancer", "lb_enable"),
  row(["loadBalancerPort lbPort", "lbPort", "lb_port", "6443"], ["1", "2", "3"], { bad: port }),
  row(["loadBalancerForwardingMethod lbForwardingMethod", "lbForwardingMethod", "lb_fwdmethod", "local"], [
    "masquerade",
    "tunnel",
    "bypass",
  ]),
  row(["backendHealthCheckInterval", "", "backend_health_check_interval", "0"], ["1", "", "3"], { bad: seconds }),
  onOff("singleNode", "", "vip_singlenode"),
  onOff("startAsLeader", "", "vip_startleader"),
  onOff("enableEndpointSlices", "", "enable_endpointslices"),
  row(["iptablesBackend", "", "iptables_backend", ""], ["nft", "", "legacy"], { bad: ["ipfw"] }),
  row(["configMap", "configMap", "vip_configmap", "plndr"], ["a", "b", "c"], { bad: ["a b"] }),
];

export const OTHER_MODES: readonly Row[] = [
  row(["enableBGP", "bgp", "bgp_enable", "false"], ["true", "true", "true"], {
    bad: ["2", "yes-sir"],
    besides: { enableARP: false, bgpConfig: { peers: ["10.0.0.9:1"] } },
  }),
  onOff("bgpAttachIPToInterface", "bgpAttachIPToInterface", "bgp_attach_ip_to_interface"),
  row(["annotations", "annotations", "annotation annotations", ""], ["a", "b", "c"]),
  row(["bgpConfig.routerID", "bgpRouterID", "bgp_routerid", ""], ["10.0.0.1", "10.0.0.2", "10.0.0.3"], {
    bad: ["fd00::1", "router", "0.0.0.0"],
  }),
  row(["bgpConfig.routerInterface", "", "bgp_routerinterface", ""], ["a", "", "c"], { bad: ["a b"] }),
  row(["bgpConfig.as", "localAS", "bgp_as", "65000"], ["1", "2", "4294967295"], { bad: ["-1", "4294967296"] }),
  row(["bgpConfig.sourceIF bgpConfig.sourceInterface", "sourceIF", "bgp_sourceif", ""], ["a", "b", "c"], {
    bad: ["a b"],
  }),
  row(["bgpConfig.sourceIP", "sourceIP", "bgp_sourceip", ""], ["10.0.0.1", "fd00::1", "10.0.0.3"], { bad: ["a"] }),
  row(["bgpConfig.holdTime", "bgpHoldTimer", "bgp_hold_time", "30"], ["1", "2", "3"], { bad: ["-1"] }),
  row(
    ["bgpConfig.keepaliveInterval bgpConfig.keepalive", "bgpKeepAliveInterval", "bgp_keepalive_interval", "10"],
    ["1", "2", "3"],
    { bad: ["-1"] },
  ),
  row(["bgpConfig.listenPort", "bgpListenPort", "bgp_listen_port", "0"], ["179", "1179", "65535"], { bad: port }),
  row(["bgpConfig.gracefulRestart", "bgpGracefulRestart", "bgp_graceful_restart", ""], ["0", "30", "4095"], {
    bad: ["4096", "1m"],
  }),
  row(
    ["bgpConfig.communities", "bgpCommunities", "bgp_communities", ""],
    ["65000:100", "no-export", "0:0,65535:65535,blackhole"],
    { file: ["65000:100"], bad: ["65536:1", "1:2:3", "1", "no-such"] },
  ),
  row(
    ["bgpConfig.largeCommunities", "bgpLargeCommunities", "bgp_large_communities", ""],
    ["65000:1:2", "4294967295:0:0", "1:2:3,4:5:6"],
    { file: ["65000:1:2"], bad: ["1:2", "4294967296:1:1", "no-export"] },
  ),
  row(["bgpConfig.localPref", "bgpLocalPref", "bgp_local_pref", ""], ["0", "200", "4294967295"], { bad: ["-1"] }),
  row(["bgpConfig.med", "bgpMed", "bgp_med", ""], ["0", "10", "4294967295"], { bad: ["4294967296"] }),
  row(["bgpConfig.prepend", "bgpASPrepend", "bgp_as_prepend", "0"], ["1", "2", "32"], { bad: ["33", "-1"] }),
  row(["bgpConfig.ttlSecurity", "bgpTTLSecurity", "bgp_ttl_security", "0"], ["1", "2", "254"], { bad: ["255"] }),
  onOff("bgpConfig.passive", "bgpPassive", "bgp_passive"),
  row(["bgpConfig.passwordFile", "bgpPeerPassFile", "bgp_peerpass_file", ""], ["/a", "/b", "/c"], { bad: ["a"] }),
  row(
    ["bgpConfig.peers", "bgppeers", "bgp_peers", ""],
    ["10.0.0.1:65001::true", "10.0.0.2:1", "10.0.0.3:2:hush:true"],
    {
      file: [{ address: "10.0.0.1", as: 65001, port: 179, multiHop: true }],
      bad: ["10.0.0.1", ":::::::", "[fd00::1:65000", "10.0.0.1:x", ","],
    },
  ),
  row(["bgpConfig.mpbgpNexthop", "", "mpbgp_nexthop", ""], ["fixed", "", "auto_sourceif"], { bad: ["auto"] }),
  row(["bgpConfig.mpbgpIPv4", "", "mpbgp_ipv4", ""], ["10.0.0.1", "", "10.0.0.2"]),
  row(["bgpConfig.mpbgpIPv6", "", "mpbgp_ipv6", ""], ["fd00::1", "", "fd00::2"]),
  onOff("bgpConfig.zebra.enabled", "zebra", "zebra_enable"),
  row(["bgpConfig.zebra.url", "zebraUrl", "zebra_url", "unix:/var/run/frr/zserv.api"], ["a", "b", "c"]),
  row(["bgpConfig.zebra.version", "zebraVersion", "zebra_version", "6"], ["3", "4", "5"], { bad: ["x"] }),
  row(["bgpConfig.zebra.softwareName", "zebraSoftwareName", "zebra_software_name", "frr8.3"], ["a", "b", "c"]),
  row(["bgpPeerConfig.address", "peerAddress", "bgp_peeraddress", ""], ["10.0.0.1", "b", "fd00::3"]),
  row(["bgpPeerConfig.as", "peerAS", "bgp_peeras", "65000"], ["1", "2", "3"], { bad: ["-1"] }),
  row(["bgpPeerConfig.password", "peerPass", "bgp_peerpass", ""], ["a", "b", "c"], { bad: ["x".repeat(81)] }),
  onOff("bgpPeerConfig.multiHop", "multihop", "bgp_multihop"),
  row(["enableRoutingTable", "table", "vip_routingtable", "false"], ["true", "true", "true"], {
    bad: ["2", "yes-sir"],
    besides: { enableARP: false },
  }),
  row(["routingTableID", "tableID", "vip_routingtableid", "198"], ["0", "1", "2"], { bad: ["-1"] }),
  row(["routingTableType", "tableType", "vip_routingtabletype", "1"], ["2", "3", "4"], { bad: ["x"] }),
  row(["routingProtocol", "routingProtocol", "vip_routingprotocol", "248"], ["0", "1", "2"], { bad: ["x"] }),
  onOff("cleanRoutingTable", "cleanRoutingTable", "vip_cleanroutingtable"),
  onOff("enableWireguard", "wireguard", "vip_wireguard"),
];
