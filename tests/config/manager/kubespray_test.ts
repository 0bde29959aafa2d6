import assert from "node:assert/strict";
import { kubesprayEnv, type KubesprayVars } from "./kubespray.ts";
import { loadBare, problemLines, values, warningLines } from "./helpers.ts";

const VALID: readonly KubesprayVars[] = [
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
    const result = loadBare({ env: kubesprayEnv(vars) });
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
  const result = loadBare({ env: kubesprayEnv({ image: "old", cidr: "24" }) });
  assert.equal(result.outcome === "valid" && result.config.prefixLengths.v4, 24);
});

Deno.test("what Kubespray sets for features that are not there is refused by their names, and nothing else", () => {
  const rows: [KubesprayVars, string[]][] = [
    [{ services: true }, ["svc_enable"]],
    [{ lb: true }, ["lb_enable"]],
    [{ ddns: "True" }, ["vip_ddns"]],
    [{ arp: "False", bgp: true }, ["bgp_enable"]],
    [{ arp: "false" }, ["vip_arp"]],
    [{ address: "" }, ["address"]],
  ];
  for (const [vars, names] of rows) {
    const lines = problemLines(loadBare({ env: kubesprayEnv(vars) }));
    assert.deepEqual(lines.map((line) => line.split(/[ :]/)[0]), names, lines.join("\n"));
  }
});

Deno.test("everything Kubespray may set is a valid environment for the generator", () => {
  const all = { services: true, lb: true, bgp: true, ddns: "True", leaderElection: true, servicesElection: true };
  const result = values({ env: kubesprayEnv(all) });
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
