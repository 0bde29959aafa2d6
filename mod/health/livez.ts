/** Whether an API server works, as far as two questions tell: `GET /livez`, and one read through it from etcd. */

import type { KubeAnswer, KubeClient } from "../kube/api.ts";
import type { CheckResult, Limits } from "./threshold.ts";

/**
 * Times and thresholds of this check, for a holder whose server fails to be replaced within three seconds.
 *
 * The slowest case is a server that hangs right after a good answer: the next round starts up to 0.7 s later, and two rounds end without
 * an answer, one behind the other: 0.7 + 2 × 1.0 s = 2.7 s. Hand-over takes the rest of the three seconds. A server that was killed
 * refuses at once: 2 × 0.7 s = 1.4 s. Answers ≥ 500 are those of somebody who is there and may recover: at 3 × 0.7 s = 2.1 s if they come
 * at once.
 */
export const SERVER_CHECK: { readonly periodMs: number; readonly limitMs: number; readonly limits: Limits } = {
  periodMs: 700,
  /** For each question; both are asked at the same time. */
  limitMs: 1000,
  limits: { gone: 2, ailing: 3 },
};

const LIVEZ = "/livez";

/**
 * Asks both once, side by side, and gives the worse result; never throws. A server that refuses a question (401, 403, 404, 429) lives:
 * only its own trouble (5xx) and silence count against it.
 *
 * `/livez` stays 200 for many seconds after etcd is gone, while every read hangs. A GET without resourceVersion is served from a quorum
 * of etcd, whether the object exists or not. Who may not read it (403) never gets so far, and is left with the word of `/livez`.
 *
 * @param objectPath of one object that this program may read; null: `/livez` only
 */
export async function askServer(
  client: Pick<KubeClient, "request">,
  objectPath: string | null,
): Promise<CheckResult> {
  const ask = (path: string): Promise<KubeAnswer<unknown>> =>
    client.request<unknown>({ method: "GET", path, limitMs: SERVER_CHECK.limitMs });
  if (objectPath === null) return judgeLivez(await ask(LIVEZ));
  const [livez, object] = await Promise.all([ask(LIVEZ), ask(objectPath)]);
  return worse(judgeLivez(livez), judgeRead(object, objectPath));
}

function judgeLivez(answer: KubeAnswer<unknown>): CheckResult {
  return judgeAnswer(answer, { silent: "the API server does not answer", asked: LIVEZ });
}

function judgeRead(answer: KubeAnswer<unknown>, path: string): CheckResult {
  return judgeAnswer(answer, { silent: `the API server does not answer a read through etcd of ${path}`, asked: path });
}

function judgeAnswer(
  answer: KubeAnswer<unknown>,
  { silent, asked }: { readonly silent: string; readonly asked: string },
): CheckResult {
  switch (answer.outcome) {
    case "ok":
      return { outcome: "good" };
    case "refused":
      if (answer.status < 500) return { outcome: "good" };
      return { outcome: "ailing", why: `the API server is not well (it answered ${answer.status} to ${asked})` };
    case "unreachable":
      return { outcome: "gone", why: `${silent} (${answer.cause})` };
  }
}

/** `gone` is believed sooner than `ailing`. */
const BADNESS: Readonly<Record<CheckResult["outcome"], number>> = { good: 0, ailing: 1, gone: 2 };

/** The first of two that are as bad. */
function worse(first: CheckResult, second: CheckResult): CheckResult {
  return BADNESS[second.outcome] > BADNESS[first.outcome] ? second : first;
}
