import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { getOption, Level, SocketOption } from "../../mod/linux/socket.ts";
import { udpAddress, UdpSocket } from "../../mod/linux/udp_socket.ts";
import { privileged } from "../fakes/privileges.ts";

const LOOPBACKS = ["127.0.0.1", "::1"];
const IP_TOS = 1;
const IPV6_TCLASS = 67;

/** Runs `body` with sockets bound to the loopback; closes them. */
async function withSockets(
  address: string,
  body: (first: UdpSocket, second: UdpSocket) => void | Promise<void>,
): Promise<void> {
  const [first, second] = [new UdpSocket(address, 0), new UdpSocket(address, 0)];
  try {
    await body(first, second);
  } finally {
    first.close();
    second.close();
  }
}

/** Everything that waits; on the loopback a datagram has arrived when the send returns. */
function waiting(socket: UdpSocket): Uint8Array[] {
  const got: Uint8Array[] = [];
  while (socket.drain((bytes) => got.push(bytes.slice()), (code) => assert.fail(code)) === "more");
  return got;
}

for (const address of LOOPBACKS) {
  Deno.test(`datagrams arrive whole and in order over ${address}, from none to the longest`, () =>
    withSockets(address, (first, second) => {
      const to = udpAddress(address, second.port);
      for (const length of [3, 0, 65_000]) {
        const datagram = Uint8Array.from({ length }, (_, i) => i % 251);
        assert.equal(first.send(datagram, to), "sent");
        assert.deepEqual(waiting(second), [datagram]);
      }
      assert.equal(first.send(new Uint8Array(66_000), to), "EMSGSIZE");
      assert.deepEqual(waiting(second), []);
    }));

  Deno.test(`datagrams over ${address} are marked as network control and go first`, () =>
    withSockets(address, (socket) => {
      const [level, name] = address.includes(":") ? [Level.IPV6, IPV6_TCLASS] : [Level.IP, IP_TOS];
      assert.equal(getOption(socket.fd, level, name), 0xc0);
      assert.equal(getOption(socket.fd, Level.SOCKET, SocketOption.PRIORITY), 6);
    }));

  Deno.test(`a port of ${address} has one owner, and is free again once closed`, () =>
    withSockets(address, (first) => {
      assert.throws(() => new UdpSocket(address, first.port), { code: "EADDRINUSE" });
      first.close();
      new UdpSocket(address, first.port).close();
    }));
}

Deno.test("the queue holds a burst of the longest datagrams", () =>
  withSockets("127.0.0.1", (first, second) => {
    const to = udpAddress("127.0.0.1", second.port);
    for (let i = 0; i < 4; i++) assert.equal(first.send(new Uint8Array(60_000), to), "sent");
    assert.equal(waiting(second).length, 4);
  }));

Deno.test("one drain takes 64 datagrams, the poller brings the rest", async () => {
  await withSockets("127.0.0.1", async (first, second) => {
    for (let i = 0; i < 100; i++) first.send(Uint8Array.of(i), udpAddress("127.0.0.1", second.port));
    const turns: number[] = [];
    const poller = new Poller((error) => assert.fail(String(error)));
    await new Promise<void>((resolve) => {
      poller.watch(second.fd, () => {
        let count = 0;
        second.drain(() => count++, (code) => assert.fail(code));
        turns.push(count);
        if (turns.length === 2) resolve();
      });
    });
    await poller.close();
    assert.deepEqual(turns, [64, 36]);
  });
});

Deno.test("a handler may close the socket in the middle of a drain", () =>
  withSockets("127.0.0.1", (first, second) => {
    for (let i = 0; i < 3; i++) first.send(Uint8Array.of(i), udpAddress("127.0.0.1", second.port));
    let count = 0;
    const end = second.drain(() => {
      count++;
      second.close();
    }, (code) => assert.fail(code));
    assert.deepEqual([end, count], ["drained", 1]);
  }));

Deno.test("a text that is no address is refused", () => {
  assert.throws(() => new UdpSocket("localhost", 0), { code: "EINVAL" });
  assert.throws(() => udpAddress("10.0.0.256", 1), { code: "EINVAL" });
});

privileged("an address that is not here cannot be bound; a way that is not there is an error of the send", () => {
  const namespace = Namespace.create();
  const routes = namespace.run(() => new RouteSocket());
  try {
    routes.setUp(routes.linkByName("lo")?.index ?? 0);
    assert.throws(() => namespace.run(() => new UdpSocket("10.1.2.3", 0)), { code: "EADDRNOTAVAIL" });
    const socket = namespace.run(() => new UdpSocket("127.0.0.1", 0));
    assert.match(socket.send(Uint8Array.of(1), udpAddress("203.0.113.1", 9)), /^E[A-Z]+$/);
    socket.close();
  } finally {
    routes.close();
    namespace.close();
  }
});
