/** Which election the configuration asks for. */
import { assert, assertNever } from "../base/assert.ts";
import type { ManagerConfig } from "../config/manager/types.ts";
import type { KubeClient } from "../kube/api.ts";
import type { Poller } from "../linux/poller.ts";
import { etcdElection } from "./etcd_election.ts";
import { leaseElection } from "./lease_election.ts";
import type { Election, ElectionParts } from "./manager_election.ts";
import { everyNodeElection, outlivingMs } from "./every_node_election.ts";
import { getLog } from "../observe/log.ts";
import { peersElection } from "./peers_election.ts";

const log = getLog("agent");

/** A route in a table stays when the process ends without a word, so the address is to be there until kubelet has it running again. */
const TABLE_LEASE_MS = 900_000;

export interface ElectionChoice {
  readonly config: ManagerConfig;
  /** null with etcd only. */
  readonly client: KubeClient | null;
  /** Of the Lease. */
  readonly namespace: string;
  readonly poller: Poller;
}

/** What makes the election for the agent, which has the parts; `rivals` is another API server that is well, or null. */
export function electionOf(
  choice: ElectionChoice,
): (parts: ElectionParts, rivals: () => string | null) => Election {
  const { config, client, namespace, poller } = choice;
  const { election, lease, preserveOnLoss } = config;
  return (parts, rivals) => {
    if (!config.elects) {
      const leaseMs = config.bgp === null ? TABLE_LEASE_MS : outlivingMs(config.bgp);
      return everyNodeElection({ ...parts, leaseName: lease.name, leaseMs });
    }
    switch (election.type) {
      case "etcd":
        return etcdElection({
          ...parts,
          endpoints: election.endpoints,
          tls: { caPath: election.caPath, certPath: election.certPath, keyPath: election.keyPath },
          prefix: `${namespace}-${lease.name}`,
          leaseName: lease.name,
          times: lease.times,
          preserveOnLoss,
        });
      case "peers":
        assert(client !== null, "peers of a cluster have an API server");
        if (preserveOnLoss) {
          log.warning("vip_preserve_on_leadership_loss has no effect among peers: a loss is another's gain");
        }
        return peersElection({ ...parts, election, lease, namespace, client, poller, stateDir: config.stateDir });
      case "kubernetes":
        assert(client !== null, "a Lease has an API server");
        return leaseElection({ ...parts, lease, namespace, client, rivalServer: rivals, preserveOnLoss });
      default:
        return assertNever(election);
    }
  };
}
