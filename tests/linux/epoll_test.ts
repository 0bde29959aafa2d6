import assert from "node:assert/strict";
import { Epoll, Happened, openWakeUp, wakeUp } from "../../mod/linux/epoll.ts";
import { Errno } from "../../mod/linux/errno.ts";
import { listenerAddress, openListener } from "../../mod/linux/listen_socket.ts";
import { closeFd, internetAddress } from "../../mod/linux/socket.ts";
import { acceptStream, closeStream, connectStream, sendStream } from "../../mod/linux/stream_socket.ts";
import { parseIp } from "../../mod/net/ip.ts";

function address(port: number): Uint8Array<ArrayBuffer> {
  const ip = parseIp("127.0.0.1");
  assert.ok(ip !== null);
  return internetAddress(ip, port);
}

Deno.test("a wake-up ends the wait once, however often it is given", () => {
  const epoll = new Epoll();
  const fd = openWakeUp();
  assert.equal(epoll.add(fd, -5, "readable"), 0);
  assert.equal(epoll.wait(0), 0);
  wakeUp(fd);
  wakeUp(fd);
  assert.equal(epoll.wait(1000), 1);
  assert.deepEqual([epoll.fd(0), epoll.tag(0), epoll.happened(0) & Happened.IN], [fd, -5, Happened.IN]);
  assert.equal(epoll.wait(0), 0, "edge-triggered");
  wakeUp(fd);
  assert.equal(epoll.wait(1000), 1);
  closeFd(fd);
  epoll.close();
});

Deno.test("of a connection it is told what happens at both ends, with its tag", () => {
  const epoll = new Epoll();
  const listener = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
  const client = connectStream(address(listenerAddress(listener).port));
  assert.equal(epoll.add(client, 0x7fffffff, "connection"), 0);
  assert.equal(epoll.wait(1000), 1);
  assert.ok((epoll.happened(0) & Happened.OUT) !== 0, "it is connected");
  const served = acceptStream(listener);
  assert.ok(served > 0);
  sendStream(served, Uint8Array.of(1), 1);
  assert.equal(epoll.wait(1000), 1);
  assert.equal(epoll.tag(0), 0x7fffffff);
  assert.equal(epoll.happened(0) & Happened.RDHUP, 0);
  closeStream(served);
  assert.equal(epoll.wait(1000), 1);
  assert.ok((epoll.happened(0) & Happened.RDHUP) !== 0);
  for (const fd of [client, listener]) closeFd(fd);
  epoll.close();
});

Deno.test("what is removed is told of no more, and may be added again", () => {
  const epoll = new Epoll();
  const fd = openWakeUp();
  assert.equal(epoll.add(fd, 1, "readable"), 0);
  epoll.remove(fd);
  wakeUp(fd);
  assert.equal(epoll.wait(0), 0);
  assert.equal(epoll.add(fd, 2, "readable"), 0);
  assert.equal(epoll.wait(1000), 1);
  assert.equal(epoll.tag(0), 2);
  closeFd(fd);
  epoll.close();
});

Deno.test("several at once are told with one call", () => {
  const epoll = new Epoll();
  const fds = [openWakeUp(), openWakeUp(), openWakeUp()];
  for (const [index, fd] of fds.entries()) {
    assert.equal(epoll.add(fd, index, "readable"), 0);
    wakeUp(fd);
  }
  assert.equal(epoll.wait(-1), 3);
  assert.deepEqual([0, 1, 2].map((index) => epoll.fd(index)).sort(), [...fds].sort());
  for (const fd of fds) closeFd(fd);
  epoll.close();
});

Deno.test("what cannot be watched is said by its errno", () => {
  const epoll = new Epoll();
  const fd = openWakeUp();
  assert.equal(epoll.add(fd, 1, "readable"), 0);
  assert.equal(epoll.add(fd, 1, "readable"), -Errno.EEXIST);
  closeFd(fd);
  assert.equal(epoll.add(fd, 1, "readable"), -Errno.EBADF);
  epoll.close();
});
