import assert from "node:assert/strict";
import { ByteStream } from "../../mod/balance/byte_stream.ts";
import { IdleConnections } from "../../mod/balance/http_upstream.ts";
import { connectedPair, eventually, RawConn, streamContext } from "./kit.ts";

async function pair(): Promise<{ stream: ByteStream; peer: RawConn }> {
  const [ours, theirs] = await connectedPair();
  const stream = ByteStream.adopt(ours, streamContext());
  assert.ok(stream !== null);
  return { stream, peer: new RawConn(theirs) };
}

Deno.test("the connection used last is taken first, if it is fresh enough", async () => {
  let nowMs = 0;
  const idle = new IdleConnections(2, () => nowMs);
  const [first, second] = await Promise.all([pair(), pair()]);
  idle.put(0, first.stream);
  nowMs = 500;
  idle.put(0, second.stream);
  assert.equal(idle.take(1, Infinity), null, "another backend has none");
  nowMs = 2000;
  assert.equal(idle.take(0, 1000), null, "too old");
  assert.equal(idle.take(0, Infinity), second.stream);
  assert.equal(idle.take(0, Infinity), first.stream);
  assert.equal(idle.take(0, Infinity), null);
  await first.peer.send("x");
  assert.ok(await first.stream.fill(), "its read ahead is the next read");
  for (const one of [first, second]) {
    one.stream.cut();
    one.peer.close();
  }
  await second.stream.fill().catch(() => false);
});

Deno.test("a connection that ends or speaks unasked is dropped at once", async () => {
  const idle = new IdleConnections(1, () => 0);
  const [ended, noisy] = await Promise.all([pair(), pair()]);
  idle.put(0, ended.stream);
  idle.put(0, noisy.stream);
  ended.peer.close();
  await noisy.peer.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  await eventually(() => idle.size === 0, "both are gone");
  assert.ok(ended.stream.isClosed && noisy.stream.isClosed);
  noisy.peer.close();
});

Deno.test("there is a limit, and a closed store keeps nothing", async () => {
  const idle = new IdleConnections(1, () => 0);
  const pairs = await Promise.all(Array.from({ length: 70 }, pair));
  for (const { stream } of pairs) idle.put(0, stream);
  assert.equal(idle.size, 64);
  assert.equal(pairs.filter(({ stream }) => stream.isClosed).length, 6);
  idle.close();
  assert.equal(idle.size, 0);
  assert.ok(pairs.every(({ stream }) => stream.isClosed));
  const late = await pair();
  idle.put(0, late.stream);
  assert.ok(late.stream.isClosed);
  for (const { peer } of [...pairs, late]) {
    await peer.rest();
    peer.close();
  }
});

Deno.test("of a backend that is gone nothing is kept until it is named again", async () => {
  const idle = new IdleConnections(1, () => 0);
  const pairs = await Promise.all(Array.from({ length: 4 }, pair));
  const [kept, late, early, again] = pairs;
  assert.ok(kept !== undefined && late !== undefined && early !== undefined && again !== undefined);
  idle.put(0, kept.stream);
  idle.retire(0);
  idle.put(0, late.stream);
  idle.put(7, early.stream);
  assert.deepEqual([kept, late, early].map(({ stream }) => stream.isClosed), [true, true, true]);
  idle.keepFor([0, 7]);
  idle.put(7, again.stream);
  idle.keepFor([7]);
  assert.equal(idle.take(0, Infinity), null);
  assert.equal(idle.take(7, Infinity), again.stream);
  again.stream.cut();
  for (const { peer } of pairs) {
    await peer.rest();
    peer.close();
  }
  await again.stream.fill().catch(() => false);
});
