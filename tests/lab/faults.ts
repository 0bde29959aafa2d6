/**
 * The faults that a cluster has to survive, as data, and one way to run each: the tests run every row once, the benchmark often.
 * What is measured comes from the probes alone, so it is the same for any program on the nodes.
 */

import { assert } from "../../mod/base/assert.ts";
import { blindMs, firstReplyMs, lastAnswerMs, machinesAtOnce, ownOutageMs, type Span } from "./analysis.ts";
import { askAgent } from "../../mod/cli/control_client.ts";
import { stateDirectory } from "./daemon.ts";
import { lose, loseNothing } from "./filter.ts";
import type { Lab } from "./lab.ts";
import type { LabNode } from "./node.ts";
import { FAMILIES, type Family } from "./records.ts";
import { sharedNow, sleep } from "./time.ts";

/** A value for each family. */
export type PerFamily = Readonly<Record<Family, number>>;

/** What one run of a fault showed. */
export interface FaultResult {
  readonly fault: FaultName;
  /** Client's longest time without an answer, less what everything stood still, or what {@link Fault.measures} says. */
  readonly outageMs: PerFamily;
  /** Greatest number of machines that answered at one instant. */
  readonly maxAnswering: PerFamily;
  readonly before: string;
  /** Who held the addresses when everything was well again. */
  readonly after: string;
  /** The longest silence of the prober itself: an outage is not known better than this. */
  readonly blindMs: number;
}

/** Names of the faults, as in the table of results. */
export type FaultName =
  | "link cut"
  | "SIGKILL"
  | "SIGSTOP"
  | "SIGTERM"
  | "transfer"
  | "holder hears nobody"
  | "nobody hears the holder"
  | "20 % loss"
  | "majority lost"
  | "restart";

/** One row of the table. */
export interface Fault {
  readonly name: FaultName;
  /** In words. */
  readonly title: string;
  /** What the figure is. */
  readonly measures: "outage" | "let go" | "served again";
  /** Bound of the median at default timing; null where only the last column counts. */
  readonly medianMs: number | null;
  /** Bound of the worst run at default timing. */
  readonly worstMs: number | null;
  /** Bound of the median at `fast` timing, where there is one. */
  readonly fastMedianMs: number | null;
  /** Whether the holder is to be the same afterwards. */
  readonly keepsHolder: boolean;
  /** Whether it can be done to any program, not only to ours. */
  readonly universal: boolean;
  /** Does it, sees it through and mends what it broke; gives the moment from which to measure. */
  run(lab: Lab, holder: LabNode): Promise<Moments>;
}

/** Marks on the shared clock that a fault leaves for the measurement. */
interface Moments {
  /** When the fault began. */
  readonly atMs: number;
  /** Until when nothing had been mended. */
  readonly mendedMs: number;
}

/** Service has to be back after a fault within this, or the run fails. */
const BACK_MS = 15_000;
/** How long to go on watching after service is back: the old holder may wake up. */
const WATCH_MS = 600;
const PAUSE_MS = 5000;
const LOSS_MS = 30_000;
const SILENCE_MS = 3000;

/** Waits until the client is served again by another machine than `holder`, and a little longer: the old one may wake up. */
export async function takenOver(
  lab: Lab,
  holder: LabNode,
  { backMs, watchMs } = { backMs: BACK_MS, watchMs: WATCH_MS },
): Promise<void> {
  const { pings, samples } = lab.probes;
  const another = (family: Family): boolean => [...samples.answering(family)].some((mac) => mac !== holder.machine.mac);
  const moved = (): true | null => FAMILIES.every(another) && pings.isSteady(100) ? true : null;
  await pings.changes.until(moved, backMs, "service from another node");
  await sleep(watchMs);
}

/** A fault that is begun, survived by the others, and mended. */
function failover(
  begin: (lab: Lab, holder: LabNode) => unknown,
  mend: (lab: Lab, holder: LabNode) => unknown,
): Fault["run"] {
  return async (lab, holder) => {
    const atMs = sharedNow();
    await begin(lab, holder);
    await takenOver(lab, holder);
    const mendedMs = sharedNow();
    await mend(lab, holder);
    await lab.settled();
    await sleep(WATCH_MS);
    return { atMs, mendedMs };
  };
}

function restart(lab: Lab, holder: LabNode): void {
  if (lab.daemon.leavesAddresses) holder.forgetAddresses();
  holder.start();
}

async function pauseForAWhile(lab: Lab, holder: LabNode): Promise<Moments> {
  const atMs = sharedNow();
  holder.pause();
  await takenOver(lab, holder);
  await sleep(Math.max(0, atMs + PAUSE_MS - sharedNow()));
  const mendedMs = sharedNow();
  holder.resume();
  await sleep(WATCH_MS);
  await lab.settled();
  return { atMs, mendedMs };
}

async function transfer(lab: Lab, holder: LabNode): Promise<void> {
  const answer = await askAgent(stateDirectory(holder.place.directory), { method: "POST", path: "/transfer" });
  const accepted = answer.outcome === "answered" && answer.status === 200;
  assert(accepted, `${holder.name} hands over: ${JSON.stringify(answer)}\n${lab.logs()}`);
}

async function loss(lab: Lab): Promise<Moments> {
  const atMs = sharedNow();
  lose(lab.network, { kind: "random", oneIn: 5 });
  await sleep(LOSS_MS);
  const mendedMs = sharedNow();
  loseNothing(lab.network);
  await lab.settled();
  return { atMs, mendedMs };
}

/** Both others are cut off: the holder has to let go, and nobody may hold until they are back. */
async function majorityLost(lab: Lab, holder: LabNode): Promise<Moments> {
  const atMs = sharedNow();
  for (const other of lab.others(holder)) lab.network.cut(other.machine);
  await sleep(SILENCE_MS);
  const mendedMs = sharedNow();
  for (const other of lab.others(holder)) lab.network.mend(other.machine);
  await lab.settled();
  return { atMs, mendedMs };
}

/** Everybody is killed; service has to be back soon after the second node has been started. */
async function restartAll(lab: Lab): Promise<Moments> {
  await Promise.all(lab.nodes.map((node) => node.kill()));
  if (lab.daemon.leavesAddresses) { for (const node of lab.nodes) node.forgetAddresses(); }
  const silent = (): true | null =>
    FAMILIES.every((family) => lab.probes.samples.answering(family).size === 0) ? true : null;
  await lab.probes.samples.changes.until(silent, BACK_MS, "silence of a killed cluster");
  const [first, second, ...rest] = lab.nodes;
  first?.start();
  await sleep(2000);
  const atMs = sharedNow();
  second?.start();
  await lab.probes.pings.changes.until(
    () => lab.probes.pings.isSteady(100) ? true : null,
    BACK_MS,
    "service by two nodes",
  );
  const mendedMs = sharedNow();
  for (const node of rest) node.start();
  await lab.settled();
  return { atMs, mendedMs };
}

const row = { measures: "outage", fastMedianMs: null, keepsHolder: false, universal: false } as const;

/** The table. Bounds are those of issue 3. */
export const FAULTS: readonly Fault[] = [
  {
    ...row,
    name: "link cut",
    title: "the holder's cable is pulled",
    medianMs: 300,
    worstMs: 450,
    fastMedianMs: 60,
    universal: true,
    run: failover((lab, holder) => lab.network.cut(holder.machine), (lab, holder) => lab.network.mend(holder.machine)),
  },
  {
    ...row,
    name: "SIGKILL",
    title: "the holder's process is killed",
    medianMs: 300,
    worstMs: 450,
    fastMedianMs: 60,
    universal: true,
    run: failover((_, holder) => holder.child.signal("SIGKILL"), async (lab, holder) => {
      await holder.kill();
      restart(lab, holder);
    }),
  },
  {
    ...row,
    name: "SIGSTOP",
    title: "the holder's process hangs for 5 s",
    medianMs: 300,
    worstMs: 450,
    fastMedianMs: 60,
    universal: true,
    run: pauseForAWhile,
  },
  {
    ...row,
    name: "SIGTERM",
    title: "the holder is asked to leave",
    medianMs: 15,
    worstMs: null,
    universal: true,
    run: failover((_, holder) => holder.child.signal("SIGTERM"), async (lab, holder) => {
      await holder.terminate();
      restart(lab, holder);
    }),
  },
  {
    ...row,
    name: "transfer",
    title: "the leader hands over",
    medianMs: 15,
    worstMs: null,
    run: failover(transfer, () => undefined),
  },
  {
    ...row,
    name: "holder hears nobody",
    title: "datagrams of the others do not reach the holder",
    medianMs: 350,
    worstMs: null,
    run: failover((lab, { machine }) => lose(lab.network, { kind: "to", machine }), (lab) => loseNothing(lab.network)),
  },
  {
    ...row,
    name: "nobody hears the holder",
    title: "the holder's datagrams do not reach the others",
    medianMs: 350,
    worstMs: null,
    run: failover(
      (lab, { machine }) => lose(lab.network, { kind: "from", machine }),
      (lab) => loseNothing(lab.network),
    ),
  },
  {
    ...row,
    name: "20 % loss",
    title: "every fifth datagram between the members is lost for 30 s",
    medianMs: null,
    worstMs: null,
    keepsHolder: true,
    run: loss,
  },
  {
    ...row,
    name: "majority lost",
    title: "both others are cut off",
    measures: "let go",
    medianMs: 250,
    worstMs: 250,
    run: majorityLost,
  },
  {
    ...row,
    name: "restart",
    title: "all are killed, two are started again",
    measures: "served again",
    medianMs: 1000,
    worstMs: null,
    run: restartAll,
  },
];

/** The row of that name. */
export function faultNamed(name: FaultName): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  assert(fault !== undefined, `there is a fault "${name}"`);
  return fault;
}

/** Does `fault` to the holder of a cluster that is well, waits until it is well again and says what the probes saw. */
export async function runFault(lab: Lab, fault: Fault): Promise<FaultResult> {
  const holder = await lab.settled();
  lab.probes.clear();
  await sleep(WATCH_MS);
  const moments = await fault.run(lab, holder);
  const after = await lab.settled();
  const { pings, samples } = lab.probes;
  const span = { fromMs: moments.atMs - WATCH_MS / 2, untilMs: pings.knownMs };
  return {
    fault: fault.name,
    outageMs: perFamily((family) => figure(lab, family, { fault, moments, span })),
    maxAnswering: perFamily((family) => machinesAtOnce(samples.inquiries(family), span)),
    before: holder.name,
    after: after.name,
    blindMs: Math.max(...FAMILIES.map((family) => blindMs(pings.sentMs(family), span))),
  };
}

/** Undoes whatever a fault that failed half-way left behind, so that the next one finds a cluster that is well. */
export async function heal(lab: Lab): Promise<void> {
  loseNothing(lab.network);
  for (const node of lab.nodes) {
    lab.network.mend(node.machine);
    if (node.running) node.resume();
  }
  await lab.startAll();
}

function figure(lab: Lab, family: Family, run: { fault: Fault; moments: Moments; span: Span }): number {
  const { atMs, mendedMs } = run.moments;
  const { pings, others, samples } = lab.probes;
  switch (run.fault.measures) {
    case "outage":
      return ownOutageMs(pings.pings(family), run.span, others.pings(family));
    case "let go": {
      const last = lastAnswerMs(samples.inquiries(family), { fromMs: atMs, untilMs: mendedMs });
      return last === null ? 0 : last - atMs;
    }
    case "served again":
      return (firstReplyMs(pings.pings(family), atMs) ?? Infinity) - atMs;
  }
}

function perFamily(of: (family: Family) => number): PerFamily {
  return { 4: of(4), 6: of(6) };
}
