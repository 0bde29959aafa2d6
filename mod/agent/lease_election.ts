/** Election by a Lease at the local API server. */
import type { LeaseSettings } from "../config/manager/types.ts";
import { LeaseElector } from "../election/lease/elector.ts";
import type { KubeClient } from "../kube/api.ts";
import { KubeLeaseStore } from "../kube/lease_store.ts";
import { systemWallClock } from "../runtime/wall_clock.ts";
import { UNFENCED_GRACE_MS } from "../vip/address.ts";
import { type Election, type ElectionParts, followed, Others } from "./manager_election.ts";
import { RivalStore } from "./rival_store.ts";

export interface LeaseElectionParts extends ElectionParts {
  readonly lease: LeaseSettings;
  /** Where the Lease is. */
  readonly namespace: string;
  readonly client: KubeClient;
  /** Base URL of another API server that is well; null: none is known. */
  readonly rivalServer: () => string | null;
  readonly preserveOnLoss: boolean;
}

/** Makes it; nothing is asked before the elector starts. */
export function leaseElection(parts: LeaseElectionParts): Election {
  const { client, clock, lease, namespace, identity } = parts;
  const place = { namespace, name: lease.name, annotations: lease.annotations };
  const store = new KubeLeaseStore(client, place);
  const fallback = new RivalStore(parts.rivalServer, (server) => {
    const there = client.at(server);
    const at = new KubeLeaseStore(there, place);
    return {
      store: at,
      close: () => {
        at.close();
        there.close();
      },
    };
  });
  const others = new Others({ identity, clock, leaseMs: lease.times.durationMs });
  const elector = new LeaseElector({
    identity,
    mark: `lease:${parts.bootId}`,
    addresses: parts.addresses,
    times: lease.times,
    store,
    fallback,
    clock,
    wallNow: systemWallClock,
    random: Math.random,
    sink: parts.sink,
    fit: parts.fit,
    rival: parts.rival,
    graceMs: () => parts.fence() === "guard" ? 0 : UNFENCED_GRACE_MS,
    preserveOnLoss: parts.preserveOnLoss,
    onLeader: (holder, transitions) => {
      others.holds(holder);
      parts.onLeader(holder, transitions);
    },
  });
  return {
    elector,
    leaseName: lease.name,
    status: () => elector.observe(),
    raft: () => null,
    rejected: () => [],
    refresh: () => elector.refresh(),
    transfer: async (to) => {
      if (to !== null) return { outcome: "refused", why: "With a Lease the fastest candidate takes over; name nobody" };
      const result = await elector.handOver();
      if (result === "not-leader") {
        return {
          outcome: "refused",
          why: `This node does not hold the Lease; ${elector.observe().leader ?? "nobody"} does`,
        };
      }
      if (result !== "released") {
        return {
          outcome: "refused",
          why: "The Lease could not be released; another node takes it when it has run out",
        };
      }
      return await followed(elector, { clock, identity });
    },
    elsewhere: () => others.elsewhere(),
    close: () => {
      store.close();
      fallback.close();
      return Promise.resolve();
    },
  };
}
