import assert from "node:assert/strict";
import { IcmpSocket } from "../../mod/linux/icmp_socket.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { decodeEcho4, encodeEcho4 } from "../../mod/net/icmp_echo.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { privileged } from "../fakes/privileges.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

/** Two namespaces with a cable: this side has .1, the other .2, of both families. */
async function withPeer(body: (open: (version: 4 | 6) => IcmpSocket) => Promise<void>): Promise<void> {
  const [here, there] = [Namespace.create(), Namespace.create()];
  const [near, far] = [here.run(() => new RouteSocket()), there.run(() => new RouteSocket())];
  const { index } = near.addVeth({ name: "eth0", peerName: "eth0", peerNamespaceFd: there.fd });
  const peer = far.linkByName("eth0")?.index ?? 0;
  const forever = { validSeconds: Infinity, preferredSeconds: Infinity, nodad: true, protocol: 0 };
  for (const [routes, linkIndex, host] of [[near, index, 1], [far, peer, 2]] as const) {
    routes.setUp(linkIndex);
    routes.putAddress({ ip: ip(`10.1.0.${host}`), prefixLength: 24, linkIndex, ...forever });
    routes.putAddress({ ip: ip(`fd01::${host}`), prefixLength: 64, linkIndex, ...forever });
  }
  const sockets: IcmpSocket[] = [];
  // Until the kernel has seen the carrier, in a worker of its own, the link throws away what it should send.
  while (near.linkByName("eth0")?.running !== true || far.linkByName("eth0")?.running !== true) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  try {
    await body((version) => {
      sockets.push(here.run(() => new IcmpSocket(version)));
      return sockets.at(-1) ?? assert.fail();
    });
  } finally {
    for (const closable of [...sockets, near, far, here, there]) closable.close();
  }
}

/** The first message that `accept` takes. */
async function receive<T>(socket: IcmpSocket, accept: (message: Uint8Array, source: string) => T | null): Promise<T> {
  const poller = new Poller((error) => {
    throw error;
  });
  const found = await new Promise<T>((resolve) => {
    poller.watch(socket.fd, () =>
      socket.drain((message, source) => {
        const taken = accept(message, source);
        if (taken !== null) resolve(taken);
      }));
  });
  await poller.close();
  return found;
}

privileged("an IPv4 echo request is answered by the other machine", () =>
  withPeer(async (open) => {
    const socket = open(4);
    const data = Uint8Array.of(1, 2, 3);
    const request = encodeEcho4({ kind: "request", identifier: 77, sequence: 5, data });
    assert.equal(socket.send(request, ip("10.1.0.2")), "sent");
    const answer = await receive(socket, (message, source) => ({ echo: decodeEcho4(message), source }));
    assert.deepEqual(answer, {
      echo: { kind: "reply", identifier: 77, sequence: 5, data },
      source: "10.1.0.2",
    });
  }));

privileged("an IPv6 echo request is answered too; the kernel fills in its checksum", () =>
  withPeer(async (open) => {
    const socket = open(6);
    const request = Uint8Array.of(128, 0, 0, 0, 0, 77, 0, 5, 1, 2, 3);
    assert.equal(socket.send(request, ip("fd01::2")), "sent");
    // Neighbour discovery is ICMPv6 as well and comes by here.
    const answer = await receive(socket, (message, source) =>
      message[0] === 129 ? { message: message.slice(), source } : null);
    assert.equal(answer.source, "fd01::2");
    assert.deepEqual(answer.message.subarray(4), request.subarray(4));
  }));

privileged("where no way leads the probe is refused", () =>
  withPeer((open) => {
    const socket = open(4);
    const request = encodeEcho4({ kind: "request", identifier: 1, sequence: 1, data: new Uint8Array() });
    assert.equal(socket.send(request, ip("192.0.2.1")), "refused");
    assert.equal(socket.drain(() => assert.fail("nothing comes")), "drained");
    socket.close();
    return Promise.resolve();
  }));
