/** Makes the requests that the election's core names, and says in its words what came of them. */
import { assertNever } from "../../base/assert.ts";
import type { Outcome, Step } from "./core.ts";
import { lookTxn, readQueue, resumeTxn, standTxn } from "./queue.ts";
import { CODE_NOT_FOUND, type Etcd, type EtcdAnswer, type LeaseTtl } from "./types.ts";

/** The part of etcd that answers once. */
export type EtcdRequests = Pick<Etcd, "txn" | "grantLease" | "keepLease" | "revokeLease">;

/** Makes one request in the queue `prefix`. Never rejects for what the network did. */
export async function perform(etcd: EtcdRequests, prefix: string, step: Step): Promise<Outcome> {
  switch (step.do) {
    case "look": {
      const answer = await etcd.txn(lookTxn(prefix), step.limitMs);
      return answer.outcome === "ok" ? { is: "seen", view: readQueue(prefix, answer.body) } : failed(answer);
    }
    case "grant":
      return leaseOutcome(await etcd.grantLease({ id: step.lease, ttlSeconds: step.ttlSeconds }, step.limitMs));
    case "keep":
      return leaseOutcome(await etcd.keepLease(step.lease, step.limitMs));
    case "stand":
      return placeOutcome(await etcd.txn(standTxn(prefix, step.lease, step.standing), step.limitMs));
    case "resume":
      return placeOutcome(await etcd.txn(resumeTxn(prefix, step.lease, step.of), step.limitMs));
    case "revoke": {
      const answer = await etcd.revokeLease(step.lease, step.limitMs);
      return answer.outcome === "ok" ? { is: "done" } : failed(answer);
    }
    default:
      return assertNever(step);
  }
}

function leaseOutcome(answer: EtcdAnswer<LeaseTtl>): Outcome {
  if (answer.outcome !== "ok") return isGone(answer) ? { is: "gone" } : failed(answer);
  const { ttlSeconds } = answer.body;
  return ttlSeconds > 0 ? { is: "alive", ttlMs: ttlSeconds * 1000 } : { is: "gone" };
}

function placeOutcome(answer: EtcdAnswer<unknown>): Outcome {
  if (answer.outcome === "ok") return { is: "done" };
  return isGone(answer) ? { is: "gone" } : failed(answer);
}

function isGone(answer: EtcdAnswer<unknown>): boolean {
  return answer.outcome === "refused" && answer.code === CODE_NOT_FOUND;
}

function failed(answer: Exclude<EtcdAnswer<unknown>, { outcome: "ok" }>): Outcome {
  return { is: "failed", cause: answer.outcome === "refused" ? `etcd: ${answer.message}` : answer.cause };
}
