import assert from "node:assert/strict";
import { Counters, OpenClients } from "../../../mod/balance/user/counters.ts";

Deno.test("what one end counts the other end sees", () => {
  const writer = Counters.make(3);
  const reader = new Counters(writer.buffer);
  writer.countAccepted();
  writer.began(1);
  writer.began(1);
  writer.ended(1);
  writer.failed(1);
  writer.moved(1, 2 ** 40);
  writer.setEjected(2, true);
  assert.equal(reader.accepted, 1);
  assert.deepEqual(reader.of(1), { connections: 1, total: 2, failures: 1, bytes: 2 ** 40 });
  assert.deepEqual(reader.of(0), { connections: 0, total: 0, failures: 0, bytes: 0 });
  assert.deepEqual([reader.isEjected(1), reader.isEjected(2)], [false, true]);
});

Deno.test("there is room for four times as many backends; beyond that they share the last slot", () => {
  const counters = Counters.make(1000);
  assert.equal(counters.slots, 4000);
  counters.began(3999);
  counters.began(123_456);
  assert.equal(counters.of(3999).connections, 2);
});

Deno.test("places are given up to the limit, whoever asks; only who has come counts as open", () => {
  const one = new OpenClients();
  const other = new OpenClients(one.buffer);
  assert.deepEqual([one.take(2), other.take(2), one.take(2)], [true, true, false]);
  assert.equal(one.count, 0);
  other.opened();
  one.opened();
  assert.equal(one.count, 2);
  other.closed();
  assert.equal(one.count, 1);
  assert.ok(one.take(2));
  one.giveBack();
  assert.deepEqual([one.take(2), one.take(2)], [true, false]);
});
