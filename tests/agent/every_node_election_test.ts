import assert from "node:assert/strict";
import { everyNodeElection, outlivingMs } from "../../mod/agent/every_node_election.ts";
import type { Standing } from "../../mod/election/elector.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { mustLoad, vars } from "../config/manager/helpers.ts";
import { IP, Nodes } from "./election_kit.ts";

Deno.test("every node holds for itself, drains before it leaves, and there is nothing to hand over", async () => {
  const clock = new VirtualClock();
  const told: (Standing | string)[] = [];
  const parts = new Nodes().parts("node-1", {
    clock,
    onStanding: (standing) => void told.push(standing),
    sink: {
      granted: (grants) => void told.push(`granted ${grants.map(({ scope }) => scope).join()}`),
      revoked: (scopes, reason) => void told.push(`revoked ${scopes.join()}: ${reason}`),
    },
  });
  const election = everyNodeElection({ ...parts, leaseName: "none", leaseMs: 75_000 });
  await election.elector.start();
  assert.deepEqual(told.splice(0), [`granted ${IP}`, "serving"]);
  assert.equal(election.status().leading, true);
  assert.equal(election.raft(), null);
  assert.deepEqual(election.elsewhere(IP), { atMs: null, graceMs: 0 });
  assert.equal((await election.transfer(null)).outcome, "refused");
  const stopped = election.elector.stop();
  assert.deepEqual(told.splice(0), ["draining"]);
  clock.advance(500);
  assert.deepEqual(told.splice(0), ["withdrawn"]);
  clock.advance(1000);
  await stopped;
  assert.deepEqual(told, [`revoked ${IP}: stopping`]);
  await election.close();
});

Deno.test("an address outlives its routes, whether the process ended or hangs", () => {
  const outliving = (...texts: readonly string[]): number => {
    const on = vars("vip_arp=false", "bgp_enable=true", "bgp_peers=192.168.0.1:65001", ...texts);
    const { bgp } = mustLoad({ env: on });
    assert.ok(bgp);
    return outlivingMs(bgp);
  };
  assert.equal(outliving(), 75_000);
  assert.equal(outliving("bgp_graceful_restart=0"), 45_000);
  assert.equal(outliving("bgp_hold_time=90"), 105_000);
});
