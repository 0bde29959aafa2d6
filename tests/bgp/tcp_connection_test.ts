import assert from "node:assert/strict";
import { TcpConnection } from "../../mod/bgp/tcp_connection.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { connected, Recorder, until, withSide } from "./tcp_ends.ts";

const MIB = 1024 * 1024;

/** So many bytes of which each tells its place. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

/** A peer that accepts and does nothing, by Deno's own sockets. */
async function idlePeer(body: (port: number, accepted: () => Promise<Deno.TcpConn>) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: Deno.TcpConn[] = [];
  try {
    await body(listener.addr.port, async () => {
      const conn = await listener.accept();
      taken.push(conn);
      return conn;
    });
  } finally {
    listener.close();
    for (const conn of taken) conn.close();
  }
}

Deno.test("1 MiB and more through a slow reader arrives whole; what waits is counted to the byte", () =>
  withSide((side) =>
    idlePeer(async (port, accepted) => {
      const { connection, events } = side.connect("127.0.0.1", port);
      const peer = await accepted();
      await until(() => events.calls.includes("opened"), "the connection");
      // Beyond what the kernel takes for a peer that does not read.
      const sent = pattern(8 * MIB);
      for (let at = 0; at < sent.length; at += 4096) connection.send(sent.subarray(at, at + 4096));
      const waiting = connection.queuedBytes;
      assert.ok(waiting > 0 && waiting < sent.length, `${waiting} wait`);
      const got = new Uint8Array(sent.length);
      const piece = new Uint8Array(10_000);
      let at = 0;
      while (at < got.length) {
        const count = await peer.read(piece);
        assert.ok(count !== null);
        got.set(piece.subarray(0, count), at);
        at += count;
        assert.ok(connection.queuedBytes <= sent.length - at);
      }
      assert.equal(connection.queuedBytes, 0);
      assert.ok(got.every((byte, i) => byte === i % 251));
      connection.abort();
    })
  ));

Deno.test("a peer that never reads is given up when 16 MiB wait for it, in a later turn", () =>
  withSide((side) =>
    idlePeer(async (port, accepted) => {
      const { connection, events } = side.connect("127.0.0.1", port);
      await accepted();
      await until(() => events.calls.includes("opened"), "the connection");
      const piece = new Uint8Array(MIB);
      for (let i = 0; i < 40; i++) connection.send(piece);
      assert.deepEqual([events.calls, connection.queuedBytes], [["opened"], 0]);
      assert.equal(await events.end(), "the peer does not read: more than 16 MiB wait for it");
    })
  ));

Deno.test("what the peer said before its end is told before it, and the other half does not stay open", () =>
  withSide((side) =>
    idlePeer(async (port, accepted) => {
      const { connection, events } = side.connect("127.0.0.1", port);
      const peer = await accepted();
      await peer.write(pattern(100_000));
      await peer.closeWrite();
      assert.equal(await events.end(), "closed by the peer");
      assert.equal(events.bytes, 100_000);
      connection.send(Uint8Array.of(1));
      assert.equal(await peer.read(new Uint8Array(10)), null);
      assert.equal(events.calls.length, 2);
    })
  ));

Deno.test("an error of sending is told after what the peer had said", () =>
  withSide(async (side) => {
    const { near, far } = await connected(side);
    far.connection.send(pattern(1000));
    // The far end is gone by the time the near one looks at all: both calls happen in one turn.
    far.connection.abort();
    near.connection.send(Uint8Array.of(1));
    near.connection.send(Uint8Array.of(2));
    assert.deepEqual(near.events.calls, ["opened"]);
    assert.equal(await near.events.end(), "connection reset by the peer");
  }));

Deno.test("close() gives up at its limit, on its clock, when the peer does not read: RST", () => {
  const clock = new VirtualClock();
  return withSide((side) =>
    idlePeer(async (port, accepted) => {
      const { connection, events } = side.connect("127.0.0.1", port);
      const peer = await accepted();
      await until(() => events.calls.includes("opened"), "the connection");
      connection.send(new Uint8Array(8 * MIB));
      connection.close(2000);
      clock.advance(1999);
      assert.equal(side.transport.connections, 1);
      clock.advance(1);
      assert.deepEqual([side.transport.connections, clock.pending, events.calls], [0, 0, ["opened"]]);
      await assert.rejects(async () => {
        while (await peer.read(new Uint8Array(MIB)) !== null);
      }, Deno.errors.ConnectionReset);
    }), clock);
});

Deno.test("close() gives up at its limit, too, when the peer has read all and does not end: no RST", () => {
  const clock = new VirtualClock();
  return withSide((side) =>
    idlePeer(async (port, accepted) => {
      const { connection, events } = side.connect("127.0.0.1", port);
      const peer = await accepted();
      await until(() => events.calls.includes("opened"), "the connection");
      connection.send(Uint8Array.of(1, 2, 3));
      connection.close(2000);
      const buffer = new Uint8Array(10);
      assert.equal(await peer.read(buffer), 3);
      assert.equal(await peer.read(buffer), null);
      await peer.write(buffer); // acknowledges the FIN; late words are thrown away
      await side.poller.released();
      await side.poller.released();
      clock.advance(1999);
      assert.equal(side.transport.connections, 1);
      clock.advance(1);
      assert.deepEqual([side.transport.connections, clock.pending], [0, 0]);
      await side.poller.released();
      assert.equal(await peer.write(buffer.subarray(0, 1)), 1); // after an RST it would be an error
    }), clock);
});

Deno.test("a peer that ends while all that waits still leaves gets all of it", () =>
  withSide((side) =>
    idlePeer(async (port, accepted) => {
      const { connection, events } = side.connect("127.0.0.1", port);
      const peer = await accepted();
      await until(() => events.calls.includes("opened"), "the connection");
      connection.send(new Uint8Array(8 * MIB));
      connection.close(10_000);
      await peer.closeWrite();
      let got = 0;
      const buffer = new Uint8Array(MIB);
      for (let count = await peer.read(buffer); count !== null; count = await peer.read(buffer)) got += count;
      assert.equal(got, 8 * MIB);
      await until(() => side.transport.connections === 0, "the end");
    })
  ));

Deno.test("a handler may end the connection in the middle of a call", () =>
  withSide(async (side) => {
    for (const how of ["abort", "close"] as const) {
      const { near, far, listener } = await connected(side);
      near.events.onReceived = () => how === "abort" ? near.connection.abort() : near.connection.close(1000);
      far.connection.send(pattern(300_000));
      await far.events.end();
      assert.ok(near.events.bytes <= 65_536);
      assert.deepEqual(near.events.calls, ["opened"]);
      await listener.close();
    }
  }));

Deno.test("a connection that has failed before it began tells so in a later turn, unless it is ended before", () =>
  withSide((side) => {
    const clock = new VirtualClock();
    const gone: TcpConnection[] = [];
    const owner = { poller: side.poller, clock, gone: (connection: TcpConnection) => void gone.push(connection) };
    const [told, silent] = [new Recorder(), new Recorder()];
    const first = new TcpConnection({ is: "failed", why: "no way" }, told, owner);
    const second = new TcpConnection({ is: "failed", why: "no way" }, silent, owner);
    second.abort();
    assert.deepEqual([told.calls, clock.pending], [[], 1]);
    clock.advance(0);
    assert.deepEqual([told.calls, silent.calls, gone], [["closed: no way"], [], [second, first]]);
    return Promise.resolve();
  }));
