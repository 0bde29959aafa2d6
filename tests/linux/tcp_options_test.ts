import assert from "node:assert/strict";
import { listenerAddress, openListener } from "../../mod/linux/listen_socket.ts";
import { closeFd, getOption } from "../../mod/linux/socket.ts";
import { acceptStream, closeStream } from "../../mod/linux/stream_socket.ts";
import { keepUnsentSmall, sendAtOnce } from "../../mod/linux/tcp_options.ts";
import { connectedPair } from "../balance/kit.ts";

/**
 * Two small writes, an answer of one byte, many times: with Nagle's algorithm each turn takes 40 ms. Gives what the middle one of them
 * took: on a busy machine some take long for other reasons.
 */
async function turnMs(from: Deno.TcpConn, to: Deno.TcpConn): Promise<number> {
  const buffer = new Uint8Array(64);
  const turns: number[] = [];
  while (turns.length < 15) {
    const startMs = performance.now();
    await from.write(new Uint8Array(8));
    await from.write(new Uint8Array(8));
    for (let got = 0; got < 16;) got += await to.read(buffer) ?? 16;
    await to.write(new Uint8Array(1));
    await from.read(buffer);
    turns.push(performance.now() - startMs);
  }
  return turns.sort((a, b) => a - b)[7] ?? NaN;
}

function ends(conn: Deno.TcpConn): [{ ip: string; port: number }, { ip: string; port: number }] {
  const [local, remote] = [conn.localAddr, conn.remoteAddr];
  return [{ ip: local.hostname, port: local.port }, { ip: remote.hostname, port: remote.port }];
}

Deno.test("a connection that is found by its ends sends at once", async () => {
  const [left, right] = await connectedPair();
  const slowMs = await turnMs(left, right);
  assert.ok(slowMs > 20, `without it each turn waits for an acknowledgement: ${slowMs} ms`);
  const [local, remote] = ends(left);
  assert.ok(sendAtOnce(local, remote));
  assert.ok(await turnMs(left, right) < slowMs / 2);
  assert.ok(!sendAtOnce(local, { ...remote, port: remote.port ^ 1 }), "another connection");
  left.close();
  right.close();
});

Deno.test("a listener's connections inherit it", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assert.ok(sendAtOnce({ ip: "127.0.0.1", port }, null));
  const [dialled, accepted] = await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
  dialled.setNoDelay(true);
  assert.ok(await turnMs(accepted, dialled) < 20);
  for (const one of [dialled, accepted, listener]) one.close();
});

Deno.test("a listener's connections keep little unsent", async () => {
  const fd = openListener({ ip: "::", port: 0 }, { shared: false });
  const { port } = listenerAddress(fd);
  assert.ok(!keepUnsentSmall({ ip: "::1", port }), "another address");
  assert.ok(keepUnsentSmall({ ip: "::", port }));
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const accepted = acceptStream(fd);
  assert.equal(getOption(accepted, 6, 25), 128 * 1024, "TCP_NOTSENT_LOWAT");
  closeStream(accepted);
  client.close();
  closeFd(fd);
});
