import assert from "node:assert/strict";
import { seededRandom } from "../fakes/random.ts";
import { EventQueue } from "./queue.ts";

Deno.test("events run in order of their moment, equal ones in the order they were made", () => {
  const random = seededRandom(3);
  const queue = new EventQueue();
  const moments = Array.from({ length: 500 }, () => Math.floor(100 * random()));
  const ran: { at: number; made: number }[] = [];
  moments.forEach((at, made) => queue.at(at, () => ran.push({ at: queue.now, made })));
  queue.runUntil(1000);
  const expected = moments.map((at, made) => ({ at, made })).toSorted((a, b) => a.at - b.at || a.made - b.made);
  assert.deepEqual(ran, expected);
  assert.equal(queue.now, 1000);
});
