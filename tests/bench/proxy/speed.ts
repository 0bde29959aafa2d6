/** How much goes through: bulk, small requests, new connections, large answers. */

import { median } from "../../lab/analysis.ts";
import { number, print, table } from "../report.ts";
import { BIG_PATH, type Kind } from "./configs.ts";
import { bestOf, describeGoal, type Goal, pairedRatio, rotated, verdict } from "./figures.ts";
import type { BenchedEngine, BenchOptions } from "./options.ts";
import { parseIperf, parseWrk } from "./parse.ts";
import { type Contestant, cpuSecondsOf, ours, startContestants, World } from "./world.ts";

const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1;
/** iperf3 serves one client at a time and may still be busy with the one before. */
const ATTEMPTS = 3;
const MEGABYTES_PER_GIGABIT = 125;

type Figure = "bulk" | "keep-alive" | "new" | "large";

/** One line of figures. */
interface Measure {
  readonly title: string;
  readonly kind: Kind;
  readonly figure: Figure;
  readonly decimals: number;
}

const MEASURES: readonly Measure[] = [
  { title: "bulk, one connection, Gbit/s", kind: "bulk", figure: "bulk", decimals: 1 },
  { title: "keep-alive requests, 1/s", kind: "tcp", figure: "keep-alive", decimals: 0 },
  { title: "new connections, 1/s", kind: "tcp", figure: "new", decimals: 0 },
  { title: "keep-alive requests, 1/s", kind: "http", figure: "keep-alive", decimals: 0 },
  { title: "new connections, 1/s", kind: "http", figure: "new", decimals: 0 },
  { title: "1 MiB answers, 1/s", kind: "http", figure: "large", decimals: 0 },
];

/** Whom an engine is compared with, and how it should come out. */
interface Comparison {
  readonly engine: BenchedEngine;
  readonly measure: (measure: Measure) => boolean;
  readonly against: readonly ("direct" | "HAProxy" | "nginx")[];
  readonly goal: (measure: Measure) => Goal | null;
}

const KERNEL_GOALS: Readonly<Record<Figure, Goal | null>> = {
  bulk: { atLeast: 2 },
  "keep-alive": { atLeast: 1.5 },
  new: { atLeast: 1.5 },
  large: null,
};
const USER_TCP_GOALS: Readonly<Record<Figure, Goal | null>> = {
  bulk: { atLeast: 1.2 },
  "keep-alive": { atLeast: 1 },
  new: { atLeast: 1 },
  large: null,
};
const USER_HTTP_GOALS: Readonly<Record<Figure, Goal | null>> = {
  bulk: null,
  "keep-alive": { atLeast: 0.7 },
  new: { atLeast: 0.7 },
  large: { atLeast: 1 },
};

const isHttp = ({ kind }: Measure): boolean => kind === "http";
const isPlain = ({ kind }: Measure): boolean => kind !== "http";
const anything = (): null => null;

/** The goals of issue 6 for speed. */
const COMPARISONS: readonly Comparison[] = [
  { engine: "kernel", measure: isPlain, against: ["HAProxy"], goal: ({ figure }) => KERNEL_GOALS[figure] },
  { engine: "kernel", measure: ({ figure }) => figure === "bulk", against: ["direct"], goal: () => ({ atLeast: 0.9 }) },
  { engine: "user", measure: isPlain, against: ["HAProxy"], goal: ({ figure }) => USER_TCP_GOALS[figure] },
  { engine: "user", measure: isHttp, against: ["HAProxy", "nginx"], goal: ({ figure }) => USER_HTTP_GOALS[figure] },
  { engine: "listen", measure: isPlain, against: ["HAProxy"], goal: anything },
  { engine: "listen", measure: isHttp, against: ["HAProxy", "nginx"], goal: anything },
];

/** One round. */
interface Sample {
  /** NaN: it failed. */
  readonly figure: number;
  /** Processor time of the proxy's own processes for a request, or for a megabyte of bulk. */
  readonly cpuUs: number;
}

/** The rounds of each contestant. */
type Figures = ReadonlyMap<Contestant, readonly Sample[]>;

/** Measures and prints. */
export async function benchSpeed(options: BenchOptions): Promise<void> {
  await World.with(async (world) => {
    const others = (["direct", "HAProxy", "nginx"] as const).map((kind) => ({ kind }));
    const contestants = await startContestants(world, [...others, ...ours(options.engines, options.programs)]);
    const all = new Map<Measure, Figures>();
    for (const measure of MEASURES) all.set(measure, await compete(world, { measure, contestants, options }));
    print(table(figureRows(all, contestants)));
    print();
    print(table(cpuRows(all, contestants)));
    print();
    print(table(ratioRows(all, contestants)));
    print();
    print(
      `Medians of ${options.rounds} rounds of ${options.seconds} s, ratios of the same round; ${CONNECTIONS} connections;`,
    );
    print("client, backend and proxies share the processors.");
    for (const note of new Set(world.notes)) print(`- ${note}`);
  });
}

async function compete(
  world: World,
  job: { measure: Measure; contestants: readonly Contestant[]; options: BenchOptions },
): Promise<Figures> {
  const { measure, contestants, options } = job;
  const able = contestants.filter(({ ports }) => ports[measure.kind] !== null);
  const figures = new Map<Contestant, Sample[]>(able.map((contestant) => [contestant, []]));
  for (const contestant of able) await once(world, contestant, { measure, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < options.rounds; round++) {
    for (const contestant of rotated(able, round)) {
      figures.get(contestant)?.push(await once(world, contestant, { measure, seconds: options.seconds }));
    }
  }
  return figures;
}

async function once(
  world: World,
  contestant: Contestant,
  what: { measure: Measure; seconds: number },
): Promise<Sample> {
  const { measure, seconds } = what;
  const port = contestant.ports[measure.kind] ?? 0;
  for (let attempt = 1;; attempt++) {
    try {
      const before = cpuSecondsOf(contestant);
      const figure = await figureOf(world, contestant, { figure: measure.figure, port, seconds });
      const units = figure * seconds * (measure.figure === "bulk" ? MEGABYTES_PER_GIGABIT : 1);
      return { figure, cpuUs: (cpuSecondsOf(contestant) - before) * 1e6 / units };
    } catch (error) {
      const why = error instanceof Error ? error.message.split("\n").slice(0, 4).join(" ") : String(error);
      if (measure.figure === "bulk" && attempt < ATTEMPTS) continue;
      world.notes.push(`${contestant.name}, ${measure.title} (${measure.kind}): ${why}`);
      return { figure: NaN, cpuUs: NaN };
    }
  }
}

async function figureOf(
  world: World,
  { name, host }: Contestant,
  what: { figure: Figure; port: number; seconds: number },
): Promise<number> {
  const { figure, port, seconds } = what;
  if (figure === "bulk") {
    const argv = ["iperf3", "-J", "-c", host, "-p", String(port), "-t", String(seconds)];
    return parseIperf(await world.run(argv, seconds)) / 1e9;
  }
  const { requestsPerSecond, troubles } = parseWrk(await world.run(wrk(host, port, { figure, seconds }), seconds));
  for (const trouble of troubles) world.notes.push(`${name}, port ${port}, ${figure}: ${trouble}`);
  return requestsPerSecond;
}

/** The command line of wrk for one of the figures. */
export function wrk(host: string, port: number, what: { figure: Figure; seconds: number }): string[] {
  const headers = what.figure === "new" ? ["-H", "Connection: close"] : [];
  const path = what.figure === "large" ? BIG_PATH : "/";
  // One thread of wrk is busier than the fastest of those it measures.
  return ["wrk", "-t2", `-c${CONNECTIONS}`, `-d${what.seconds}s`, ...headers, `http://${host}:${port}${path}`];
}

function figureRows(all: ReadonlyMap<Measure, Figures>, contestants: readonly Contestant[]): string[][] {
  const rows = [["measure", "through", ...contestants.map(({ name }) => name)]];
  for (const [measure, figures] of all) {
    const cells = contestants.map((one) => number(median(valuesOf(figures.get(one))), measure.decimals));
    rows.push([measure.title, isHttp(measure) ? "http" : "tcp", ...cells]);
  }
  return rows;
}

/** What each contestant's own processes did for it. What the kernel does for its balancers is in nobody's account. */
function cpuRows(all: ReadonlyMap<Measure, Figures>, contestants: readonly Contestant[]): string[][] {
  const proxies = contestants.filter(({ child }) => child !== null);
  const rows = [["processor time, µs", "through", ...proxies.map(({ name }) => name)]];
  for (const [measure, figures] of all) {
    const cells = proxies.map((one) => number(median((figures.get(one) ?? []).map(({ cpuUs }) => cpuUs)), 1));
    const unit = measure.figure === "bulk" ? "per MB of bulk" : measure.title.replace(/^(.*)s, 1\/s$/, "per $1");
    rows.push([unit, isHttp(measure) ? "http" : "tcp", ...cells]);
  }
  return rows;
}

function valuesOf(samples: readonly Sample[] = []): number[] {
  return samples.map(({ figure }) => figure);
}

function ratioRows(all: ReadonlyMap<Measure, Figures>, contestants: readonly Contestant[]): string[][] {
  const rows = [["engine", "measure", "through", "against", "ratio", "goal", ""]];
  for (const comparison of COMPARISONS) {
    for (const contestant of contestants) {
      if (contestant.entry.kind !== "ours" || contestant.entry.engine !== comparison.engine) continue;
      for (const [measure, figures] of all) {
        if (comparison.measure(measure)) rows.push(ratioRow(contestant, comparison, { measure, figures }));
      }
    }
  }
  return rows;
}

function ratioRow(
  contestant: Contestant,
  comparison: Comparison,
  { measure, figures }: { measure: Measure; figures: Figures },
): string[] {
  const others = [...figures].filter(([{ entry }]) => comparison.against.some((kind) => kind === entry.kind));
  const ratio = pairedRatio(
    valuesOf(figures.get(contestant)),
    bestOf(others.map(([, samples]) => valuesOf(samples))),
  );
  const goal = comparison.goal(measure);
  const against = comparison.against.length === 1
    ? comparison.against.join()
    : `better of ${comparison.against.join(", ")}`;
  const through = isHttp(measure) ? "http" : "tcp";
  const shown = number(ratio, 2);
  return [contestant.name, measure.title, through, against, shown, describeGoal(goal), verdict(ratio, goal)];
}
