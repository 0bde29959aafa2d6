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

Deno.test("what Kubespray sets for balancing starts, and its method is said to be another here", () => {
  const result = loadBare({ env: kubesprayEnv({ lb: true }) });
  assert.deepEqual(problemLines(result), []);
  assert.match(warningLines(result).join("\n"), /^lb_fwdmethod "local": is done as masquerade[^\n]*$/);
  assert.ok(result.outcome === "valid" && result.config.balancing !== null);
});

Deno.test("the old name of the prefix counts", () => {
  const result = loadBare({ env: kubesprayEnv({ image: "old", cidr: "24" }) });
  assert.equal(result.outcome === "valid" && result.config.prefixLengths.v4, 24);
});

Deno.test("what Kubespray sets for features that are not there, or leaves out, is refused by its name, and nothing else", () => {
  const rows: [KubesprayVars, string[]][] = [
    [{ services: true }, ["svc_enable"]],
    [{ ddns: "True" }, ["vip_ddns"]],
    [{ arp: "False", bgp: true }, ["bgp_peers"]],
    [{ arp: "false" }, ["vip_arp"]],
    [{ address: "" }, ["address"]],
  ];
  for (const [vars, names] of rows) {
    const lines = problemLines(loadBare({ env: kubesprayEnv(vars) }));
    assert.deepEqual(lines.map((line) => line.split(/[ :]/)[0]), names, lines.join("\n"));
  }
});

Deno.test("what Kubespray sets for BGP starts: one peer, or a list of them, from an address or an interface", () => {
  const bgp = (more: Record<string, string>): ReturnType<typeof loadBare> =>
    loadBare({ env: { ...kubesprayEnv({ arp: "false", bgp: true, interface: "lo" }), ...more } });
  const rows: [Record<string, string>, string[]][] = [
    [{ "bgp_peeraddress": "10.5.0.1" }, ["10.5.0.1:179"]],
    [{ "bgp_peeraddress": "10.5.0.1", "bgp_peerpass": "a:b,c", "bgp_sourceip": "10.5.0.2" }, ["10.5.0.1:179"]],
    [{ "bgp_peers": "10.5.0.1:65000::false,10.5.0.2:65000::false", "bgp_sourceif": "eth0" }, [
      "10.5.0.1:179",
      "10.5.0.2:179",
    ]],
    [{ "bgp_peers": "10.5.0.1:65000::false", "bgp_routerid": "10.5.0.9" }, ["10.5.0.1:179"]],
  ];
  for (const [env, names] of rows) {
    const result = bgp(env);
    assert.deepEqual([...problemLines(result), ...warningLines(result)], [], JSON.stringify(env));
    assert.ok(result.outcome === "valid" && result.config.bgp !== null);
    assert.deepEqual([result.config.mode, result.config.elects], ["bgp", false]);
    assert.deepEqual(result.config.bgp.peers.map(({ name }) => name), names);
    assert.equal(result.config.bgp.routerId, env["bgp_routerid"] ?? null);
    assert.equal(result.config.bgp.peers[0]?.password, env["bgp_peerpass"] ?? null);
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
