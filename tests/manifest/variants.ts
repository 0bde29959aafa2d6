/** Command lines of the generator, each with a file of `tests/testdata/manifest/` that holds what it prints. */

export interface Variant {
  /** Name of the file, without `.yaml`. */
  readonly name: string;
  /** Words of the command line. */
  readonly args: string;
  readonly env?: Readonly<Record<string, string>>;
}

const CP = "--interface eth0 --address 192.168.0.40 --controlplane --arp --leaderElection";
const BGP = "--controlplane --address 192.168.0.40 --bgp --bgpRouterID 192.168.0.2";
const PEERS = "n1:10.0.0.1:10000,n2:10.0.0.2:10000,n3:10.0.0.3:10000";
const BY_PEERS = `${CP} --leaderElectionType peers --remotePeers ${PEERS}`;

/** The flags of the two examples of the compatibility reference; upstream's own output is beside ours, `upstream-….yaml`. */
const EXAMPLES: readonly Variant[] = [
  {
    name: "pod",
    args: "manifest pod --interface eth0 --address 192.168.0.40 --controlplane --services --arp --leaderElection",
  },
  {
    name: "daemonset",
    args:
      "manifest daemonset --interface eth0 --address 192.168.0.40 --inCluster --taint --controlplane --services --bgp " +
      "--localAS 65000 --bgpRouterID 192.168.0.2 --bgppeers 192.168.0.10:65000::false,192.168.0.11:65000::false",
  },
];

const PODS: readonly Variant[] = [
  { name: "pod-bare", args: "manifest pod" },
  { name: "pod-arp", args: `manifest pod ${CP}` },
  { name: "pod-in-cluster", args: `manifest pod --inCluster ${CP}` },
  { name: "pod-dual-stack", args: "manifest pod --controlplane --arp --address 192.168.0.40,fd00::40 --dnsMode dual" },
  { name: "pod-vip-subnet", args: "manifest pod --controlplane --arp --vip 192.168.0.40 --vipSubnet 24" },
  { name: "pod-ddns", args: "manifest pod --controlplane --arp --ddns --autodetectcp --namespace ha" },
  { name: "pod-name", args: "manifest pod --controlplane --arp --address vip.example.org --dnsMode ipv4" },
  { name: "pod-bgp", args: `manifest pod ${BGP}` },
  {
    name: "pod-bgp-all",
    args: `manifest pod ${BGP} --localAS 65001 --peerAddress 192.168.0.1 --peerAS 65002 --peerPass sesame --multihop ` +
      "--sourceIF eth1 --bgpAttachIPToInterface --annotations bgp --bgppeers [fd00::2]:65003::true,192.168.0.9:65004",
  },
  {
    name: "pod-bgp-peers-of-environment",
    args: `manifest pod ${BGP}`,
    env: { "bgp_peers": "192.168.0.10:65000::false" },
  },
  { name: "pod-bgp-one-peer", args: `manifest pod ${BGP} --peerAddress 192.168.0.1` },
  {
    name: "pod-bgp-new",
    args: `manifest pod ${BGP} --bgppeers 192.168.0.10:65000 --bgpListenPort 179 --bgpGracefulRestart 0 ` +
      "--bgpCommunities 65000:100,no-export --bgpLargeCommunities 65000:1:2 --bgpLocalPref 200 --bgpMed 10 " +
      "--bgpASPrepend 2 --bgpTTLSecurity 1 --bgpPassive --bgpPeerPassFile /etc/kube-vip/bgp-password " +
      "--bgpHoldTimer 9 --bgpKeepAliveInterval 3",
  },
  { name: "pod-table", args: "manifest pod --controlplane --address 192.168.0.40 --table --tableID 200 --tableType 2" },
  { name: "pod-wireguard", args: "manifest pod --controlplane --vip 192.168.0.40 --vipSubnet 32 --wireguard" },
  {
    name: "pod-services",
    args: "manifest pod --arp --services --servicesElection --lbClassOnly --onlyAllowTrafficServicePorts " +
      "--serviceInterface eth1 --servicesLeaseName lb --lbClassName x --enableEndpoints --disableServiceUpdates " +
      "--mirrorDestInterface eth2 --debounceTime 250ms --instanceName blue --dhcpBackoffAttempts 5 --dhcpMode dual",
  },
  { name: "pod-services-namespace", args: "manifest pod --arp --services", env: { "svc_namespace": "lb" } },
  { name: "pod-balancer", args: `manifest pod ${CP} --enableLoadBalancer --lbPort 7443` },
  { name: "pod-masquerade", args: `manifest pod ${CP} --enableLoadBalancer --lbForwardingMethod masquerade` },
  {
    name: "pod-leadership",
    args:
      `manifest pod ${CP} --loseLeadership --preserveVipOnLeadershipLoss --leaseDuration 5 --leaseRenewDuration 3 ` +
      "--leaseRetry 1 --leaseName ha/lock --enableNodeLabeling --allowInterfaceNotUp --loInterfaceGlobalScope",
  },
  {
    name: "pod-health",
    args: `manifest pod ${CP} --healthCheckPort 8090 --controlPlaneHealthCheckAddress https://localhost:6443/livez ` +
      "--controlPlaneHealthCheckCAPath /etc/kubernetes/admin.conf --controlPlaneHealthCheckPeriodSeconds 1",
  },
  { name: "pod-no-metrics", args: `manifest pod ${CP} --prometheusHTTPServer=` },
  { name: "pod-image", args: `manifest pod ${CP} --image nginx --k8sConfigPath /etc/kubernetes/super-admin.conf` },
  {
    name: "pod-others",
    args: `manifest pod ${CP} --log -4 --lbClassName=`,
    env: {
      "vip_arpRate": "1000",
      "vip_leaseannotations": '{"team":"a b"}',
      "egress_podcidr": "10.0.0.0/16,10.1.0.0/16",
    },
  },
  {
    name: "pod-etcd",
    args: `manifest pod ${CP} --leaderElectionType etcd --etcdEndpoints https://127.0.0.1:2379 ` +
      "--etcdCACert /etc/kubernetes/pki/etcd/ca.crt --etcdCert /etc/kubernetes/pki/etcd/peer.crt " +
      "--etcdKey /etc/kubernetes/pki/etcd/peer.key",
  },
  { name: "pod-peers", args: `manifest pod ${BY_PEERS} --stateDir /srv/kube-vip` },
  {
    name: "pod-peers-named",
    args: `manifest pod ${BY_PEERS} --localPeer n1:10.0.0.1:10000 --peerSecretFile /run/secrets/peers`,
  },
];

const DAEMON_SETS: readonly Variant[] = [
  { name: "daemonset-host", args: `manifest daemonset ${CP}` },
  { name: "daemonset-peers", args: `manifest daemonset --inCluster --taint ${BY_PEERS}` },
  { name: "daemonset-peers-secret", args: `manifest daemonset --inCluster --taint --secret kube-vip ${BY_PEERS}` },
  {
    name: "daemonset-bgp-secret",
    args: `manifest daemonset --inCluster --secret kube-vip ${BGP} --bgppeers 192.168.0.10:65000:sesame`,
  },
];

const ROUTING: readonly Variant[] = [
  {
    name: "daemonset-bgp-annotations",
    args: `manifest daemonset --inCluster ${BGP} --annotations metal.equinix.com --enableNodeLabeling`,
  },
  { name: "rbac-bgp", args: `manifest rbac ${BGP} --annotations metal.equinix.com` },
  { name: "rbac-bgp-elected", args: `manifest rbac ${BGP} --leaderElection` },
  { name: "rbac-table", args: "manifest rbac --controlplane --address 192.168.0.40 --table" },
];

const KUBEADM: readonly Variant[] = [
  {
    name: "kubeadm-init",
    args: "kubeadm init --interface eth0 --vip 192.168.0.40 --vipSubnet 24 --arp --controlplane",
  },
  { name: "kubeadm-join", args: "kubeadm join --config admin.conf --interface eth0 --address 192.168.0.40" },
];

const RIGHTS: readonly Variant[] = [
  { name: "rbac", args: `manifest rbac ${CP}` },
  { name: "rbac-all", args: `manifest rbac ${CP} --services --servicesElection --enableNodeLabeling --wireguard` },
  { name: "rbac-role", args: `manifest rbac ${CP} --services --role` },
  { name: "rbac-rolebinding", args: `manifest rbac ${CP} --services --rolebinding` },
  { name: "rbac-unnamed", args: "manifest rbac" },
  { name: "rbac-upstream", args: `manifest rbac ${CP} --upstream-rbac` },
  { name: "rbac-upstream-role", args: `manifest rbac ${CP} --upstream-rbac --role`, env: { "svc_namespace": "lb" } },
  { name: "rbac-upstream-rolebinding", args: `manifest rbac ${CP} --upstream-rbac --rolebinding` },
  { name: "rbac-upstream-wireguard", args: `manifest rbac ${CP} --upstream-rbac --wireguard` },
];

export const VARIANTS: readonly Variant[] = [
  ...EXAMPLES,
  ...PODS,
  ...DAEMON_SETS,
  ...ROUTING,
  ...KUBEADM,
  ...RIGHTS,
];
