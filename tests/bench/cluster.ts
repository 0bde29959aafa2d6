/** What a control plane's clients notice of each fault, by election: the table of issue 4, measured several times. */

import { median, worst } from "../lab/analysis.ts";
import { FAMILIES } from "../lab/records.ts";
import {
  type ClusterFault,
  type ClusterResult,
  healWorld,
  LEASE_FAULTS,
  NODE_FAULTS,
  runClusterFault,
  SERVER_FAULTS,
} from "../cluster/faults.ts";
import { type LeaseSeconds, type ManagerOptions, withWorld, type World } from "../cluster/program.ts";
import { ensurePrograms } from "../kubernetes/build.ts";
import { number, option, print, table } from "./report.ts";

const RUNS = 3;

interface Contestant {
  readonly name: string;
  readonly options: ManagerOptions;
  readonly faults: readonly ClusterFault[];
}

function lease(duration: number, renewDeadline: number, retryPeriod: number): LeaseSeconds {
  return { duration, renewDeadline, retryPeriod };
}

const FAULTS = [...NODE_FAULTS, ...SERVER_FAULTS];
const CONTESTANTS: readonly Contestant[] = [
  {
    name: "15/10/2",
    options: { election: "kubernetes", times: lease(15, 10, 2) },
    faults: [...FAULTS, ...LEASE_FAULTS],
  },
  { name: "5/3/1", options: { election: "kubernetes", times: lease(5, 3, 1) }, faults: [...FAULTS, ...LEASE_FAULTS] },
  { name: "peers", options: { election: "peers", times: lease(15, 10, 2) }, faults: FAULTS },
];

/** Measures and prints. */
export async function benchCluster(args: readonly string[]): Promise<void> {
  const runs = Number(option(args, "runs") ?? RUNS);
  const wanted = option(args, "elections")?.split(",");
  const programs = await ensurePrograms((name) => Deno.env.get(name), print);
  if (programs.outcome !== "ready") {
    print(`No API servers here: ${programs.outcome === "broken" ? programs.output : programs.reason}`);
    return;
  }
  const rows = [[
    "election",
    "fault",
    "runs",
    "outage median ms",
    "worst",
    "another answers after",
    "machines at once",
  ]];
  for (const { name, options, faults } of CONTESTANTS) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    await withWorld(programs.paths, options, async (world) => {
      await world.lab.startAll();
      for (const fault of faults) {
        const results = await measure(world, fault, { runs, times: options.times });
        rows.push([name, ...summary(fault, results)]);
        print(rows.at(-1)?.join(" · "));
      }
    });
  }
  print();
  print(table(rows));
}

async function measure(
  world: World,
  fault: ClusterFault,
  { runs, times }: { readonly runs: number; readonly times: LeaseSeconds },
): Promise<ClusterResult[]> {
  const results: ClusterResult[] = [];
  for (let run = 0; run < runs; run++) {
    try {
      results.push(await runClusterFault(world, fault, times));
    } catch (error) {
      print(`${fault.title}: ${error instanceof Error ? error.message : error}`);
      await healWorld(world);
    }
  }
  return results;
}

function summary(fault: ClusterFault, results: readonly ClusterResult[]): string[] {
  const outages = results.map(({ outageMs }) => Math.max(...FAMILIES.map((family) => outageMs[family])));
  const moves = results.flatMap(({ movedMs }) => movedMs === null ? [] : [movedMs]);
  const most = Math.max(0, ...results.map(({ maxAnswering }) => Math.max(maxAnswering[4], maxAnswering[6])));
  return [
    fault.title,
    String(results.length),
    number(median(outages)),
    number(worst(outages)),
    moves.length === 0 ? "–" : number(median(moves)),
    String(most),
  ];
}
