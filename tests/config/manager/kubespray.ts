/** The environment of the static Pod that Kubespray renders. */

/** Kubespray's variables (reference/kubespray.md) with its defaults. */
export interface KubesprayVars {
  readonly arp?: string;
  readonly image?: "old" | "new";
  readonly interface?: string;
  readonly servicesInterface?: string;
  readonly cidr?: string;
  readonly dnsMode?: string;
  readonly controlPlane?: boolean;
  readonly ddns?: string;
  readonly cpDetect?: string;
  readonly services?: boolean;
  readonly servicesElection?: boolean;
  readonly leaderElection?: boolean;
  readonly labeling?: boolean;
  readonly bgp?: boolean;
  readonly address?: string;
  readonly lb?: boolean;
  readonly metricsPort?: string;
  readonly nodeName?: string;
}

export type Env = Record<string, string>;

/** The environment Kubespray's template sets for them. */
export function kubesprayEnv(vars: KubesprayVars): Env {
  const when = (on: boolean | undefined, env: Env): Env => on === true ? env : {};
  const given = (name: string, value: string | undefined): Env => value === undefined ? {} : { [name]: value };
  return {
    vip_arp: vars.arp ?? "True",
    port: "6443",
    vip_nodename: vars.nodeName ?? "Node1",
    ...given("vip_interface", vars.interface),
    ...given("vip_servicesinterface", vars.servicesInterface),
    ...given(vars.image === "old" ? "vip_cidr" : "vip_subnet", vars.cidr ?? "32"),
    ...given("dns_mode", vars.dnsMode),
    ...when(vars.controlPlane ?? true, {
      cp_enable: "true",
      cp_namespace: "kube-system",
      vip_ddns: vars.ddns ?? "False",
      cp_detect: vars.cpDetect ?? "False",
    }),
    ...when(vars.services, { svc_enable: "true" }),
    svc_leasename: "plndr-svcs-lock",
    ...when(vars.servicesElection, { svc_election: "true" }),
    ...when(vars.leaderElection, {
      vip_leaderelection: "true",
      vip_leasename: "plndr-cp-lock",
      vip_leaseduration: "5",
      vip_renewdeadline: "3",
      vip_retryperiod: "1",
    }),
    ...when(vars.labeling, { enable_node_labeling: "true" }),
    ...when(vars.bgp, {
      bgp_enable: "true",
      bgp_routerid: "",
      bgp_as: "65000",
      bgp_peeraddress: "",
      bgp_peerpass: "",
      bgp_peeras: "65000",
    }),
    address: vars.address ?? "10.5.0.10",
    ...when(vars.lb, { lb_enable: "true", lb_fwdmethod: "local" }),
    ...given("prometheus_server", vars.metricsPort === undefined ? undefined : `:${vars.metricsPort}`),
  };
}
