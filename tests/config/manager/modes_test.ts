import assert from "node:assert/strict";
import type { ManagerConfig } from "../../../mod/config/manager/types.ts";
import { type Given, loadBare, problemLines, vars, warningLines } from "./helpers.ts";

const CP = vars("cp_enable=true", "address=192.168.0.40");
const BGP = vars("bgp_enable=true", "bgp_peers=10.0.0.1:65001");

function mustLoad(env: Record<string, string>, given: Given = {}): ManagerConfig {
  const result = loadBare({ ...given, env: { ...CP, ...env } });
  assert.deepEqual(problemLines(result), []);
  return result.outcome === "valid" ? result.config : assert.fail();
}

Deno.test("ARP always elects, BGP where it is asked to, and routes never", () => {
  const rows: [Record<string, string>, string, boolean, boolean][] = [
    [vars("vip_arp=true"), "arp", true, true],
    [BGP, "bgp", false, true],
    [vars("vip_routingtable=true"), "routes", false, false],
  ];
  for (const [env, mode, alone, elected] of rows) {
    for (const [on, elects] of [["false", alone], ["true", elected]] as const) {
      const config = mustLoad({ ...env, ["vip_leaderelection"]: on });
      assert.deepEqual([config.mode, config.elects], [mode, elects]);
      assert.deepEqual([config.bgp !== null, config.routes !== null], [mode === "bgp", mode === "routes"]);
    }
  }
  const routes = loadBare({ env: { ...CP, ...vars("vip_routingtable=true", "vip_leaderelection=true") } });
  assert.match(warningLines(routes).join(), /^vip_leaderelection "true": has no effect for the control plane/);
});

Deno.test("routes have upstream's table, protocol and type unless others are given", () => {
  const on = vars("vip_routingtable=true");
  assert.deepEqual(mustLoad(on).routes, { table: 198, protocol: 248, type: 1, cleanStale: false, reassertMs: 5000 });
  const given = vars("vip_routingtableid=4294967295", "vip_routingprotocol=4", "vip_routingtabletype=2");
  const clean = vars("vip_cleanroutingtable=true", "backend_health_check_interval=2");
  const wanted = { table: 4294967295, protocol: 4, type: 2, cleanStale: true, reassertMs: 2000 };
  assert.deepEqual(mustLoad({ ...on, ...given, ...clean }).routes, wanted);
});

Deno.test("what the kernel would take for something else is refused, and upstream's 0 is 1", () => {
  const load = (text: string): ReturnType<typeof loadBare> =>
    loadBare({ env: { ...CP, ...vars("vip_routingtable=true", text) } });
  assert.match(problemLines(load("vip_routingtableid=0")).join(), /^vip_routingtableid "0": is no table/);
  assert.match(problemLines(load("vip_routingtabletype=0")).join(), /^vip_routingtabletype "0": is no type of a route/);
  const zero = load("vip_routingprotocol=0");
  assert.match(warningLines(zero).join(), /^vip_routingprotocol "0": is no protocol, 1 is taken/);
  assert.equal(zero.outcome === "valid" && zero.config.routes?.protocol, 1);
});

Deno.test("a peer is never one of the addresses that are announced", () => {
  const peers = vars("bgp_enable=true", "bgp_peers=10.0.0.1:65001,192.168.0.40:65001");
  const [line, ...others] = problemLines(loadBare({ env: { ...CP, ...peers } }));
  assert.match(
    line ?? "",
    /^bgp_peers: BGP peer 192\.168\.0\.40:179 is a virtual address, .* \(address\); must be the/,
  );
  assert.deepEqual(others, []);
  const single = vars("bgp_enable=true", "bgp_peeraddress=192.168.0.40", "bgp_peeras=65001");
  assert.match(problemLines(loadBare({ env: { ...CP, ...single } })).join(), /^bgp_peeraddress: .* virtual address/);
});

Deno.test("annotations of the Node may be in the place of peers, and then count alone", () => {
  const prefix = vars("annotations=metal.equinix.com/");
  const { bgp } = mustLoad({ ...prefix, ["bgp_enable"]: "true" });
  assert.deepEqual([bgp?.annotationsPrefix, bgp?.peers], ["metal.equinix.com", []]);
  const both = loadBare({ env: { ...CP, ...BGP, ...prefix } });
  assert.match(
    warningLines(both).join(),
    /^bgp_peers "10.*": has no effect: the annotations of the Node name the peers/,
  );
  const etcd = vars("vip_leaderelectiontype=etcd", "etcd_endpoints=10.0.0.1:2379");
  const refused = problemLines(loadBare({ env: { ...CP, ...BGP, ...prefix, ...etcd } }));
  assert.match(refused.join(), /^annotations "metal\.equinix\.com": cannot be used with leaderElectionType etcd/);
});

Deno.test("with annotations, the next hop cannot be that of an interface, as the source is an address", () => {
  const env = vars("annotation=a.b", "bgp_enable=true", "bgp_sourceif=eth0", "mpbgp_nexthop=auto_sourceif");
  const lines = problemLines(loadBare({ env: { ...CP, ...env } }));
  assert.match(lines.join(), /^mpbgp_nexthop "auto_sourceif": cannot be used with annotations/);
});

Deno.test("peers at the top of a file count where the group has none", () => {
  const content = { bgpPeers: ["10.0.0.2:2"] };
  const on = { ["bgp_enable"]: "true" };
  assert.deepEqual(mustLoad(on, { content }).bgp?.peers.map(({ as }) => as), [2]);
  assert.deepEqual(mustLoad(BGP, { content }).bgp?.peers.map(({ as }) => as), [65001]);
});

Deno.test("what is about an election is warned about where there is none", () => {
  const keep = vars("vip_preserve_on_leadership_loss=true");
  const etcd = vars("vip_leaderelectiontype=etcd", "etcd_endpoints=10.0.0.1:2379");
  const check = vars("control_plane_health_check_address=https://127.0.0.1:6443/livez");
  const elected = vars("vip_leaderelection=true");
  const routes = vars("vip_routingtable=true");
  const unchecked = /^vip_leaderelectiontype "etcd": no API server is asked with etcd: without control_plane_health/;
  const rows: [Record<string, string>, RegExp | null][] = [
    [{ ...BGP, ...keep }, /^vip_preserve_on_leadership_loss "true": has no effect without an election/],
    [{ ...routes, ...keep }, /^vip_preserve_on_leadership_loss "true": has no effect without an election/],
    [{ ...BGP, ...keep, ...elected }, null],
    [{ ...BGP, ...etcd }, unchecked],
    [{ ...routes, ...etcd }, unchecked],
    [{ ...BGP, ...etcd, ...check }, null],
    [{ ...BGP, ...etcd, ...elected }, null],
  ];
  for (const [env, wanted] of rows) {
    const lines = warningLines(loadBare({ env: { ...CP, ...env } }));
    if (wanted === null) assert.deepEqual(lines, []);
    else assert.match(lines.join(), wanted);
  }
  const peers = vars("vip_leaderelectiontype=peers");
  const lines = warningLines(loadBare({ env: { ...CP, ...BGP, ...peers } }));
  assert.match(lines.join(), /^vip_leaderelectiontype "peers": nobody is elected/);
});
