/** How long the client is without service after each fault, and how many machines answered: the table of issue 3, measured often. */

import { median, worst } from "../lab/analysis.ts";
import { type Fault, type FaultResult, FAULTS, heal, runFault } from "../lab/faults.ts";
import { Lab, type LabOptions } from "../lab/lab.ts";
import { FAMILIES } from "../lab/records.ts";
import { Keepalived } from "./keepalived.ts";
import { number, option, print, table } from "./report.ts";

const RUNS = 10;
/** A run during which the prober itself stood still for longer is repeated: it measured the machine, not the cluster. */
const BLIND_MS = 30;
const MOST_REPEATS = 2;

interface Contestant {
  readonly name: string;
  readonly key: "default" | "fast" | "keepalived";
  readonly lab: LabOptions;
  readonly faults: readonly Fault[];
  readonly bound: (fault: Fault) => number | null;
}

const CONTESTANTS: readonly Contestant[] = [
  { name: "default", key: "default", lab: {}, faults: FAULTS, bound: (fault) => fault.medianMs },
  {
    name: "fast",
    key: "fast",
    lab: { timing: "fast" },
    faults: FAULTS,
    bound: (fault) => fault.fastMedianMs,
  },
  ...[1, 0.1, 0.01].map((advertSeconds): Contestant => ({
    name: `keepalived ${advertSeconds} s`,
    key: "keepalived",
    lab: { daemon: new Keepalived(advertSeconds) },
    faults: FAULTS.filter((fault) => fault.universal),
    bound: () => null,
  })),
];

/** Measures and prints. */
export async function benchFailover(args: readonly string[]): Promise<void> {
  const runs = Number(option(args, "runs") ?? RUNS);
  const daemons = option(args, "daemons")?.split(",");
  const faults = option(args, "faults")?.split(",");
  const rows = [[
    "who",
    "fault on the holder",
    "runs",
    "median ms",
    "worst ms",
    "bound",
    "",
    "machines at once",
    "holder stayed",
  ]];
  for (const contestant of CONTESTANTS) {
    if (daemons !== undefined && !daemons.includes(contestant.key)) continue;
    const wanted = contestant.faults.filter((fault) => faults === undefined || faults.includes(fault.name));
    rows.push(...await compete(contestant, wanted, { runs }));
  }
  print();
  print(table(rows));
  print();
  print(
    "Outage: from the first echo request without a reply to the first reply, one request each 5 ms and family, the worse",
  );
  print(`family counts. A run in which the prober stood still for more than ${BLIND_MS} ms is repeated.`);
}

async function compete(
  contestant: Contestant,
  faults: readonly Fault[],
  options: { readonly runs: number },
): Promise<string[][]> {
  const rows: string[][] = [];
  for (const fault of faults) {
    const results = await measure(contestant, fault, options.runs);
    rows.push(summary(contestant, fault, results));
    const figures = results.map((result) => number(figure(result))).join(" ");
    print(`${contestant.name}, ${fault.title}: ${figures} ms; machines at once: ${mostMachines(results)}`);
  }
  return rows;
}

/** A laboratory for each fault, so that one that goes wrong does not colour the others. */
async function measure(contestant: Contestant, fault: Fault, runs: number): Promise<FaultResult[]> {
  const results: FaultResult[] = [];
  await Lab.with(contestant.lab, async (lab) => {
    await lab.startAll();
    for (let attempt = 0; results.length < runs && attempt < runs * MOST_REPEATS; attempt++) {
      const result = await attemptFault(lab, fault);
      if (result === null) continue;
      const last = attempt + runs - results.length >= runs * MOST_REPEATS;
      if (result.blindMs <= BLIND_MS || last) results.push(result);
    }
  });
  return results;
}

async function attemptFault(lab: Lab, fault: Fault): Promise<FaultResult | null> {
  try {
    return await runFault(lab, fault);
  } catch (error) {
    print(`a run of "${fault.title}" failed: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
    await heal(lab);
    return null;
  }
}

function figure(result: FaultResult): number {
  return Math.max(...FAMILIES.map((family) => result.outageMs[family]));
}

function mostMachines(results: readonly FaultResult[]): number {
  return Math.max(0, ...results.flatMap((result) => FAMILIES.map((family) => result.maxAnswering[family])));
}

function summary(contestant: Contestant, fault: Fault, results: readonly FaultResult[]): string[] {
  const figures = results.map(figure);
  const bound = contestant.bound(fault);
  const stayed = results.filter((result) => result.before === result.after).length;
  return [
    contestant.name,
    fault.measures === "outage" ? fault.title : `${fault.title}: ${fault.measures}`,
    String(results.length),
    number(median(figures)),
    number(worst(figures)),
    bound === null ? "" : `≤ ${bound}`,
    bound === null ? "" : median(figures) <= bound ? "met" : "missed",
    String(mostMachines(results)),
    fault.keepsHolder ? `${stayed} of ${results.length}` : "",
  ];
}
