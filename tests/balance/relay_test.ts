import assert from "node:assert/strict";
import net from "node:net";
import { ByteStream } from "../../mod/balance/byte_stream.ts";
import { relay } from "../../mod/balance/relay.ts";
import { atRest, connectedPair, type FakeResetter, RawConn, streamContext } from "./kit.ts";

interface Relayed {
  readonly left: RawConn;
  readonly right: RawConn;
  readonly over: Promise<void>;
  readonly resetter: FakeResetter;
}

async function relayed(idleTimeoutMs: number): Promise<Relayed> {
  const [[left, a], [b, right]] = await Promise.all([connectedPair(), connectedPair()]);
  const context = streamContext();
  const from = ByteStream.adopt(a, context);
  const to = ByteStream.adopt(b, context);
  assert.ok(from !== null && to !== null);
  const over = relay(from, to, idleTimeoutMs).then(() => assert.equal(context.deadlines.size, 0));
  return { left: new RawConn(left), right: new RawConn(right), over, resetter: context.resetter };
}

Deno.test("both directions, and each end passed on by itself", async () => {
  const { left, right, over, resetter } = await relayed(5000);
  await left.send("to the right");
  await left.tcp.closeWrite();
  assert.equal(await right.rest(), "to the right");
  await right.send("to the left");
  await right.tcp.closeWrite();
  assert.equal(await left.rest(), "to the left");
  await over;
  assert.deepEqual(resetter.one, [], "an orderly end needs no reset");
  left.close();
  right.close();
});

Deno.test("traffic in one direction keeps the other alive; without any both end", async () => {
  const { left, right, over } = await relayed(1000);
  const fromMs = performance.now();
  for (let n = 0; n < 6; n++) {
    await left.send("x");
    await right.exactly(1);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await over;
  assert.ok(performance.now() - fromMs > 1500);
  assert.deepEqual([await left.rest(), await right.rest()], ["", ""]);
  left.close();
  right.close();
});

Deno.test("a side that breaks resets the other", async () => {
  const { left, right, over, resetter } = await relayed(5000);
  right.close();
  const sending = (async () => {
    for (;;) await left.send("x".repeat(1000));
  })().catch(() => "stopped");
  await over;
  assert.equal(resetter.one.length, 1);
  left.close();
  assert.equal(await sending, "stopped");
});

Deno.test("a receiver that does not read stops the sender, and nothing piles up here", async () => {
  const { left, right, over } = await relayed(5000);
  const block = new Uint8Array(1024 * 1024);
  let sent = 0;
  const sending = (async () => {
    for (;; sent++) await left.sendBytes(block);
  })().catch(() => "stopped");
  const soFar = await atRest(() => sent, "the sender waits");
  assert.ok(soFar < 64, `${soFar} MiB are in flight`);
  right.close();
  left.close();
  assert.equal(await sending, "stopped");
  await over;
});

Deno.test("a reset from one side reaches a silent other one", async () => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const [left, a] = await connectedPair();
  const b = await Deno.connect({ hostname: "127.0.0.1", port: (server.address() as net.AddressInfo).port });
  const context = streamContext();
  const from = ByteStream.adopt(a, context);
  const to = ByteStream.adopt(b, context);
  assert.ok(from !== null && to !== null);
  const over = relay(from, to, 60_000);
  const client = new RawConn(left);
  await client.send("x");
  await over;
  assert.deepEqual(context.resetter.one.map((one) => one.local), [from.local], "the one that did not break");
  assert.equal(await client.rest(), "");
  client.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
