import assert from "node:assert/strict";
import { ByteStream } from "../../mod/balance/byte_stream.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";
import { connectedPair, type FakeResetter, pattern, RawConn, readBytes, sha256, streamContext } from "./kit.ts";

interface Pair {
  readonly stream: ByteStream;
  readonly peer: RawConn;
  readonly resetter: FakeResetter;
}

async function withPair(body: (pair: Pair) => Promise<void>): Promise<void> {
  const [ours, theirs] = await connectedPair();
  const context = streamContext();
  const stream = ByteStream.adopt(ours, context);
  assert.ok(stream !== null);
  const peer = new RawConn(theirs);
  try {
    await body({ stream, peer, resetter: context.resetter });
  } finally {
    peer.close();
    stream.cut();
  }
  assert.equal(context.deadlines.size, 0, "a closed stream has no deadline");
}

Deno.test("what is read stays until it is consumed", async () => {
  await withPair(async ({ stream, peer }) => {
    await peer.send("hello world");
    while (stream.buffered.length < 11) assert.ok(await stream.fill());
    stream.consume(6);
    await peer.send("!");
    assert.ok(await stream.fill());
    assert.equal(latin1Text(stream.buffered), "world!");
    await peer.tcp.closeWrite();
    assert.equal(await stream.fill(), false);
    assert.equal(latin1Text(stream.buffered), "world!");
  });
});

Deno.test("the buffer grows after two full reads and shrinks when the flow pauses", async () => {
  await withPair(async ({ stream, peer }) => {
    assert.equal(stream.capacity, 16 * 1024);
    const sending = peer.sendBytes(pattern(2 * 1024 * 1024));
    for (let got = 0; got < 2 * 1024 * 1024;) {
      assert.ok(await stream.fill());
      got += stream.buffered.length;
      stream.consume(stream.buffered.length);
    }
    await sending;
    assert.equal(stream.capacity, 256 * 1024);
    for (let n = 0; n < 2; n++) {
      await peer.send("x");
      await stream.fill();
      stream.consume(1);
    }
    await peer.send("y");
    await stream.fill();
    assert.equal(stream.capacity, 16 * 1024);
  });
});

Deno.test("bytes that nobody consumes make room for more", async () => {
  await withPair(async ({ stream, peer }) => {
    const data = pattern(100_000);
    const sending = peer.sendBytes(data);
    while (stream.buffered.length < data.length) assert.ok(await stream.fill());
    await sending;
    assert.equal(await sha256(stream.buffered), await sha256(data));
  });
});

Deno.test("a write is complete although the system takes it in parts", async () => {
  await withPair(async ({ stream, peer }) => {
    const data = pattern(16 * 1024 * 1024);
    let steps = 0;
    stream.onProgress = () => steps++;
    const [got] = await Promise.all([readBytes(peer.tcp, data.length), stream.write(data)]);
    assert.equal(await sha256(got), await sha256(data));
    assert.equal(stream.writtenBytes, data.length);
    assert.ok(steps > 0, "the write was short at least once");
  });
});

Deno.test("a read ahead wakes its owner and gives its result to the next fill", async () => {
  await withPair(async ({ stream, peer }) => {
    const woken = Promise.withResolvers<void>();
    stream.readAhead(() => woken.resolve());
    await peer.send("x");
    await woken.promise;
    assert.equal(await stream.fill(), true);
    assert.equal(latin1Text(stream.buffered), "x");
  });
});

Deno.test("a deadline cuts the stream: a pending read ends", async () => {
  await withPair(async ({ stream, peer }) => {
    stream.expireIn(30);
    await assert.rejects(stream.fill());
    assert.ok(stream.isClosed);
    assert.equal(await peer.rest(), "");
  });
});

Deno.test("a cut asks for a reset only while a write is pending, which closing alone does not end", async () => {
  await withPair(async ({ stream, peer, resetter }) => {
    const writing = stream.write(new Uint8Array(32 * 1024 * 1024)).catch(() => "ended");
    await peer.read();
    stream.cut();
    stream.cut();
    assert.deepEqual(resetter.one, [{ local: stream.local, remote: stream.remote }]);
    peer.close();
    assert.equal(await writing, "ended");
  });
  await withPair(({ stream, resetter }) => {
    stream.cut();
    assert.deepEqual(resetter.one, []);
    return Promise.resolve();
  });
});

Deno.test("what the resetter has cut with others is closed without another reset", async () => {
  await withPair(async ({ stream, peer, resetter }) => {
    stream.closeAfterReset();
    stream.reset();
    assert.ok(stream.isClosed);
    assert.deepEqual(resetter.one, []);
    assert.equal(await peer.rest(), "");
  });
});

Deno.test("a reset is asked for before the connection is closed", async () => {
  await withPair(({ stream, peer, resetter }) => {
    stream.reset();
    assert.equal(resetter.one[0]?.local.port, stream.local.port);
    return peer.rest().then((rest) => assert.equal(rest, ""));
  });
});
