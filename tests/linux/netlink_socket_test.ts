import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NetlinkFamily, NetlinkSocket } from "../../mod/linux/netlink_socket.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { Level, setOption, SocketOption } from "../../mod/linux/socket.ts";
import { parseIp } from "../../mod/net/ip.ts";
import { decodeAddress, dumpAddresses } from "../../mod/net/netlink/address.ts";
import { decodeLink, dumpLinks } from "../../mod/net/netlink/link.ts";
import type { NetlinkMessage } from "../../mod/net/netlink/message.ts";
import { RouteGroup, RouteMessage } from "../../mod/net/netlink/rtnetlink.ts";
import { privileged } from "../fakes/privileges.ts";

interface Scene {
  readonly routes: RouteSocket;
  readonly monitor: NetlinkSocket;
  readonly link: number;
}

/** Runs `body` in a namespace with a veth pair and a monitor of links and addresses. */
async function withMonitor(body: (scene: Scene) => void | Promise<void>): Promise<void> {
  const namespace = Namespace.create();
  const routes = namespace.run(() => new RouteSocket());
  const monitor = namespace.run(() => new NetlinkSocket(NetlinkFamily.ROUTE));
  try {
    const { index } = routes.addVeth({ name: "link0", peerName: "peer0" });
    for (const group of [RouteGroup.LINK, RouteGroup.IPV4_ADDRESS, RouteGroup.IPV6_ADDRESS]) monitor.join(group);
    await body({ routes, monitor, link: index });
  } finally {
    monitor.close();
    monitor.close();
    routes.close();
    namespace.close();
  }
}

function put(routes: RouteSocket, link: number, text: string): void {
  const ip = parseIp(text);
  assert.ok(ip);
  const life = { validSeconds: 60, preferredSeconds: 0 };
  routes.putAddress({ ip, prefixLength: ip.bytes.length * 8, linkIndex: link, ...life, nodad: true, protocol: 77 });
}

function words(message: NetlinkMessage): string {
  if (message.type === RouteMessage.NEWLINK) return `link ${decodeLink(message).up ? "up" : "down"}`;
  const what = message.type === RouteMessage.NEWADDR ? "added" : "removed";
  return `${decodeAddress(message)?.ip} ${what}`;
}

privileged(
  "a monitor hears of links and addresses, and a renewed address is never removed in between",
  () =>
    withMonitor(({ routes, monitor, link }) => {
      const heard: string[] = [];
      put(routes, link, "10.98.0.200");
      put(routes, link, "10.98.0.200");
      put(routes, link, "fd98::200");
      put(routes, link, "fd98::200");
      routes.setUp(link);
      routes.removeAddress(parseIp("10.98.0.200") ?? assert.fail(), 32, link);
      assert.equal(monitor.drain((message) => heard.push(words(message))), "drained");
      assert.deepEqual(heard.filter((event) => event.startsWith("10.")), [
        "10.98.0.200 added",
        "10.98.0.200 added",
        "10.98.0.200 removed",
      ]);
      assert.ok(heard.includes("fd98::200 added"));
      assert.ok(!heard.includes("fd98::200 removed"));
      assert.ok(heard.includes("link up"));
      // The kernel may still have something to say about the link; of what was done here nothing is left.
      const late: string[] = [];
      assert.equal(monitor.drain((message) => late.push(words(message))), "drained");
      assert.deepEqual(late.filter((event) => /^(10|fd98)/.test(event)), []);
    }),
);

privileged("a monitor wakes the poller", () =>
  withMonitor(async ({ routes, monitor, link }) => {
    const poller = new Poller((error) => {
      throw error;
    });
    const heard = new Promise<string>((resolve) => {
      poller.watch(monitor.fd, () => monitor.drain((message) => resolve(words(message))));
    });
    put(routes, link, "10.98.0.200");
    assert.equal(await heard, "10.98.0.200 added");
    await poller.close();
  }));

privileged(
  "events that did not fit are reported as an overrun, once",
  () =>
    withMonitor(({ routes, monitor, link }) => {
      setOption(monitor.fd, { level: Level.SOCKET, name: SocketOption.RCVBUF, value: 4096 });
      for (let i = 0; i < 100; i++) put(routes, link, `10.98.1.${i}`);
      let heard = 0;
      assert.equal(monitor.drain(() => heard += 1), "overrun");
      assert.ok(heard < 100, `${heard} events`);
      assert.equal(monitor.drain(() => {}), "drained");
      put(routes, link, "10.98.2.1");
      assert.equal(monitor.drain(() => heard += 1), "drained");
    }),
);

privileged(
  "drain() leaves the rest of a long queue for the next turn",
  () =>
    withMonitor(({ routes, monitor, link }) => {
      for (let i = 0; i < 300; i++) put(routes, link, `10.98.${i >> 8}.${i & 255}`);
      let heard = 0;
      const count = (): number => heard += 1;
      assert.equal(monitor.drain(count), "more");
      assert.equal(heard, 256);
      assert.equal(monitor.drain(count), "drained");
      assert.equal(heard, 300);
    }),
);

privileged("a dump longer than one datagram comes back whole", () =>
  withMonitor(({ routes, monitor, link }) => {
    for (let i = 0; i < 500; i++) put(routes, link, `10.98.${i >> 8}.${i & 255}`);
    assert.equal(new Set(routes.addresses().map((address) => address.ip)).size, 500);
    monitor.drain(() => {});
  }));

privileged("request() skips events that stand before its answer", () =>
  withMonitor(({ routes, monitor, link }) => {
    put(routes, link, "10.98.0.200");
    assert.deepEqual(monitor.request(dumpLinks()).map((message) => decodeLink(message).name), ["lo", "peer0", "link0"]);
    assert.deepEqual(monitor.request(dumpAddresses()).map((message) => decodeAddress(message)?.ip), ["10.98.0.200"]);
  }));

privileged("a refused request carries the kernel's own words", () =>
  withMonitor(({ monitor, link }) => {
    // A strict dump refuses a link index in this header.
    const payload = Uint8Array.of(0, 24, 0, 0, link, 0, 0, 0);
    assert.throws(() => monitor.request({ ...dumpAddresses(), payload }), {
      op: "list addresses",
      code: "EINVAL",
      reason: /address dump request/,
    });
  }));
