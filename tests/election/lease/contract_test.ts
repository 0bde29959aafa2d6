import { type Electorate, electorContract } from "../../contracts/elector.ts";
import { LeaseCluster } from "../../fakes/lease_cluster.ts";

electorContract("Lease, 5/3/1", () => Promise.resolve(electorate()));

function electorate(): Electorate {
  const cluster = new LeaseCluster(42);
  const known = new Set<string>();
  return {
    ledger: cluster.ledger,
    failoverMs: 6000,
    start: async (id) => {
      known.add(id);
      await cluster.start(id);
    },
    stop: async (id) => {
      if (known.has(id)) await cluster.during(cluster.node(id).elector.stop());
      else await cluster.make(id).elector.stop();
    },
    kill: (id) => cluster.node(id).machine.kill(),
    pause: (id) => cluster.node(id).machine.pause(),
    resume: (id) => cluster.node(id).machine.resume(),
    isolate: (id) => void (cluster.node(id).store.faults.isCut = true),
    heal: () => ["a", "b", "c"].forEach((id) => cluster.node(id).store.heal()),
    advance: (ms) => cluster.advance(ms),
    dispose: () => cluster.stopAll(),
  };
}
