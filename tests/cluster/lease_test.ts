/** The control plane with a Lease on real API servers: never two machines, and the times of issue 4 with slack beyond the Lease. */

import { withApiServers } from "../kubernetes/needs.ts";
import { LEASE_FAULTS, NODE_FAULTS, SERVER_FAULTS } from "./faults.ts";
import { endure } from "./kit.ts";
import { type LeaseSeconds, type ManagerOptions, withWorld } from "./program.ts";

const SLOW: LeaseSeconds = { duration: 15, renewDeadline: 10, retryPeriod: 2 };
const QUICK: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
const SLACK_MS = 4000;

function lease(times: LeaseSeconds): ManagerOptions {
  return { times, election: "kubernetes" };
}

withApiServers(
  "with a Lease of 15 s a control plane survives its nodes' faults, and two machines never answer",
  (paths, t) => {
    const run = { faults: NODE_FAULTS, times: SLOW, slackMs: SLACK_MS };
    return withWorld(paths, lease(SLOW), (world) => endure(t, world, run));
  },
);

withApiServers(
  "with a Lease of 5 s a control plane survives every fault, and two machines never answer",
  (paths, t) => {
    const faults = [...NODE_FAULTS, ...SERVER_FAULTS, ...LEASE_FAULTS];
    const run = { faults, times: QUICK, slackMs: SLACK_MS };
    return withWorld(paths, lease(QUICK), (world) => endure(t, world, run));
  },
);
