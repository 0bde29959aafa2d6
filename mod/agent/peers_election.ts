/** Election by the raft of the control-plane nodes among themselves. */
import type { ElectionSettings, LeaseSettings } from "../config/manager/types.ts";
import type { ElectorStatus } from "../election/elector.ts";
import { rehearse } from "../election/raft/rehearsal.ts";
import type { KubeClient } from "../kube/api.ts";
import type { Poller } from "../linux/poller.ts";
import type { Election, ElectionParts } from "./manager_election.ts";
import { makeRaft, raftElsewhere, transferRaft } from "./raft_election.ts";

export interface PeersElectionParts extends ElectionParts {
  readonly election: ElectionSettings & { readonly type: "peers" };
  readonly lease: LeaseSettings;
  /** Of the Lease. */
  readonly namespace: string;
  readonly client: KubeClient;
  readonly poller: Poller;
  readonly stateDir: string;
}

/** Makes it; nothing is opened before the elector starts. */
export function peersElection(parts: PeersElectionParts): Election {
  const { clock, election, holder, poller } = parts;
  const settings = { ...election, stateDir: parts.stateDir, placement: "leader" as const, startAsLeader: false };
  const { node, transport } = makeRaft(settings, {
    clock,
    poller,
    addresses: parts.addresses(),
    sink: parts.sink,
    holder,
    fence: parts.fence,
    fit: parts.fit,
  });
  return {
    elector: {
      start: async () => {
        rehearse();
        await node.start();
      },
      stop: () => node.stop(),
    },
    leaseName: parts.lease.name,
    status: (): ElectorStatus => {
      const { leader, role, term } = node.observe();
      const leading = role === "leader";
      return { leader, leading, transitions: term, goodMs: clock.now(), triedMs: clock.now(), trouble: null };
    },
    raft: () => node.observe(),
    rejected: () => transport.rejected(),
    refresh: () => {},
    transfer: (to) => transferRaft(node, to),
    elsewhere: (ip) => raftElsewhere(node, election.timing, ip),
    close: () => Promise.resolve(),
  };
}
