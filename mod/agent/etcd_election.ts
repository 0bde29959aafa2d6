/** Election by etcd, without an API server. */
import type { LeaseTimes } from "../config/manager/types.ts";
import { EtcdElector } from "../election/etcd/elector.ts";
import { EtcdGateway } from "../election/etcd/gateway.ts";
import { unfencedGraceMs } from "../vip/address.ts";
import { type Election, type ElectionParts, followed, Others } from "./manager_election.ts";

/** After a hand-over this node is no candidate for so long. */
const ASIDE_MS = 3000;

export interface EtcdElectionParts extends ElectionParts {
  readonly endpoints: readonly string[];
  /** Paths of PEM files; null: not given. */
  readonly tls: { readonly caPath: string | null; readonly certPath: string | null; readonly keyPath: string | null };
  /** `<namespace>-<lease name>`. */
  readonly prefix: string;
  readonly leaseName: string;
  readonly times: LeaseTimes;
  readonly preserveOnLoss: boolean;
}

/** Makes it; nothing is asked before the elector starts. Throws EtcdTlsError or EtcdEndpointError. */
export function etcdElection(parts: EtcdElectionParts): Election {
  const { clock, identity, bootId, times } = parts;
  let asideUntilMs = -Infinity;
  const others = new Others({ identity, clock, leaseMs: times.durationMs });
  const elector = new EtcdElector({
    identity,
    bootId,
    prefix: parts.prefix,
    ttlMs: times.durationMs,
    retryMs: times.retryMs,
    addresses: parts.addresses,
    gateway: new EtcdGateway({ endpoints: parts.endpoints, tls: parts.tls, clock }),
    clock,
    random: Math.random,
    sink: parts.sink,
    // The elector makes way for the next candidate while it is not fit.
    fit: () => clock.now() >= asideUntilMs && parts.fit(),
    preserveOnLoss: parts.preserveOnLoss,
    graceMs: () => parts.fence() === "guard" ? 0 : unfencedGraceMs(times.durationMs),
    onLeader: (holder) => {
      others.holds(holder);
      parts.onLeader(holder, elector.observe().transitions);
    },
  });
  return {
    elector,
    leaseName: parts.leaseName,
    status: () => elector.observe(),
    raft: () => null,
    rejected: () => [],
    refresh: () => elector.refresh(),
    transfer: async (to) => {
      if (to !== null) {
        return { outcome: "refused", why: "With etcd the candidate that came first takes over; name nobody" };
      }
      const { leading, leader } = elector.observe();
      if (!leading) return { outcome: "refused", why: `This node does not lead; ${leader ?? "nobody"} does` };
      asideUntilMs = clock.now() + ASIDE_MS;
      elector.refresh();
      return await followed(elector, { clock, identity });
    },
    elsewhere: () => others.elsewhere(),
    // The elector closes the gateway.
    close: () => Promise.resolve(),
  };
}
