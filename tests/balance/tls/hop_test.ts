import assert from "node:assert/strict";
import { ByteStream } from "../../../mod/balance/byte_stream.ts";
import { Entrance } from "../../../mod/balance/tls/entrance.ts";
import { Hop } from "../../../mod/balance/tls/hop.ts";
import { connectionResetter } from "../../../mod/linux/reset_connections.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { connectedPair, pattern, readBytes, sha256, streamContext } from "../kit.ts";
import { readPair, withAuthority } from "./certificates.ts";

interface Carried {
  /** The client's end. */
  readonly client: Deno.TlsConn;
  readonly stream: ByteStream;
  readonly hop: Hop;
  readonly running: Promise<void>;
}

/** A client's connection carried to an entrance, the handshake done. */
function withHop(body: (carried: Carried) => Promise<void>): Promise<void> {
  return withAuthority(async (authority) => {
    const pair = await readPair(await authority.issue("front", { names: "DNS:localhost" }));
    const entrance = new Entrance({ ...pair, clock: systemClock, protocols: [], resetter: connectionResetter });
    const passage = await entrance.pass(new AbortController().signal);
    assert.ok(passage);
    const context = streamContext();
    const [near, far] = await connectedPair();
    const [outer, inner] = [ByteStream.adopt(far, context), ByteStream.adopt(passage.plain, context)];
    assert.ok(outer !== null && inner !== null);
    const hop = new Hop(outer, inner);
    const running = hop.run();
    const client = await Deno.startTls(near, { hostname: "localhost", caCerts: [authority.ca] });
    await Promise.all([client.handshake(), passage.secure.handshake()]);
    const { local, remote } = outer;
    const stream = ByteStream.over(hop.deciphered(passage.secure), { ...context, local, remote });
    try {
      await body({ client, stream, hop, running });
    } finally {
      stream.cut();
      closeQuietly(client);
      hop.cut();
      await running;
      await entrance.retire();
      assert.equal(context.deadlines.size, 0);
    }
  });
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed by the test already.
  }
}

Deno.test("what was written before the close arrives whole, however slowly it is taken", () =>
  withHop(async ({ client, stream, running }) => {
    const bytes = pattern(8 * 1024 * 1024);
    const writing = stream.write(bytes).then(() => stream.closeWrite()).then(() => stream.cut());
    const got = await readBytes(client, bytes.length);
    assert.equal(await client.read(new Uint8Array(1)), null, "and then there is an orderly end");
    await writing;
    assert.equal(await sha256(got), await sha256(bytes));
    await running;
  }));

Deno.test("a stream that is reset ends for the client without the end of TLS", () =>
  withHop(async ({ client, stream }) => {
    await stream.write(new TextEncoder().encode("part"));
    assert.equal((await readBytes(client, 4)).length, 4);
    stream.reset();
    await assert.rejects(client.read(new Uint8Array(1)), { message: /without sending TLS close_notify|reset/ });
  }));

Deno.test("a client that takes nothing does not hold a closed connection for ever", () =>
  withHop(async ({ client, stream, running }) => {
    const writing = stream.write(pattern(32 * 1024 * 1024)).catch(() => "broken");
    await new Promise((resolve) => setTimeout(resolve, 100));
    stream.cut();
    client.close();
    await running;
    await writing;
  }));
