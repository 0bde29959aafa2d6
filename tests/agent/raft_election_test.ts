import assert from "node:assert/strict";
import { raftElsewhere, transferRaft } from "../../mod/agent/raft_election.ts";
import type { TransferResult } from "../../mod/election/raft/node.ts";

Deno.test("what became of a transfer is said in words that name who leads", async () => {
  const rows: readonly [TransferResult, string | null, string][] = [
    [{ outcome: "transferred", to: "b" }, null, "to b"],
    [{ outcome: "not-leader", leader: "c" }, null, "This member does not lead; c does"],
    [{ outcome: "not-leader", leader: null }, "b", "This member does not lead; nobody does"],
    [{ outcome: "no-target" }, null, "No member could take over"],
    [{ outcome: "no-target" }, "x", "x is no member that could take over"],
    [{ outcome: "not-taken" }, null, "The successor did not take over in time"],
  ];
  for (const [result, to, words] of rows) {
    const asked: (string | null)[] = [];
    const answer = await transferRaft(
      {
        transfer: (wanted) => {
          asked.push(wanted);
          return Promise.resolve(result);
        },
      },
      to,
    );
    assert.equal(answer.outcome === "transferred" ? `to ${answer.to}` : answer.why, words);
    assert.deepEqual(asked, [to]);
  }
});

Deno.test("a member's claims are believed for its lease and the longest time its kernel may need to end the hold", () => {
  const timing = { beatMs: 50, leaseMs: 200, electionMinMs: 255, electionMaxMs: 350 };
  assert.deepEqual(raftElsewhere(null, timing, "192.0.2.1"), { atMs: null, graceMs: 1450 });
  const node = { elsewhereMs: (ip: string): number | null => ip === "192.0.2.1" ? 17 : null };
  assert.equal(raftElsewhere(node, timing, "192.0.2.1").atMs, 17);
});
