import assert from "node:assert/strict";
import {
  bindSocket,
  closeFd,
  decodeEndpoint,
  Family,
  getOption,
  internetAddress,
  Level,
  linkAddress,
  localEndpoint,
  netlinkAddress,
  newSender,
  openSocket,
  remoteEndpoint,
  setOption,
  setQueueSize,
  SocketOption,
  SocketType,
  tryReceive,
  trySend,
} from "../../mod/linux/socket.ts";
import { Errno } from "../../mod/linux/errno.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

Deno.test("socket addresses have the layout of the kernel", () => {
  assert.deepEqual([...internetAddress(ip("10.0.0.1"), 80)], [2, 0, 0, 80, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const address6 = [...internetAddress(ip("fe80::1"), 443, 3)];
  assert.deepEqual(address6.slice(0, 10), [10, 0, 1, 187, 0, 0, 0, 0, 0xfe, 0x80]);
  assert.deepEqual(address6.slice(23), [1, 3, 0, 0, 0]);
  assert.deepEqual([...linkAddress(2, 0x0806)].slice(0, 8), [17, 0, 8, 6, 2, 0, 0, 0]);
  assert.deepEqual([...netlinkAddress()], [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("decodeEndpoint() reads what internetAddress() wrote, and gives mapped addresses as IPv4", () => {
  for (const text of ["10.0.0.1", "fd00::1", "::"]) {
    assert.deepEqual(decodeEndpoint(internetAddress(ip(text), 65535)), { ip: text, port: 65535 });
  }
  assert.deepEqual(decodeEndpoint(internetAddress(ip("::ffff:10.0.0.1"), 80)), { ip: "10.0.0.1", port: 80 });
  assert.equal(decodeEndpoint(netlinkAddress()), null);
});

Deno.test("a datagram arrives with its sender, and a cut one with its real length", () => {
  const [one, two] = [openSocket(Family.INET, SocketType.DGRAM, 0), openSocket(Family.INET, SocketType.DGRAM, 0)];
  bindSocket(one, internetAddress(ip("127.0.0.1"), 0), "127.0.0.1");
  bindSocket(two, internetAddress(ip("127.0.0.1"), 0), "127.0.0.1");
  const to = localEndpoint(two);
  assert.ok(to);
  const sender = newSender();
  const buffer = new Uint8Array(4);
  assert.equal(tryReceive(two, buffer, sender), -Errno.EAGAIN);
  assert.equal(trySend(one, Uint8Array.of(1, 2, 3, 4, 5, 6), internetAddress(ip(to.ip), to.port)), 6);
  assert.equal(tryReceive(two, buffer, sender), 6);
  assert.deepEqual(buffer, Uint8Array.of(1, 2, 3, 4));
  assert.deepEqual(decodeEndpoint(sender.storage), localEndpoint(one));
  assert.equal(remoteEndpoint(one), null);
  assert.equal(trySend(one, new Uint8Array(1), null), -Errno.EDESTADDRREQ);
  closeFd(one);
  closeFd(two);
});

Deno.test("options are set and read back", () => {
  const fd = openSocket(Family.INET, SocketType.DGRAM, 0);
  assert.equal(getOption(fd, Level.SOCKET, SocketOption.TYPE), SocketType.DGRAM);
  setOption(fd, { level: Level.SOCKET, name: SocketOption.RCVBUF, value: 8192 });
  assert.equal(getOption(fd, Level.SOCKET, SocketOption.RCVBUF), 16384, "the kernel doubles it for its own use");
  const linger = { level: Level.SOCKET, name: SocketOption.LINGER, value: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) };
  setOption(fd, linger);
  closeFd(fd);
});

Deno.test("setQueueSize() gives the size asked for, or what the administrator allows", () => {
  const fd = openSocket(Family.INET, SocketType.DGRAM, 0);
  setQueueSize(fd, "send", 8192);
  setQueueSize(fd, "receive", 1 << 30);
  assert.equal(getOption(fd, Level.SOCKET, SocketOption.SNDBUF), 16384);
  assert.ok(getOption(fd, Level.SOCKET, SocketOption.RCVBUF) > 16384);
  closeFd(fd);
});

Deno.test("a call that fails names itself and its subject", () => {
  assert.throws(() => closeFd(-1), { op: "close", code: "EBADF" });
  assert.throws(() => openSocket(999, 1, 0), { op: "open socket", code: "EAFNOSUPPORT" });
  const fd = openSocket(Family.INET, SocketType.STREAM, 0);
  assert.throws(() => bindSocket(fd, internetAddress(ip("192.0.2.77"), 0), "192.0.2.77"), {
    op: "bind",
    subject: "192.0.2.77",
    code: "EADDRNOTAVAIL",
  });
  closeFd(fd);
});
