/** When results of checks add up to a verdict: failures only in a row, a success at once. */

import type { Health } from "./fitness.ts";

/** What one check found. */
export type CheckResult =
  | { readonly outcome: "good" }
  /** No answer: the connection was refused or broken, or nothing came in time. Nobody is served. */
  | { readonly outcome: "gone"; readonly why: string }
  /** Somebody is there and does not do well: a bad answer. */
  | { readonly outcome: "ailing"; readonly why: string };

/** So many failures in a row make unhealthy; the kind of the last one counts. At least one each. */
export interface Limits {
  readonly gone: number;
  readonly ailing: number;
}

/** What the checks so far add up to. */
export interface Tally {
  readonly health: Health;
  /** Failures in a row. */
  readonly failures: number;
}

/** Before the first check. */
export const UNCHECKED: Tally = { health: { is: "unknown" }, failures: 0 };

/** The tally with one more result. */
export function judge(tally: Tally, result: CheckResult, limits: Limits): Tally {
  if (result.outcome === "good") return { health: { is: "healthy" }, failures: 0 };
  const failures = tally.failures + 1;
  const isOver = tally.health.is === "unhealthy" || failures >= limits[result.outcome];
  return { health: isOver ? { is: "unhealthy", why: result.why } : tally.health, failures };
}
