/** How long requests take at half of the rate that HAProxy can do at most. */

import { median } from "../../lab/analysis.ts";
import { number, print, table } from "../report.ts";
import { describeGoal, type Goal, pairedRatio, rotated, verdict } from "./figures.ts";
import type { LatencyResult } from "./latency_client.ts";
import type { BenchOptions } from "./options.ts";
import { parseWrk } from "./parse.ts";
import { wrk } from "./speed.ts";
import { type Contestant, ours, startContestants, World } from "./world.ts";

const CLIENT = new URL("latency_client.ts", import.meta.url).pathname;
const CONNECTIONS = 32;
const PEAK_RUNS = 3;
const GOAL: Goal = { atMost: 1.25 };
const KINDS = ["tcp", "http"] as const;

type Kind = typeof KINDS[number];

/** Measures and prints. */
export async function benchLatency(options: BenchOptions): Promise<void> {
  await World.with(async (world) => {
    const contestants = await startContestants(world, [
      { kind: "HAProxy" },
      ...ours(options.engines, options.programs),
    ]);
    const rows = [[
      "through",
      "rate, 1/s",
      "contestant",
      "p50 ms",
      "p99 ms",
      "max ms",
      "missed",
      "p99 / HAProxy",
      "goal",
      "",
    ]];
    for (const kind of KINDS) rows.push(...await compete(world, { kind, contestants, options }));
    print(table(rows));
    print();
    print(
      `Half of HAProxy's rate with wrk, ${CONNECTIONS} connections, requests sent by the clock and latency counted from the`,
    );
    print(
      `moment each was due. Medians of ${options.rounds} rounds of ${options.seconds} s, ratios of the same round.`,
    );
    for (const note of new Set(world.notes)) print(`- ${note}`);
  });
}

async function compete(
  world: World,
  job: { kind: Kind; contestants: readonly Contestant[]; options: BenchOptions },
): Promise<string[][]> {
  const { kind, contestants, options } = job;
  const able = contestants.filter(({ ports }) => ports[kind] !== null);
  const reference = able.find(({ entry }) => entry.kind === "HAProxy");
  if (reference === undefined) return [];
  const rate = Math.round(await peak(world, reference, { kind, seconds: options.seconds }) / 2);
  const results = new Map<Contestant, (LatencyResult | null)[]>(able.map((one) => [one, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const contestant of rotated(able, round)) {
      results.get(contestant)?.push(await once(world, contestant, { kind, rate, seconds: options.seconds }));
    }
  }
  const theirs = p99s(results.get(reference));
  return able.map((contestant) => row(contestant, results.get(contestant) ?? [], { kind, rate, theirs }));
}

async function peak(world: World, contestant: Contestant, what: { kind: Kind; seconds: number }): Promise<number> {
  const rates: number[] = [];
  for (let run = 0; run < PEAK_RUNS; run++) {
    const argv = wrk(contestant.host, contestant.ports[what.kind] ?? 0, {
      figure: "keep-alive",
      seconds: what.seconds,
    });
    rates.push(parseWrk(await world.run(argv, what.seconds)).requestsPerSecond);
  }
  return median(rates);
}

async function once(
  world: World,
  { name, host, ports }: Contestant,
  what: { kind: Kind; rate: number; seconds: number },
): Promise<LatencyResult | null> {
  const numbers = [ports[what.kind] ?? 0, what.rate, what.seconds, CONNECTIONS].map(String);
  try {
    const program = [Deno.execPath(), "run", "-A", "--no-lock", CLIENT];
    return JSON.parse(await world.run([...program, host, ...numbers], what.seconds));
  } catch (error) {
    world.notes.push(`${name}, ${what.kind}: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

function p99s(results: readonly (LatencyResult | null)[] = []): number[] {
  return results.map((result) => result?.p99Ms ?? NaN);
}

function row(
  contestant: Contestant,
  results: readonly (LatencyResult | null)[],
  { kind, rate, theirs }: { kind: Kind; rate: number; theirs: readonly number[] },
): string[] {
  const good = results.filter((result) => result !== null);
  const isOurs = contestant.entry.kind === "ours";
  const ratio = pairedRatio(p99s(results), theirs);
  const goal = isOurs ? GOAL : null;
  const shown = (["p50Ms", "p99Ms", "maxMs"] as const).map((key) => number(median(good.map((one) => one[key])), 2));
  const missed = good.reduce((sum, one) => sum + one.missed, 0);
  const compared = [isOurs ? number(ratio, 2) : "", describeGoal(goal), verdict(ratio, goal)];
  return [kind, number(rate), contestant.name, ...shown, String(missed), ...compared];
}
