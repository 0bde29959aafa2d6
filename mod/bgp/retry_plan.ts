/** When to try again after an end. Pure. */

import type { Random } from "../base/clock.ts";

/** The shortest wait: nothing is tried in a loop. */
const MIN_MS = 250;
/** And the longest without damping: a router that is back is found within two seconds. */
const MAX_MS = 1000;
/** Damping doubles from here. */
const FIRST_DAMPED_MS = 1000;
const MAX_DAMPED_MS = 30_000;
/** A session that has lasted so long is in order, whatever ends it. */
const GOOD_LIFE_MS = 60_000;

/** How a session or an attempt has ended. */
export type EndKind =
  /** By a NOTIFICATION about an error of the protocol, of either side: trying at once would only repeat it. */
  | "protocol-error"
  /** Anything else. */
  | "other";

/** What to do after an end. */
export interface Wait {
  readonly ms: number;
  /** Nobody may connect meanwhile either. */
  readonly isDamped: boolean;
}

/** Remembers how often one peer's sessions have ended by errors. */
export class RetryPlan {
  #errors = 0;

  /** Something has ended that was established for `lifeMs` (0: never). */
  ended(kind: EndKind, lifeMs: number, { random }: { random: Random }): Wait {
    if (lifeMs >= GOOD_LIFE_MS) this.#errors = 0;
    if (kind === "other") return { ms: MIN_MS + (MAX_MS - MIN_MS) * random(), isDamped: false };
    const fullMs = Math.min(MAX_DAMPED_MS, FIRST_DAMPED_MS * 2 ** this.#errors);
    if (fullMs < MAX_DAMPED_MS) this.#errors += 1;
    return { ms: fullMs * (0.75 + 0.25 * random()), isDamped: true };
  }

  /** Forgets: somebody has changed something. */
  reset(): void {
    this.#errors = 0;
  }
}
