import assert from "node:assert/strict";
import { Metrics, type MetricsSnapshot } from "../../mod/observe/metrics.ts";
import { NO_ROUTING } from "../../mod/observe/status_types.ts";
import type { ProcessFacts } from "../../mod/observe/process_facts.ts";
import type { HoldListener, HoldStatus } from "../../mod/vip/types.ts";

const FACTS: ProcessFacts = { cpuSeconds: 1.5, residentBytes: 6e7, startSeconds: 1.7e9, openFiles: 20, maxFiles: 1024 };
const HOLD: HoldStatus = {
  ip: "10.0.0.9",
  heldHere: true,
  heldForMs: 3000,
  validForMs: 12_500,
  conflict: null,
  conflictsSeen: 2,
};
const STATE: MetricsSnapshot = {
  holds: [HOLD, { ...HOLD, ip: "fd00::9", heldHere: false, validForMs: null, conflictsSeen: 0 }],
  elections: [{ leaseName: "plndr-cp-lock", goodAgoMs: 750 }, { leaseName: "other", goodAgoMs: null }],
  lag: { lastMs: 2, largestMs: 55, stalls: 1 },
  routing: NO_ROUTING,
  balancers: [],
  healthy: true,
};

function make(): Metrics {
  return new Metrics({ version: "v1.2.3", build: "0a1b", node: "node-1", process: () => FACTS });
}

/** The lines with values of one metric. */
async function lines(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line.split(/[ {]/)[0] === name);
}

Deno.test("the build is told by upstream's metric, whose value is 1", async () => {
  assert.deepEqual(await lines(make(), "kube_vip_build_info"), [
    'kube_vip_build_info{version="v1.2.3",build="0a1b",node="node-1"} 1',
  ]);
});

Deno.test("leading shows at once when it begins and ends; only beginnings count as transitions", async () => {
  const metrics = make();
  const shown = async (): Promise<string[]> => [
    ...await lines(metrics, "kube_vip_is_leader"),
    ...await lines(metrics, "kube_vip_leader_election_transitions_total"),
  ];
  const expected = (leading: number, transitions: number): string[] => [
    `kube_vip_is_leader{node="node-1",lease_name="plndr-cp-lock"} ${leading}`,
    `kube_vip_leader_election_transitions_total{lease_name="plndr-cp-lock"} ${transitions}`,
  ];
  metrics.leader("plndr-cp-lock", false);
  assert.deepEqual(await shown(), expected(0, 0));
  metrics.leader("plndr-cp-lock", true);
  metrics.leader("plndr-cp-lock", true);
  assert.deepEqual(await shown(), expected(1, 1));
  metrics.leader("plndr-cp-lock", false);
  assert.deepEqual(await shown(), expected(0, 1));
  metrics.leader("plndr-cp-lock", true);
  assert.deepEqual(await shown(), expected(1, 2));
});

Deno.test("the state is looked up at each scrape, and what is gone is not told any more", async () => {
  const metrics = make();
  let state = STATE;
  metrics.source(() => state);
  const table: [string, string[]][] = [
    ["kube_vip_holding", ['{address="10.0.0.9"} 1', '{address="fd00::9"} 0']],
    ["kube_vip_grant_remaining_seconds", ['{address="10.0.0.9"} 12.5']],
    ["kube_vip_address_conflicts_total", ['{address="10.0.0.9"} 2', '{address="fd00::9"} 0']],
    ["kube_vip_hold_changes_total", ['{address="10.0.0.9"} 0', '{address="fd00::9"} 0']],
    ["kube_vip_election_last_success_seconds", ['{lease_name="plndr-cp-lock"} 0.75', '{lease_name="other"} +Inf']],
    ["kube_vip_event_loop_lag_seconds", [" 0.002"]],
    ["kube_vip_event_loop_lag_max_seconds", [" 0.055"]],
    ["kube_vip_event_loop_stalls_total", [" 1"]],
    ["kube_vip_healthy", [" 1"]],
    ["process_cpu_seconds_total", [" 1.5"]],
    ["process_resident_memory_bytes", [" 60000000"]],
    ["process_start_time_seconds", [" 1700000000"]],
    ["process_open_fds", [" 20"]],
    ["process_max_fds", [" 1024"]],
  ];
  for (let round = 0; round < 2; round += 1) {
    for (const [name, rests] of table) assert.deepEqual(await lines(metrics, name), rests.map((rest) => name + rest));
  }
  state = { ...STATE, holds: [], healthy: null };
  assert.deepEqual(await lines(metrics, "kube_vip_holding"), []);
  assert.deepEqual(await lines(metrics, "kube_vip_healthy"), []);
  state = { ...STATE, healthy: false };
  assert.deepEqual(await lines(metrics, "kube_vip_healthy"), ["kube_vip_healthy 0"]);
});

Deno.test("beginnings and ends of a hold are counted by address", async () => {
  const metrics = make();
  metrics.source(() => STATE);
  metrics.held("10.0.0.9");
  metrics.released("10.0.0.9");
  metrics.held("10.0.0.9");
  assert.deepEqual(
    (await lines(metrics, "kube_vip_hold_changes_total"))[0],
    'kube_vip_hold_changes_total{address="10.0.0.9"} 3',
  );
});

Deno.test("take-overs fall into buckets of seconds", async () => {
  const metrics = make();
  const listener: HoldListener = metrics;
  listener.held("10.0.0.9", 1);
  metrics.announced("10.0.0.9", 200);
  metrics.announced("10.0.0.9", 15_500);
  const buckets = await lines(metrics, "kube_vip_takeover_seconds_bucket");
  const value = (le: string): string | undefined => buckets.find((line) => line.includes(`le="${le}"`))?.split(" ")[1];
  assert.deepEqual([value("0.1"), value("0.25"), value("15"), value("20"), value("+Inf")], ["0", "1", "1", "2", "2"]);
  assert.deepEqual(await lines(metrics, "kube_vip_takeover_seconds_count"), ["kube_vip_takeover_seconds_count 2"]);
});

Deno.test("a thousand addresses and Leases leave no thousand series behind", async () => {
  const metrics = make();
  const many = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  for (const name of many) metrics.leader(name, true);
  for (const ip of many) metrics.held(ip);
  metrics.source(() => ({
    ...STATE,
    holds: many.map((ip) => ({ ...HOLD, ip })),
    elections: many.map((leaseName) => ({ leaseName, goodAgoMs: 1 })),
  }));
  assert.equal((await lines(metrics, "kube_vip_is_leader")).length, 64);
  assert.equal((await lines(metrics, "kube_vip_holding")).length, 64);
  assert.ok((await metrics.text()).split("\n").length < 1000);
});

Deno.test("metrics that do not exist here are not told, and a label's text cannot break its line", async () => {
  const metrics = new Metrics({ version: "v1", build: "b", node: 'a"b\nc\\', process: () => FACTS });
  const text = await metrics.text();
  assert.doesNotMatch(text, /service|bgp|go_|nodejs/);
  assert.match(text, /^kube_vip_build_info\{version="v1",build="b",node="a\\"b\\nc\\\\"\} 1$/m);
});
