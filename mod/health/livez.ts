/** `GET /livez` of an API server, and what its answer says. */

import type { Clock } from "../base/clock.ts";
import type { KubeClient } from "../kube/api.ts";
import type { CheckResult } from "./threshold.ts";

/** A server at work answers within milliseconds. */
export const LIVEZ_LIMIT_MS = 1000;
/** Part of the limit after which "no answer" was a time-out and not a connection that broke. */
const TIMED_OUT_MS = 0.9 * LIVEZ_LIMIT_MS;

/**
 * Asks once; never throws. A server that refuses the question (401, 403, 404, 429) lives: only its own trouble (5xx) counts against it.
 */
export async function askLivez(client: Pick<KubeClient, "request">, clock: Clock): Promise<CheckResult> {
  const startMs = clock.now();
  const answer = await client.request<unknown>({ method: "GET", path: "/livez", limitMs: LIVEZ_LIMIT_MS });
  switch (answer.outcome) {
    case "ok":
      return { outcome: "good" };
    case "refused":
      if (answer.status < 500) return { outcome: "good" };
      return { outcome: "ailing", why: `the API server is not well (it answered ${answer.status} to /livez)` };
    case "unreachable": {
      const why = `the API server does not answer (${answer.cause})`;
      return { outcome: clock.now() - startMs < TIMED_OUT_MS ? "gone" : "ailing", why };
    }
  }
}
