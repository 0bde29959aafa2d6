import assert from "node:assert/strict";
import { Outbox } from "../../../mod/election/raft/outbox.ts";

Deno.test("a message leaves when what it promises is durable, others at once and in order", () => {
  const outbox = new Outbox();
  outbox.send("b", { type: "resign", term: 1 }, { needsSeq: 2, durableSeq: 0 });
  outbox.sendNow("b", { type: "resign", term: 2 });
  outbox.send("b", { type: "resign", term: 3 }, { needsSeq: 1, durableSeq: 1 });
  const terms = (): unknown[] => outbox.take().map(({ message }) => "term" in message && message.term);
  assert.deepEqual(terms(), [2, 3]);
  assert.ok(outbox.isEmpty);
  assert.equal(outbox.heldBack, 1);
  outbox.release(1);
  assert.ok(outbox.isEmpty);
  outbox.release(2);
  assert.deepEqual(terms(), [1]);
  assert.equal(outbox.heldBack, 0);
});
