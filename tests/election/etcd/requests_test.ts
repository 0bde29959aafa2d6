import assert from "node:assert/strict";
import type { Outcome, Step } from "../../../mod/election/etcd/core.ts";
import { type EtcdRequests, perform } from "../../../mod/election/etcd/requests.ts";
import type { EtcdAnswer } from "../../../mod/election/etcd/types.ts";

const STANDING = { name: "node1", bootId: "boot1", unfit: false };
const OF = { place: "9", lease: "9", createRevision: 1, markRevision: 2, standing: STANDING };
const STEPS: Record<Step["do"], Step> = {
  look: { do: "look", limitMs: 1 },
  grant: { do: "grant", lease: "1", ttlSeconds: 15, limitMs: 1 },
  keep: { do: "keep", lease: "1", limitMs: 1 },
  stand: { do: "stand", lease: "1", standing: STANDING, limitMs: 1 },
  resume: { do: "resume", lease: "1", of: OF, limitMs: 1 },
  revoke: { do: "revoke", lease: "1", limitMs: 1 },
};

/** Answers everything alike. */
function answering(answer: EtcdAnswer<never>): EtcdRequests {
  const always = (): Promise<EtcdAnswer<never>> => Promise.resolve(answer);
  return { txn: always, grantLease: always, keepLease: always, revokeLease: always };
}

async function outcomes(etcd: EtcdRequests): Promise<Record<string, Outcome["is"]>> {
  const all: Record<string, Outcome["is"]> = {};
  for (const step of Object.values(STEPS)) all[step.do] = (await perform(etcd, "p", step)).is;
  return all;
}

Deno.test("a request without an answer has failed, whichever it was", async () => {
  const failed = {
    look: "failed",
    grant: "failed",
    keep: "failed",
    stand: "failed",
    resume: "failed",
    revoke: "failed",
  };
  assert.deepEqual(await outcomes(answering({ outcome: "unreachable", cause: "x" })), failed);
  assert.deepEqual(await outcomes(answering({ outcome: "refused", code: 7, message: "x" })), failed);
});

Deno.test("a lease that is not found is gone, for those who need it", async () => {
  const answer = { outcome: "refused", code: 5, message: "requested lease not found" } as const;
  const all = await outcomes(answering(answer));
  assert.deepEqual([all["keep"], all["stand"], all["resume"], all["look"]], ["gone", "gone", "gone", "failed"]);
});

Deno.test("what etcd has answered is said in the core's words", async () => {
  const etcd: EtcdRequests = {
    txn: () => Promise.resolve({ outcome: "ok", body: { succeeded: false, revision: 3, ranges: [] } }),
    grantLease: () => Promise.resolve({ outcome: "ok", body: { ttlSeconds: 15 } }),
    keepLease: () => Promise.resolve({ outcome: "ok", body: { ttlSeconds: 0 } }),
    revokeLease: () => Promise.resolve({ outcome: "ok", body: null }),
  };
  assert.deepEqual(await outcomes(etcd), {
    look: "seen",
    grant: "alive",
    keep: "gone",
    stand: "done",
    resume: "done",
    revoke: "done",
  });
  assert.deepEqual(await perform(etcd, "p", STEPS.grant), { is: "alive", ttlMs: 15_000 });
});
