/**
 * What a control plane has to survive, as data, for whatever elects. Each row does something to the node that holds the addresses, or to
 * its API server, or to the Lease; sees it through; and mends it. What is measured comes from the probes alone.
 */

import { lastAnswerMs, machinesAtOnce, ownOutageMs } from "../lab/analysis.ts";
import { type PerFamily, takenOver } from "../lab/faults.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabNode } from "../lab/node.ts";
import { FAMILIES, type Family } from "../lab/records.ts";
import { sharedNow, sleep } from "../lab/time.ts";
import { apiFault, type ApiFaultName, healServers } from "../kubernetes/faults.ts";
import { CONTROL_PLANE_LEASE } from "../kubernetes/lease.ts";
import type { LeaseSeconds, World } from "./program.ts";

/** What one run of a fault showed. */
export interface ClusterResult {
  readonly title: string;
  /** Client's longest time without an answer. */
  readonly outageMs: PerFamily;
  /** Greatest number of machines that answered at one instant. */
  readonly maxAnswering: PerFamily;
  /** From the beginning of the fault until another machine answered; null when none did. */
  readonly movedMs: number | null;
  readonly before: string;
  readonly after: string;
}

/** One row. */
export interface ClusterFault {
  readonly title: string;
  /** The longest outage that is allowed, in milliseconds; null: only the number of machines counts. */
  readonly outageMs: ((times: LeaseSeconds) => number) | null;
  /** From the beginning until another machine answers; null where nobody has to take over. */
  readonly moveMs: number | null;
  /** Does it to the holder and mends it. */
  run(world: World, holder: LabNode, times: LeaseSeconds): Promise<void>;
}

const BACK_MS = 40_000;
/** How long to go on watching after service is back: the old holder may wake up. */
const WATCH_MS = 1000;

const PATIENCE = { backMs: BACK_MS, watchMs: WATCH_MS };

/** A busy machine may be late with an answer; without one for so long nobody answers. */
const SILENCE_MS = 700;

/** Resolves when nobody answers for the addresses of these families. */
export async function silent(lab: Lab, families: readonly Family[]): Promise<void> {
  const { samples } = lab.probes;
  const isSilent = (family: Family): boolean => {
    const untilMs = samples.newestSentMs(family);
    const span = { fromMs: untilMs - SILENCE_MS, untilMs };
    const begunMs = samples.inquiries(family)[0]?.sentMs ?? Infinity;
    return begunMs <= span.fromMs && lastAnswerMs(samples.inquiries(family), span) === null;
  };
  await samples.changes.until(() => families.every(isSilent) ? true : null, BACK_MS, "silence");
}

const SECOND_MS = 1000;
const crash = (times: LeaseSeconds): number => (times.duration + 1) * SECOND_MS;

/** The faults of the node itself. */
export const NODE_FAULTS: readonly ClusterFault[] = [
  {
    title: "the holder's process is killed",
    outageMs: crash,
    moveMs: null,
    run: async ({ lab }, holder) => {
      await holder.kill();
      await takenOver(lab, holder, PATIENCE);
      holder.start();
    },
  },
  {
    title: "the holder's process hangs and wakes up",
    outageMs: crash,
    moveMs: null,
    run: async ({ lab }, holder) => {
      holder.pause();
      await takenOver(lab, holder, PATIENCE);
      holder.resume();
    },
  },
  {
    title: "the holder is asked to leave",
    outageMs: () => SECOND_MS,
    moveMs: null,
    run: async ({ lab }, holder) => {
      await holder.terminate();
      await takenOver(lab, holder, PATIENCE);
      holder.start();
    },
  },
  {
    title: "the holder's cable is pulled, its API server stays well",
    outageMs: () => 3 * SECOND_MS,
    moveMs: 3 * SECOND_MS,
    run: async ({ lab }, holder) => {
      lab.network.cut(holder.machine);
      await takenOver(lab, holder, PATIENCE);
      lab.network.mend(holder.machine);
    },
  },
];

/** A fault of the holder's API server: the node makes way for one whose server is well, and its own server is mended then. */
function serverFault(name: ApiFaultName, moveMs: number): ClusterFault {
  const fault = apiFault(name);
  return {
    title: fault.title,
    outageMs: () => SECOND_MS,
    moveMs,
    run: async ({ lab, cluster }, holder) => {
      const place = { cluster, holder: holder.machine, lease: CONTROL_PLANE_LEASE };
      await fault.begin(place);
      await takenOver(lab, holder, PATIENCE);
      await fault.mend(place);
    },
  };
}

/** Something that is over at once: whoever holds afterwards, two never do. */
function passingFault(name: ApiFaultName, longestOutageMs: ((times: LeaseSeconds) => number) | null): ClusterFault {
  const fault = apiFault(name);
  return {
    title: fault.title,
    outageMs: longestOutageMs,
    moveMs: null,
    run: async ({ cluster, lab }, holder, times) => {
      const place = { cluster, holder: holder.machine, lease: CONTROL_PLANE_LEASE };
      await fault.begin(place);
      await sleep(2 * times.retryPeriod * SECOND_MS);
      await lab.settled(BACK_MS);
      await fault.mend(place);
    },
  };
}

/** The faults of the API server that the holder talks to. */
export const SERVER_FAULTS: readonly ClusterFault[] = [
  serverFault("API server down", 3 * SECOND_MS),
  passingFault("API server restarted", null),
  serverFault("API server hangs", 5 * SECOND_MS),
  serverFault("API server slow", 5 * SECOND_MS),
  serverFault("API server silent", 5 * SECOND_MS),
  serverFault("API server without etcd", 10 * SECOND_MS),
];

/** The faults of the Lease, which only matter where it decides. */
export const LEASE_FAULTS: readonly ClusterFault[] = [
  passingFault("Lease deleted", crash),
  passingFault("Lease blanked", crash),
  passingFault("Lease of a stranger", null),
  {
    title: "every API server is there and none can do anything: nobody holds longer than the Lease",
    outageMs: null,
    moveMs: null,
    run: async ({ lab, cluster }, holder) => {
      const fault = apiFault("etcd hangs");
      const place = { cluster, holder: holder.machine, lease: CONTROL_PLANE_LEASE };
      await fault.begin(place);
      await silent(lab, FAMILIES);
      await fault.mend(place);
    },
  },
];

/** Does `fault` to the holder of a cluster that is well, waits until it is well again and says what the probes saw. */
export async function runClusterFault(world: World, fault: ClusterFault, times: LeaseSeconds): Promise<ClusterResult> {
  const { lab } = world;
  const holder = await lab.settled(BACK_MS);
  lab.probes.clear();
  await sleep(WATCH_MS);
  const atMs = sharedNow();
  await fault.run(world, holder, times);
  const after = await lab.settled(BACK_MS);
  await sleep(WATCH_MS);
  const { pings, others, samples } = lab.probes;
  const span = { fromMs: atMs - WATCH_MS / 2, untilMs: pings.knownMs };
  const perFamily = (of: (family: Family) => number): PerFamily => ({ 4: of(4), 6: of(6) });
  return {
    title: fault.title,
    outageMs: perFamily((family) => Math.round(ownOutageMs(pings.pings(family), span, others.pings(family)))),
    maxAnswering: perFamily((family) => machinesAtOnce(samples.inquiries(family), span)),
    movedMs: movedMs(lab, holder, atMs),
    before: holder.name,
    after: after.name,
  };
}

function movedMs(lab: Lab, holder: LabNode, atMs: number): number | null {
  let first = Infinity;
  for (const { answers } of FAMILIES.flatMap((family) => lab.probes.samples.inquiries(family))) {
    for (const answer of answers) {
      if (answer.mac !== holder.machine.mac && answer.atMs > atMs) first = Math.min(first, answer.atMs);
    }
  }
  return first === Infinity ? null : Math.round(first - atMs);
}

/** Undoes whatever a fault that failed half-way left behind. */
export async function healWorld({ lab, cluster }: World): Promise<void> {
  await healServers(cluster);
  for (const node of lab.nodes) {
    lab.network.mend(node.machine);
    if (node.running) node.resume();
    else node.start();
  }
  await lab.settled(BACK_MS);
}
