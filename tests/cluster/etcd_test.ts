/** The control plane by a real etcd, without any word to an API server. */

import assert from "node:assert/strict";
import { FAMILIES } from "../lab/records.ts";
import { sharedNow } from "../lab/time.ts";
import { machinesAtOnce } from "../lab/analysis.ts";
import { ETCD_PORT } from "../kubernetes/flags.ts";
import { MANAGEMENT_ADDRESS } from "../kubernetes/management.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import { LEASE_FAULTS, NODE_FAULTS, silent } from "./faults.ts";
import { endure } from "./kit.ts";
import { type LeaseSeconds, type ManagerOptions, withWorld } from "./program.ts";

const TIMES: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
/** etcd ends a lease up to a second late, and no sooner than its time to live. */
const SLACK_MS = 6000;
const BY_ETCD: ManagerOptions = {
  times: TIMES,
  election: "kubernetes",
  env: () => ({
    "vip_leaderelectiontype": "etcd",
    "etcd_endpoints": `http://${MANAGEMENT_ADDRESS}:${ETCD_PORT}`,
    "k8s_config_file": "",
  }),
};

withApiServers(
  "with etcd a control plane survives its nodes' faults and a hanging etcd, and two never answer",
  (paths, t) => {
    const hang = LEASE_FAULTS.filter(({ title }) => title.startsWith("every API server"));
    const run = { faults: [...NODE_FAULTS, ...hang], times: TIMES, slackMs: SLACK_MS };
    return withWorld(paths, BY_ETCD, (world) => endure(t, world, run));
  },
);

withApiServers(
  "addresses that are to be preserved stay when everybody has lost the Lease, until somebody has it again",
  (paths) => {
    const env = (): Record<string, string> => ({ "vip_preserve_on_leadership_loss": "true" });
    return withWorld(paths, { times: TIMES, election: "kubernetes", env }, async ({ lab, cluster }) => {
      await lab.startAll();
      const holder = await lab.settled();
      lab.probes.clear();
      cluster.etcd.signal("SIGSTOP");
      const { samples } = lab.probes;
      cluster.etcd.signal("SIGSTOP");
      await silent(lab, [6]);
      assert.deepEqual([...samples.answering(4)], [holder.machine.mac]);
      cluster.etcd.signal("SIGCONT");
      await lab.settled();
      const span = { fromMs: -Infinity, untilMs: sharedNow() };
      for (const family of FAMILIES) assert.ok(machinesAtOnce(samples.inquiries(family), span) <= 1);
    });
  },
);
