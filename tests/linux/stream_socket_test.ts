import assert from "node:assert/strict";
import { Errno } from "../../mod/linux/errno.ts";
import { listenerAddress, openListener } from "../../mod/linux/listen_socket.ts";
import { attachFilter, closeFd, getOption, internetAddress, Level } from "../../mod/linux/socket.ts";
import {
  abortStream,
  acceptStream,
  acknowledgedBytes,
  closeStream,
  connectStream,
  endListening,
  finishStream,
  peekStream,
  receiveStream,
  sendStream,
  sinceSentMs,
  streamError,
  tuneStream,
  unansweredMs,
} from "../../mod/linux/stream_socket.ts";
import { parseIp } from "../../mod/net/ip.ts";

const TCP = 6;
const TCP_NODELAY = 1;
const TCP_USER_TIMEOUT = 18;
const SO_KEEPALIVE = 9;

function address(port: number, text = "127.0.0.1"): Uint8Array<ArrayBuffer> {
  const ip = parseIp(text);
  assert.ok(ip !== null);
  return internetAddress(ip, port);
}

/** Both ends of a connection over loopback, which stands when connect has returned. */
function pair(): { client: number; served: number; listener: number } {
  const listener = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
  const client = connectStream(address(listenerAddress(listener).port));
  assert.ok(client > 0);
  const served = acceptStream(listener);
  assert.ok(served > 0);
  return { client, served, listener };
}

Deno.test("bytes go both ways, a look leaves them there, and FIN is 0", () => {
  const { client, served, listener } = pair();
  const buffer = new Uint8Array(16);
  assert.equal(receiveStream(served, buffer, 16), -Errno.EAGAIN);
  assert.equal(sendStream(client, new TextEncoder().encode("hello there"), 5), 5);
  assert.equal(peekStream(served, buffer), 5);
  assert.equal(receiveStream(served, buffer, 2), 2);
  assert.equal(receiveStream(served, buffer.subarray(2), 14), 3);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, 5)), "hello");
  finishStream(client);
  assert.equal(receiveStream(served, buffer, 16), 0);
  assert.equal(sendStream(served, buffer, 1), 1, "the other direction is open");
  assert.equal(streamError(client), 0);
  for (const fd of [client, served]) closeStream(fd);
  closeFd(listener);
});

Deno.test("an abort is ECONNRESET at the other end", () => {
  const { client, served, listener } = pair();
  abortStream(client);
  assert.equal(receiveStream(served, new Uint8Array(1), 1), -Errno.ECONNRESET);
  assert.equal(sendStream(served, new Uint8Array(1), 1), -Errno.EPIPE);
  for (const fd of [served, listener]) closeFd(fd);
});

Deno.test("a refused connect is told by the error that waits", () => {
  const listener = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
  const { port } = listenerAddress(listener);
  closeFd(listener);
  const fd = connectStream(address(port));
  if (fd < 0) return assert.equal(fd, -Errno.ECONNREFUSED);
  assert.equal(streamError(fd), Errno.ECONNREFUSED);
  closeStream(fd);
});

Deno.test("what a listening socket has, its connections have too", () => {
  const { client, served, listener } = pair();
  assert.equal(getOption(served, TCP, TCP_NODELAY), 1);
  assert.equal(getOption(served, TCP, TCP_USER_TIMEOUT), 0, "it would end the connection of a peer that reads slowly");
  assert.equal(getOption(served, Level.SOCKET, SO_KEEPALIVE), 1);
  assert.equal(getOption(client, TCP, TCP_NODELAY), 0);
  tuneStream(client);
  assert.equal(getOption(client, TCP, TCP_NODELAY), 1);
  for (const fd of [client, served, listener]) closeFd(fd);
});

Deno.test("a listening socket that is ended refuses at once, though its descriptor is open", () => {
  const listener = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
  const { port } = listenerAddress(listener);
  const waiting = connectStream(address(port));
  endListening(listener);
  assert.equal(acceptStream(listener), -Errno.EINVAL);
  assert.equal(receiveStream(waiting, new Uint8Array(1), 1), -Errno.ECONNRESET, "who waited is reset");
  const again = openListener({ ip: "127.0.0.1", port }, { shared: false });
  assert.equal(listenerAddress(again).port, port, "and the port is free");
  for (const fd of [listener, again, waiting]) closeFd(fd);
});

/** BPF_RET with 0: nothing that comes is let in, nor answered. */
const DEAF = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0);

Deno.test("a peer that does not acknowledge is told from one that does not read", async () => {
  const { client, served, listener } = pair();
  const piece = new Uint8Array(256 * 1024);
  while (sendStream(served, piece, piece.length) > 0);
  await until(() => unansweredMs(served) === 0);
  const second = pair();
  attachFilter(second.client, DEAF);
  assert.equal(unansweredMs(second.served), 0, "there is nothing to acknowledge");
  sendStream(second.served, piece, 1);
  await until(() => unansweredMs(second.served) >= 50);
  assert.equal(unansweredMs(served), 0, "its window is closed, which it has said");
  for (const fd of [client, served, listener, ...Object.values(second)]) closeFd(fd);
});

Deno.test("it is known when something new left for the peer, also of what the kernel was given before", async () => {
  const { client, served, listener } = pair();
  const piece = new Uint8Array(256 * 1024);
  while (sendStream(served, piece, piece.length) > 0);
  await until(() => sinceSentMs(served) >= 100);
  while (receiveStream(client, piece, piece.length) > 0);
  await until(() => sinceSentMs(served) < 100);
  attachFilter(client, DEAF);
  while (sendStream(served, piece, piece.length) > 0);
  await until(() => sinceSentMs(served) === Infinity);
  for (const fd of [client, served, listener]) closeFd(fd);
});

Deno.test("it is known how much has reached the peer's machine", async () => {
  const { client, served, listener } = pair();
  const piece = new Uint8Array(1000);
  assert.equal(acknowledgedBytes(served), 0);
  sendStream(served, piece, piece.length);
  await until(() => acknowledgedBytes(served) === 1000);
  attachFilter(client, DEAF);
  sendStream(served, piece, piece.length);
  await until(() => unansweredMs(served) > 20);
  assert.equal(acknowledgedBytes(served), 1000);
  for (const fd of [client, served, listener]) closeFd(fd);
  assert.equal(acknowledgedBytes(-1), Infinity);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
