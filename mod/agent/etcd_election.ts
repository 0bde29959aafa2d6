/** Election by etcd, without an API server. */
import { assertNever } from "../base/assert.ts";
import type { LeaseTimes } from "../config/manager/types.ts";
import { EtcdElector } from "../election/etcd/elector.ts";
import { EtcdGateway } from "../election/etcd/gateway.ts";
import { UNFENCED_GRACE_MS } from "../vip/address.ts";
import { type Election, type ElectionParts, followed, Others } from "./manager_election.ts";

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
    fit: parts.fit,
    preserveOnLoss: parts.preserveOnLoss,
    graceMs: () => parts.fence() === "guard" ? 0 : UNFENCED_GRACE_MS,
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
      const result = await elector.handOver();
      if (result !== "released") return { outcome: "refused", why: refusal(result, elector.observe().leader) };
      return await followed(elector, { clock, identity });
    },
    elsewhere: () => others.elsewhere(),
    // The elector closes the gateway.
    close: () => Promise.resolve(),
  };
}

function refusal(result: "failed" | "not-leader" | "nobody-else", leader: string | null): string {
  switch (result) {
    case "not-leader":
      return `This node does not lead; ${leader ?? "nobody"} does`;
    case "nobody-else":
      return "There is no other candidate";
    case "failed":
      return "The place in the queue could not be given back; the next candidate takes over when its lease has run out";
    default:
      return assertNever(result);
  }
}
