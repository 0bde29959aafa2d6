import assert from "node:assert/strict";
import { Ledger } from "../../../mod/election/raft/ledger.ts";
import { RaftLog } from "../../../mod/election/raft/log.ts";

const hard = { term: 1, vote: null, joining: false };
const data = new Uint8Array(0);

function terms(ledger: Ledger): unknown[] {
  return ledger.ready().send.map(({ message }) => "term" in message && message.term);
}

Deno.test("a vote leaves after the term and vote are durable, an acknowledged entry after the log (§3.8)", () => {
  const log = new RaftLog(null);
  const ledger = new Ledger(log, hard);
  ledger.setHard({ term: 2 });
  ledger.sendAfterHard("b", { type: "resign", term: 1 });
  log.add(2, data);
  ledger.sendAfterLog("b", { type: "timeoutNow", term: 2 });
  ledger.send("b", { type: "resign", term: 3 });
  const ready = ledger.ready();
  assert.deepEqual(ready.send.map(({ message }) => message.type === "resign" && message.term), [3]);
  assert.deepEqual([ready.batch?.hard?.term, ready.batch?.entries.length], [2, 1]);
  assert.ok(!ledger.isHardDurable);
  ledger.persisted(ready.batch?.seq ?? 0);
  assert.ok(ledger.isHardDurable);
  assert.deepEqual(terms(ledger), [1, 2]);
  assert.equal(log.durableIndex, 1);
});

Deno.test("there is one batch at a time; what changes meanwhile becomes one batch after it", () => {
  const log = new RaftLog(null);
  const ledger = new Ledger(log, hard);
  log.add(1, data);
  const first = ledger.ready().batch;
  log.add(1, data);
  ledger.setHard({ term: 2 });
  ledger.setHard({ vote: "b" });
  log.add(2, data);
  assert.ok(!ledger.hasReady);
  assert.equal(ledger.ready().batch, null);
  ledger.sendAfterLog("b", { type: "resign", term: 1 });
  ledger.persisted(first?.seq ?? 0);
  assert.equal(log.durableIndex, 1);
  const second = ledger.ready();
  assert.deepEqual([second.send.length, second.batch?.hard, second.batch?.entries.length], [
    0,
    { term: 2, vote: "b", joining: false },
    2,
  ]);
  ledger.persisted(second.batch?.seq ?? 0);
  assert.deepEqual(terms(ledger), [1]);
});

Deno.test("what promises nothing new waits for nothing: a beat is answered while entries are being written", () => {
  const log = new RaftLog(null);
  const ledger = new Ledger(log, hard);
  log.add(1, data);
  ledger.ready();
  ledger.sendAfterHard("b", { type: "resign", term: 1 });
  ledger.sendAfterLog("b", { type: "resign", term: 2 });
  assert.deepEqual(terms(ledger), [1]);
});

Deno.test("hard state that does not change costs no write", () => {
  const ledger = new Ledger(new RaftLog(null), hard);
  ledger.setHard({ term: 1, vote: null });
  assert.ok(!ledger.hasReady);
});

Deno.test("a word about a batch that is not under way changes nothing", () => {
  const ledger = new Ledger(new RaftLog(null), hard);
  ledger.setHard({ term: 2 });
  ledger.ready();
  ledger.persisted(7);
  assert.ok(!ledger.isHardDurable);
});

Deno.test("a vote for another is owed until it is on disk", () => {
  const ledger = new Ledger(new RaftLog(null), hard);
  ledger.setHard({ term: 2 });
  assert.equal(ledger.owesVote("a"), false);
  ledger.setHard({ vote: "b" });
  assert.deepEqual([ledger.owesVote("a"), ledger.owesVote("b")], [true, false]);
  ledger.persisted(ledger.ready().batch?.seq ?? 0);
  assert.equal(ledger.owesVote("a"), false);
});
