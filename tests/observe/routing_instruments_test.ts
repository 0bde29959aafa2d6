import { Registry } from "@kube-vip/metrics";
import assert from "node:assert/strict";
import { RoutingInstruments } from "../../mod/observe/routing_instruments.ts";
import type { RoutingStatus } from "../../mod/observe/status_types.ts";

const STATE: RoutingStatus = {
  bgp: [{
    name: "192.168.0.1:179",
    state: "established",
    stateForMs: 10,
    remoteAs: 65001,
    lastError: null,
    lastErrorMsAgo: null,
    established: 3,
    prefixesSent: 2,
    prefixesUnsent: 4,
    prefixesRefused: 7,
    malformedUpdates: 1,
    bfd: "up",
  }],
  routes: [{ ip: "10.0.0.9", state: "refused", why: "no link" }],
};

Deno.test("sessions are told by upstream's metric, one series a state, and what they carry by ours", async () => {
  const registry = new Registry();
  const instruments = new RoutingInstruments(registry);
  const lines = async (name: string): Promise<string[]> =>
    (await registry.metrics()).split("\n").filter((line) => line.split(/[ {]/)[0] === name);
  instruments.collect(STATE);
  const sessions = await lines("kube_vip_manager_bgp_session_info");
  assert.equal(sessions.length, 6);
  assert.deepEqual(sessions.filter((line) => line.endsWith(" 1")), [
    'kube_vip_manager_bgp_session_info{state="SESSION_STATE_ESTABLISHED",peer="192.168.0.1:179"} 1',
  ]);
  for (
    const [name, value] of [
      ["kube_vip_bgp_sessions_established_total", 3],
      ["kube_vip_bgp_prefixes_sent", 2],
      ["kube_vip_bgp_prefixes_unsent", 4],
      ["kube_vip_bgp_prefixes_refused", 7],
      ["kube_vip_bgp_malformed_updates_total", 1],
      ["kube_vip_bfd_up", 1],
    ] as const
  ) assert.deepEqual(await lines(name), [`${name}{peer="192.168.0.1:179"} ${value}`]);
  assert.deepEqual(await lines("kube_vip_route_installed"), ['kube_vip_route_installed{address="10.0.0.9"} 0']);
  instruments.collect({ bgp: [], routes: [] });
  assert.deepEqual(await lines("kube_vip_manager_bgp_session_info"), []);
});
