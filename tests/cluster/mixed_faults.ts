/** What may befall a holder of either kind. Each is done, seen through until another node answers, and mended. */

import { apiFault } from "../kubernetes/faults.ts";
import { CONTROL_PLANE_LEASE } from "../kubernetes/lease.ts";
import type { LabNode } from "../lab/node.ts";
import { sleep } from "../lab/time.ts";
import type { MixedWorld } from "./mixed.ts";

/** For how many leases a cable is out that nobody notices. */
const CUT_LEASES = 2;

/** Something that is done to a mixed control plane. */
export interface Step {
  readonly title: string;
  run(mixed: MixedWorld, holder: LabNode): Promise<void>;
}

/** What befalls a holder, whatever it runs. */
export const HOLDER_FAULTS: readonly Step[] = [
  {
    title: "is killed",
    run: async (mixed, holder) => {
      await mixed.kill(holder);
      await mixed.moved(holder);
      holder.start();
    },
  },
  {
    title: "is asked to leave",
    run: async (mixed, holder) => {
      await holder.terminate();
      await mixed.moved(holder);
      holder.start();
    },
  },
  {
    title: "hangs and wakes up",
    run: async (mixed, holder) => {
      holder.pause();
      await mixed.moved(holder);
      holder.resume();
    },
  },
  {
    title: "loses its API server",
    run: async (mixed, holder) => {
      const { cluster } = mixed.world;
      const place = { cluster, holder: holder.machine, lease: CONTROL_PLANE_LEASE };
      await apiFault("API server down").begin(place);
      await mixed.moved(holder);
      await apiFault("API server down").mend(place);
    },
  },
  {
    title: "cannot hear its API server",
    run: async (mixed, holder) => {
      const { cluster } = mixed.world;
      const place = { cluster, holder: holder.machine, lease: CONTROL_PLANE_LEASE };
      await apiFault("API server silent").begin(place);
      await mixed.moved(holder);
      await apiFault("API server silent").mend(place);
    },
  },
  {
    title: "has its cable pulled",
    run: async (mixed, holder) => {
      const { lab } = mixed.world;
      lab.network.cut(holder.machine);
      // The others go on renewing through their own API server: it lasts for as long as the cable is out.
      if (mixed.role(holder) === "theirs") await sleep(CUT_LEASES * mixed.times.duration * 1000);
      else await mixed.moved(holder);
      lab.network.mend(holder.machine);
    },
  },
];
