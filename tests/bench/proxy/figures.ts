/** From samples to figures, and from figures to verdicts. Pure. */

import { median } from "../../lab/analysis.ts";

/** The value that `share` (0 to 1) of the samples do not exceed, by the nearest rank; NaN for none. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? NaN;
}

/** The median of the ratios of rounds: what slows a whole round down does not count. Rounds without both figures are left out. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  const ratios = ours.map((value, round) => value / (theirs[round] ?? NaN));
  return median(ratios.filter(Number.isFinite));
}

/** The better of several contestants, round by round. */
export function bestOf(contestants: readonly (readonly number[])[]): number[] {
  const rounds = Math.max(0, ...contestants.map((figures) => figures.length));
  return Array.from({ length: rounds }, (_, round) => {
    const figures = contestants.map((one) => one[round] ?? NaN).filter(Number.isFinite);
    return figures.length === 0 ? NaN : Math.max(...figures);
  });
}

/** What a figure should be. */
export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A goal in a table. */
export function describeGoal(goal: Goal | null): string {
  if (goal?.atLeast !== undefined) return `≥ ${goal.atLeast}`;
  return goal?.atMost === undefined ? "" : `≤ ${goal.atMost}`;
}

/** Whether a figure reaches its goal, in a word; empty without a goal. */
export function verdict(value: number, goal: Goal | null): string {
  if (goal === null) return "";
  if (Number.isNaN(value)) return "not measured";
  const { atLeast = -Infinity, atMost = Infinity } = goal;
  return value >= atLeast && value <= atMost ? "met" : "missed";
}

/** How much later than the interval each event came after the one before it; early ones count as on time. Times in order. */
export function lateness(atMs: readonly number[], intervalMs: number): number[] {
  return atMs.slice(1).map((at, index) => Math.max(0, at - (atMs[index] ?? at) - intervalMs));
}

/** The contestants of a round, another one first each time. */
export function rotated<Item>(items: readonly Item[], round: number): Item[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
