/** Stopping what an agent has made, one part after the other, in bounded time. */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../observe/log.ts";
import { DeadlineError, withDeadline } from "../runtime/deadline.ts";

/** A stop that takes longer is given up; the kernel ends the holds by itself. */
const STOP_LIMIT_MS = 10_000;
/** Also what comes last gets a chance. */
const LEAST_MS = 100;

/** What is stopped, in words, and how. */
export type StopStep = readonly [what: string, stop: () => Promise<void> | void];

/** Stops the parts in this order. One that fails or takes too long is logged, and does not keep the next from being stopped. */
export async function stopInOrder(
  steps: readonly StopStep[],
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  const endMs = clock.now() + STOP_LIMIT_MS;
  for (const [what, step] of steps) {
    const limitMs = Math.max(LEAST_MS, endMs - clock.now());
    try {
      await withDeadline(Promise.resolve(step()), { clock, limitMs, what });
    } catch (error) {
      const cause = error instanceof DeadlineError ? error.message : String(error);
      log.error("could not stop in order", { what, cause });
    }
  }
}
