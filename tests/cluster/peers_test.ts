/** The control plane by the raft of its nodes, beside real API servers: the main job's times, whatever the servers do. */

import assert from "node:assert/strict";
import { FAMILIES } from "../lab/records.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import { type ClusterFault, LEASE_FAULTS, NODE_FAULTS, runClusterFault, SERVER_FAULTS } from "./faults.ts";
import { endure } from "./kit.ts";
import { type LeaseSeconds, type ManagerOptions, withWorld } from "./program.ts";

const TIMES: LeaseSeconds = { duration: 15, renewDeadline: 10, retryPeriod: 2 };
const OPTIONS: ManagerOptions = { times: TIMES, election: "peers" };
/** The bound of a link that is cut, tenfold. */
const SLACK_MS = 4000;

/** What may happen to a Lease that decides nothing; only a stranger's keeps the members from holding. */
const LEASE_ROWS = LEASE_FAULTS.filter(({ moveMs, title }) => moveMs === null && !title.startsWith("every API server"));

const FAULTS: readonly ClusterFault[] = [...NODE_FAULTS, ...SERVER_FAULTS, ...LEASE_ROWS].map((fault) => ({
  ...fault,
  outageMs: fault.outageMs === null ? null : () => 450,
}));

withApiServers(
  "peers in the cluster survive every fault in the main job's times, and two never answer",
  (paths, t) =>
    withWorld(paths, OPTIONS, (world) => endure(t, world, { faults: FAULTS, times: TIMES, slackMs: SLACK_MS })),
);

withApiServers(
  "peers elect without any API server, and keep the address",
  (paths) =>
    withWorld(paths, OPTIONS, async (world) => {
      const { lab, cluster } = world;
      await lab.startAll();
      await Promise.all(cluster.servers.map((server) => server.kill()));
      const kill = NODE_FAULTS[0];
      assert.ok(kill);
      const result = await runClusterFault(world, kill, TIMES);
      for (const family of FAMILIES) {
        assert.equal(result.maxAnswering[family], 1);
        assert.ok(result.outageMs[family] <= SLACK_MS, JSON.stringify(result));
      }
    }),
);
