import { type LeasePlace, leaseStoreContract } from "../../contracts/lease_store.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { MemoryLease, MemoryLeaseStore } from "../../fakes/lease_store.ts";
import { settle } from "../../fakes/raft_cluster.ts";

leaseStoreContract("memory", () => Promise.resolve(place()));

function place(): LeasePlace {
  const clock = new VirtualClock();
  const lease = new MemoryLease();
  const [store, other] = [new MemoryLeaseStore(lease, clock), new MemoryLeaseStore(lease, clock)];
  return {
    store,
    other,
    remove: () => Promise.resolve(lease.delete()),
    overwrite: (record) => Promise.resolve(lease.edit(record)),
    sever: () => store.faults.isCut = true,
    during: async (work) => {
      let over = false;
      const watched = work.finally(() => over = true);
      for (let turn = 0; turn < 1000 && !over; turn++) {
        clock.advance(1);
        await settle();
      }
      return await watched;
    },
    dispose: () => Promise.resolve(),
  };
}
