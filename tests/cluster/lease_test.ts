/** The control plane with a Lease on real API servers: never two machines, and times of the issue with tenfold slack beyond the Lease. */

import assert from "node:assert/strict";
import { FAMILIES } from "../lab/records.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import {
  type ClusterFault,
  type ClusterResult,
  healWorld,
  LEASE_FAULTS,
  NODE_FAULTS,
  runClusterFault,
  SERVER_FAULTS,
} from "./faults.ts";
import { type LeaseSeconds, type ManagerOptions, withWorld, type World } from "./program.ts";

const SLOW: LeaseSeconds = { duration: 15, renewDeadline: 10, retryPeriod: 2 };
const QUICK: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
/** Beyond what the bound says: a busy machine of two processors runs three API servers, etcd and the nodes. */
const SLACK_MS = 4000;

function check(fault: ClusterFault, result: ClusterResult, times: LeaseSeconds): void {
  const boundMs = fault.outageMs?.(times) ?? null;
  for (const family of FAMILIES) {
    const shown = `${fault.title}, IPv${family}: ${JSON.stringify(result)}`;
    assert.ok(result.maxAnswering[family] <= 1, `machines that answered at one instant: ${shown}`);
    if (boundMs !== null) assert.ok(result.outageMs[family] <= boundMs + SLACK_MS, `within ${boundMs} ms: ${shown}`);
  }
  if (fault.moveMs !== null) {
    const shown = JSON.stringify(result);
    assert.ok((result.movedMs ?? Infinity) <= fault.moveMs + SLACK_MS, `moved within ${fault.moveMs} ms: ${shown}`);
  }
}

async function endure(
  t: Deno.TestContext,
  world: World,
  run: { faults: readonly ClusterFault[]; times: LeaseSeconds },
): Promise<void> {
  await world.lab.startAll();
  for (const fault of run.faults) {
    const passed = await t.step(fault.title, async () => {
      try {
        const result = await runClusterFault(world, fault, run.times);
        check(fault, result, run.times);
      } catch (error) {
        throw new Error(world.lab.logs(), { cause: error });
      }
    });
    if (!passed) await healWorld(world);
  }
}

function lease(times: LeaseSeconds): ManagerOptions {
  return { times, election: "kubernetes" };
}

withApiServers(
  "with a Lease of 15 s a control plane survives its nodes' faults, and two machines never answer",
  (paths, t) => withWorld(paths, lease(SLOW), (world) => endure(t, world, { faults: NODE_FAULTS, times: SLOW })),
);

withApiServers(
  "with a Lease of 5 s a control plane survives every fault, and two machines never answer",
  (paths, t) => {
    const faults = [...NODE_FAULTS, ...SERVER_FAULTS, ...LEASE_FAULTS];
    return withWorld(paths, lease(QUICK), (world) => endure(t, world, { faults, times: QUICK }));
  },
);
