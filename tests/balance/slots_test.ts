import assert from "node:assert/strict";
import { Slots } from "../../mod/balance/slots.ts";

Deno.test("places are handed out up to the limit, then in the order of asking", async () => {
  const slots = new Slots(2);
  assert.ok(slots.isHalfEmpty);
  assert.equal(await slots.take(), true);
  assert.equal(await slots.take(), true);
  assert.deepEqual([slots.isFull, slots.isHalfEmpty, slots.taken], [true, false, 2]);
  const order: string[] = [];
  const first = slots.take().then((granted) => order.push(`first ${granted}`));
  const second = slots.take().then((granted) => order.push(`second ${granted}`));
  slots.free();
  await first;
  slots.free();
  await second;
  assert.deepEqual(order, ["first true", "second true"]);
  assert.equal(slots.taken, 2);
  slots.free();
  slots.free();
  assert.equal(slots.taken, 0);
});

Deno.test("closing sends those who wait away", async () => {
  const slots = new Slots(1);
  await slots.take();
  const waiting = slots.take();
  slots.close();
  assert.equal(await waiting, false);
  slots.free();
  assert.equal(await slots.take(), false);
  assert.equal(slots.taken, 0);
});

Deno.test("more places let those in who wait; with fewer nobody gets in until enough have left", async () => {
  const slots = new Slots(1);
  await slots.take();
  const granted: number[] = [];
  const waiting = [1, 2, 3].map((n) => slots.take().then(() => granted.push(n)));
  slots.resize(3);
  await Promise.all(waiting.slice(0, 2));
  assert.deepEqual([granted, slots.taken], [[1, 2], 3]);
  slots.resize(1);
  slots.free();
  slots.free();
  await Promise.resolve();
  assert.deepEqual([granted, slots.taken, slots.isFull], [[1, 2], 1, true]);
  slots.free();
  await Promise.all(waiting);
  assert.deepEqual([granted, slots.taken], [[1, 2, 3], 1]);
});
