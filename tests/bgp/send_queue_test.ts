import assert from "node:assert/strict";
import { SendQueue } from "../../mod/bgp/send_queue.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

Deno.test("bytes come out in the order in which they went in, as many at a time as wanted", () => {
  const queue = new SendQueue();
  assert.deepEqual([queue.length, queue.head(10)], [0, bytes()]);
  queue.push(bytes(1, 2, 3));
  queue.push(bytes());
  queue.push(bytes(4));
  assert.deepEqual([queue.length, queue.head(2), queue.head(10)], [4, bytes(1, 2), bytes(1, 2, 3, 4)]);
  queue.drop(3);
  queue.drop(0);
  assert.deepEqual([queue.length, queue.head(10)], [1, bytes(4)]);
  queue.drop(100);
  assert.equal(queue.length, 0);
  queue.push(bytes(5));
  queue.clear();
  assert.deepEqual([queue.length, queue.head(10)], [0, bytes()]);
});

Deno.test("what was pushed is a copy", () => {
  const queue = new SendQueue();
  const lent = bytes(1);
  queue.push(lent);
  lent[0] = 2;
  assert.deepEqual(queue.head(1), bytes(1));
});

Deno.test("an empty queue holds no memory", () => {
  const queue = new SendQueue();
  queue.push(new Uint8Array(1_000_000));
  assert.ok(queue.head(1).buffer.byteLength >= 1_000_000);
  queue.drop(1_000_000);
  assert.equal(queue.head(1).buffer.byteLength, 0);
});

Deno.test("any order of pushes and drops gives what a plain list gives", () => {
  const seed = seedFromEnv(20);
  const random = seededRandom(seed);
  const queue = new SendQueue();
  let model: number[] = [];
  let largest = 0;
  for (let round = 0; round < 2000; round++) {
    const size = Math.floor(random() * 3000);
    if (random() < 0.5) {
      const more = Array.from({ length: size }, () => Math.floor(random() * 256));
      queue.push(Uint8Array.from(more));
      model = model.concat(more);
    } else {
      queue.drop(size);
      model = model.slice(size);
    }
    largest = Math.max(largest, model.length);
    assert.equal(queue.length, model.length, `seed ${seed} round ${round}`);
    assert.deepEqual([...queue.head(500)], model.slice(0, 500), `seed ${seed} round ${round}`);
  }
  assert.ok(largest > 10_000, `seed ${seed}: it never grew`);
});
