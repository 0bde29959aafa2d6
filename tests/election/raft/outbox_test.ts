import assert from "node:assert/strict";
import { Outbox } from "../../../mod/election/raft/outbox.ts";
import type { Message } from "../../../mod/election/raft/types.ts";

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

Deno.test("of what waits, the newest of each kind to each receiver for each batch is kept", () => {
  const outbox = new Outbox();
  const queue = (to: string, message: Message, needsSeq: number): void =>
    outbox.send(to, message, { needsSeq, durableSeq: 0 });
  for (let term = 1; term <= 1000; term++) {
    queue("b", { type: "resign", term }, 1);
    queue("b", { type: "timeoutNow", term }, 1);
    queue("c", { type: "resign", term }, 1);
  }
  queue("b", { type: "resign", term: 1001 }, 2);
  assert.equal(outbox.heldBack, 4);
  const taken = (): string[] =>
    outbox.take().map(({ to, message }) => `${to} ${message.type} ${"term" in message && message.term}`);
  outbox.release(1);
  assert.deepEqual(taken(), ["b resign 1000", "b timeoutNow 1000", "c resign 1000"]);
  outbox.release(2);
  assert.deepEqual(taken(), ["b resign 1001"]);
});

Deno.test("no more than 1024 messages wait, the oldest goes first", () => {
  const outbox = new Outbox();
  for (let peer = 0; peer < 1030; peer++) {
    outbox.send(`m${peer}`, { type: "resign", term: 1 }, { needsSeq: 1, durableSeq: 0 });
  }
  assert.equal(outbox.heldBack, 1024);
  outbox.release(1);
  assert.equal(outbox.take()[0]?.to, "m6");
});
