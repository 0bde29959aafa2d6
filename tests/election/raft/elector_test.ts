import { electorContract } from "../../contracts/elector.ts";
import type { Electorate } from "../../contracts/elector.ts";
import { RaftCluster } from "../../fakes/raft_cluster.ts";

for (const placement of ["leader", "spread"] as const) {
  electorContract(`raft, placement ${placement}`, () => Promise.resolve(electorate(placement)));
}

function electorate(placement: "leader" | "spread"): Electorate {
  const cluster = new RaftCluster(["a", "b", "c"], 42, { placement });
  const known = new Set<string>();
  return {
    ledger: cluster.ledger,
    failoverMs: 1500,
    start: async (id) => {
      known.add(id);
      await cluster.start(id);
    },
    stop: async (id) => {
      if (known.has(id)) await cluster.during(cluster.node(id).stop());
      else await cluster.make(id).stop();
    },
    kill: (id) => cluster.kill(id),
    pause: (id) => cluster.machine(id).pause(),
    resume: (id) => cluster.machine(id).resume(),
    isolate: (id) => cluster.network.isolate(id),
    heal: () => cluster.network.heal(),
    advance: (ms) => cluster.advance(ms),
    dispose: () => cluster.stopAll(),
  };
}
