/** What `/healthz` and `/readyz` ask: named checks, each with a verdict in words. */

import type { Clock } from "../base/clock.ts";
import type { LagReport } from "./lag.ts";

/** What one check says. `why` is a sentence part without a period. */
export type Verdict = { readonly is: "good" } | { readonly is: "bad"; readonly why: string };

/** One check; its answer costs nothing, as anybody may ask. */
export interface Check {
  readonly name: string;
  verdict(): Verdict;
}

/** What all checks say together: a sentence for each that is bad, none if all is well. */
export function complaints(checks: readonly Check[]): string[] {
  return checks.flatMap((check) => {
    const verdict = askSafely(check);
    return verdict.is === "good" ? [] : [oneLine(`${check.name}: ${verdict.why}`)];
  });
}

/** A check that throws is itself a sign of trouble. */
function askSafely(check: Check): Verdict {
  try {
    return check.verdict();
  } catch (error) {
    return { is: "bad", why: `the check failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

const GOOD: Verdict = { is: "good" };

/**
 * Bad while the loop was late by more than `limitMs`: at its last tick (`now`), or at any within the last minute (`lately`). An answer at
 * all proves that it runs again, so only what says that a node should not be relied on looks back.
 */
export function eventLoopCheck(
  lag: { report(): LagReport },
  limitMs: number,
  when: "now" | "lately",
): Check {
  return {
    name: "event-loop",
    verdict(): Verdict {
      const { lastMs, largestMs } = lag.report();
      const lateMs = when === "now" ? lastMs : largestMs;
      if (lateMs <= limitMs) return GOOD;
      return { is: "bad", why: `stood still for ${seconds(lateMs)}${when === "now" ? "" : " within the last minute"}` };
    },
  };
}

/** What an elector has to say of itself here: its `ElectorStatus` fits. */
export interface ElectorPulse {
  /** When it last tried anything, on the monotonic clock; null: never. */
  readonly triedMs: number | null;
  readonly trouble: string | null;
}

/**
 * Bad when an elector has tried nothing for longer than `limitMs`: it is stuck. An elector whose tries fail is not, it does what it can.
 * Before its first try, time counts from the making of the check.
 */
export function electorCheck(
  status: () => ElectorPulse,
  options: { readonly clock: Clock; readonly limitMs: number },
): Check {
  const { clock, limitMs } = options;
  const sinceMs = clock.now();
  return {
    name: "election",
    verdict(): Verdict {
      const { triedMs, trouble } = status();
      const idleMs = clock.now() - (triedMs ?? sinceMs);
      if (idleMs <= limitMs) return GOOD;
      const last = trouble === null ? "" : `; last trouble: ${trouble}`;
      return { is: "bad", why: `tried nothing for ${seconds(idleMs)}${last}` };
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
