import assert from "node:assert/strict";
import { loadBare, problemLines, values, warningLines } from "./helpers.ts";

/** Kubespray's variables (reference/kubespray.md) with its defaults. */
interface Vars {
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
}

type Env = Record<string, string>;

/** The environment Kubespray's template sets for them. */
function render(vars: Vars): Env {
  const when = (on: boolean | undefined, env: Env): Env => on === true ? env : {};
  const given = (name: string, value: string | undefined): Env => value === undefined ? {} : { [name]: value };
  return {
    vip_arp: vars.arp ?? "True",
    port: "6443",
    vip_nodename: "Node1",
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

const VALID: readonly Vars[] = [
  {},
  { arp: "true" },
  { arp: "True", image: "old" },
  { leaderElection: true },
  { leaderElection: true, cpDetect: "True", interface: "ens3", labeling: true },
  { leaderElection: true, cpDetect: "true", ddns: "false", servicesInterface: "ens4", servicesElection: true },
  { address: "api.example.com", dnsMode: "ipv4" },
  { address: "fd00::10", cidr: "128" },
  { address: "10.5.0.10,fd00::10", cidr: "32,128", metricsPort: "2113" },
  { cidr: "", interface: "", dnsMode: "", servicesInterface: "", cpDetect: "", ddns: "" },
];

Deno.test("what Kubespray sets for the control plane in ARP mode starts, without a word", () => {
  for (const vars of VALID) {
    const result = loadBare({ env: render(vars) });
    assert.deepEqual([...problemLines(result), ...warningLines(result)], [], JSON.stringify(vars));
    assert.ok(result.outcome === "valid");
    const { config } = result;
    assert.deepEqual([config.nodeName, config.apiServer.port, config.namespace], ["node1", 6443, "kube-system"]);
    assert.equal(config.apiServer.detect, vars.cpDetect?.toLowerCase() === "true");
    assert.equal(config.lease.times.durationMs, vars.leaderElection === true ? 5000 : 15_000);
    assert.equal(config.prefixLengths.v4, 32);
    assert.equal(config.addresses.length, vars.address?.includes(",") === true ? 2 : 1);
    assert.equal(config.interface, vars.interface === undefined || vars.interface === "" ? null : vars.interface);
  }
});

Deno.test("the old name of the prefix counts", () => {
  const result = loadBare({ env: render({ image: "old", cidr: "24" }) });
  assert.equal(result.outcome === "valid" && result.config.prefixLengths.v4, 24);
});

Deno.test("what Kubespray sets for features that are not there is refused by their names, and nothing else", () => {
  const rows: [Vars, string[]][] = [
    [{ services: true }, ["svc_enable"]],
    [{ lb: true }, ["lb_enable"]],
    [{ ddns: "True" }, ["vip_ddns"]],
    [{ arp: "False", bgp: true }, ["bgp_enable"]],
    [{ arp: "false" }, ["vip_arp"]],
    [{ address: "" }, ["address"]],
  ];
  for (const [vars, names] of rows) {
    const lines = problemLines(loadBare({ env: render(vars) }));
    assert.deepEqual(lines.map((line) => line.split(/[ :]/)[0]), names, lines.join("\n"));
  }
});

Deno.test("everything Kubespray may set is a valid environment for the generator", () => {
  const all = { services: true, lb: true, bgp: true, ddns: "True", leaderElection: true, servicesElection: true };
  const result = values({ env: render(all) });
  assert.deepEqual(problemLines(result), []);
  assert.ok(result.outcome === "valid");
  assert.equal(result.values.get("bgp_enable")?.text, "true");
  assert.deepEqual(result.values.get("bgp_routerid"), {
    name: "bgp_routerid",
    text: "",
    given: false,
    changed: false,
    secret: false,
  });
});
