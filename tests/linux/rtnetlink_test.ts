import assert from "node:assert/strict";
import { SysError } from "../../mod/linux/errno.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { AddressFlag, type AddressRequest } from "../../mod/net/netlink/address.ts";
import { NeighbourState } from "../../mod/net/netlink/neighbour.ts";
import { RouteProtocol, RouteTable, RouteType } from "../../mod/net/netlink/route.ts";
import type { HeldAddress, Link } from "../../mod/vip/kernel.ts";
import { privileged } from "../fakes/privileges.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

/** Runs `body` with a socket in a namespace that has a veth pair, both ends up. */
async function withLink(body: (routes: RouteSocket, link: number) => void | Promise<void>): Promise<void> {
  const namespace = Namespace.create();
  const routes = namespace.run(() => new RouteSocket());
  try {
    const { index } = routes.addVeth({ name: "link0", peerName: "peer0" });
    routes.setUp(index);
    routes.setUp(routes.linkByName("peer0")?.index ?? 0);
    await body(routes, index);
  } finally {
    routes.close();
    namespace.close();
  }
}

function vip(text: string, linkIndex: number, validSeconds: number): AddressRequest {
  const address = ip(text);
  const prefixLength = address.bytes.length * 8;
  return { ip: address, prefixLength, linkIndex, validSeconds, preferredSeconds: 0, nodad: true, protocol: 77 };
}

privileged(
  "putAddress() gives lifetimes, mark and flags, and giving them again only renews",
  () =>
    withLink((routes, link) => {
      for (const text of ["10.98.0.200", "fd98::200"]) {
        routes.putAddress(vip(text, link, 20));
        routes.putAddress(vip(text, link, 50));
        const found = routes.addresses().filter((address) => address.ip === text);
        assert.equal(found.length, 1);
        const [address] = found;
        assert.ok(address);
        assert.equal(address.prefixLength, ip(text).bytes.length * 8);
        assert.equal(address.linkIndex, link);
        assert.equal(address.protocol, 77);
        assert.ok(address.validSeconds > 45 && address.validSeconds <= 50, `${address.validSeconds} s`);
        assert.equal(address.preferredSeconds, 0);
        assert.ok((address.flags & AddressFlag.DEPRECATED) !== 0, "never a source address");
        assert.equal(address.flags & (AddressFlag.TENTATIVE | AddressFlag.PERMANENT), 0);
        const held: HeldAddress = address;
        assert.equal(held.ip, text);
      }
      assert.ok((routes.addresses().find((found) => found.ip === "fd98::200")?.flags ?? 0) & AddressFlag.NODAD);
    }),
);

privileged("an address without end says so, and keeps prefix and scope", () =>
  withLink((routes, link) => {
    const forever = { validSeconds: Infinity, preferredSeconds: Infinity, nodad: false, protocol: 0 };
    routes.putAddress({ ip: ip("10.1.0.1"), prefixLength: 24, linkIndex: link, ...forever, scope: 254 });
    const address = routes.addresses().find((found) => found.ip === "10.1.0.1");
    assert.deepEqual(
      [address?.validSeconds, address?.preferredSeconds, address?.prefixLength, address?.scope, address?.protocol],
      [Infinity, Infinity, 24, 254, 0],
    );
  }));

privileged("the kernel takes an address away when its lifetime ends", () =>
  withLink(async (routes, link) => {
    routes.putAddress(vip("10.98.0.200", link, 1));
    const begun = performance.now();
    while (routes.addresses().some((address) => address.ip === "10.98.0.200")) {
      assert.ok(performance.now() - begun < 5000, "still there after 5 s");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const lasted = performance.now() - begun;
    assert.ok(lasted > 900, `it was gone after ${lasted} ms`);
  }));

privileged("removeAddress() says whether there was one", () =>
  withLink((routes, link) => {
    for (const text of ["10.98.0.200", "fd98::200"]) {
      const { prefixLength } = vip(text, link, 9);
      assert.equal(routes.removeAddress(ip(text), prefixLength, link), "absent");
      routes.putAddress(vip(text, link, 9));
      assert.equal(routes.removeAddress(ip(text), prefixLength, link), "removed");
      assert.equal(routes.removeAddress(ip(text), prefixLength, link), "absent");
      assert.equal(routes.removeAddress(ip(text), prefixLength, 4711), "absent", "no such link");
    }
    assert.throws(() => routes.putAddress(vip("10.98.0.200", 4711, 9)), {
      code: "ENODEV",
      op: "put address",
      subject: "10.98.0.200/32 on link 4711",
    });
  }));

privileged("a veth pair reaches across namespaces, and a bridge carries it", () => {
  const [inner, outer] = [Namespace.create(), Namespace.create()];
  const [inside, outside] = [inner.run(() => new RouteSocket()), outer.run(() => new RouteSocket())];
  const port = outside.addVeth({ name: "port0", peerName: "eth0", peerNamespaceFd: inner.fd });
  const bridge = outside.addBridge("br0");
  assert.deepEqual([port.kind, bridge.kind], ["veth", "bridge"]);
  outside.setMaster(port.index, bridge.index);
  outside.setUp(port.index);
  outside.setUp(bridge.index);
  assert.equal(outside.linkByName("port0")?.master, bridge.index);
  const eth0: Link | null = inside.linkByName("eth0");
  assert.ok(eth0);
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 5);
  inside.setMac(eth0.index, mac);
  assert.equal(outside.linkByName("port0")?.running, false, "the peer is down");
  inside.setUp(eth0.index);
  const now = inside.linkByName("eth0");
  assert.deepEqual([now?.mac, now?.up, now?.running], [mac, true, true]);
  inside.setDown(eth0.index);
  assert.equal(inside.linkByName("eth0")?.up, false);
  assert.equal(outside.deleteLink(port.index), "removed");
  assert.equal(outside.deleteLink(port.index), "absent");
  assert.equal(inside.linkByName("eth0"), null, "the peer goes along");
  for (const closable of [inside, outside, inner, outer]) closable.close();
});

privileged("changeLink() sets name, size and namespace", () =>
  withLink((routes, link) => {
    const other = Namespace.create();
    routes.setDown(link);
    routes.changeLink(link, { name: "renamed", mtu: 1400 });
    const renamed = routes.linkByName("renamed");
    assert.deepEqual([renamed?.index, renamed?.mtu], [link, 1400]);
    routes.changeLink(link, { namespaceFd: other.fd });
    assert.equal(routes.linkByName("renamed"), null);
    const there = other.run(() => new RouteSocket());
    assert.deepEqual(there.links().map((link) => link.name), ["lo", "renamed"]);
    assert.equal(there.links()[0]?.loopback, true);
    there.close();
    other.close();
    assert.throws(() => routes.addBridge("a-name-that-is-too-long"), { op: "add bridge" });
  }));

privileged("routes are added, listed, replaced and removed", () =>
  withLink((routes, link) => {
    const forever = { validSeconds: Infinity, preferredSeconds: Infinity, nodad: true, protocol: 0 };
    routes.putAddress({ ip: ip("10.1.0.1"), prefixLength: 24, linkIndex: link, ...forever });
    routes.putAddress({ ip: ip("fd01::1"), prefixLength: 64, linkIndex: link, ...forever });
    for (const gateway of [ip("10.1.0.254"), ip("fd01::254")]) {
      const route = { destination: null, gateway };
      assert.equal(routes.removeRoute(route), "absent");
      routes.addRoute(route);
      routes.addRoute(route);
      const found = routes.routes().filter((entry) => entry.gateway === gateway.text);
      assert.equal(found.length, 1);
      const { destination, prefixLength, linkIndex, table, protocol } = found[0] ?? {};
      assert.deepEqual([destination, prefixLength, linkIndex], [null, 0, link]);
      assert.deepEqual([table, protocol], [RouteTable.MAIN, RouteProtocol.STATIC]);
      assert.equal(routes.removeRoute(route), "removed");
      assert.equal(routes.removeRoute(route), "absent");
    }
    const host = { destination: ip("10.98.0.200"), linkIndex: link, table: 1000, protocol: 77, metric: 5 };
    routes.addRoute({ ...host, source: ip("10.1.0.1") });
    const found = routes.routes().find((entry) => entry.destination === "10.98.0.200");
    assert.deepEqual([found?.prefixLength, found?.table, found?.protocol, found?.metric, found?.source], [
      32,
      1000,
      77,
      5,
      "10.1.0.1",
    ]);
    assert.equal(routes.removeRoute(host), "removed");
  }));

privileged(
  "routes of one table are listed alone, and createRoute() takes no place that is taken",
  () =>
    withLink((routes, link) => {
      for (const table of [198, 1000]) {
        const host = { destination: ip("10.98.0.200"), linkIndex: link, table, protocol: 248, scope: 0 };
        assert.deepEqual(routes.routes({ table }), []);
        routes.createRoute({ ...host, realm: 7 });
        assert.throws(() => routes.createRoute({ ...host, protocol: 4 }), { code: "EEXIST", op: "create route" });
        assert.deepEqual(
          routes.routes({ table }).map((route) => [route.table, route.protocol, route.scope, route.realm]),
          [
            [table, 248, 0, 7],
          ],
        );
        routes.addRoute({ ...host, realm: 8 });
        assert.deepEqual(routes.routes({ table }).map(({ realm }) => realm), [8]);
      }
    }),
);

privileged(
  "default routes are those that lead out of the main table, the preferred one first",
  () =>
    withLink((routes, near) => {
      assert.deepEqual(routes.defaultRoutes(), []);
      const far = routes.linkByName("peer0")?.index ?? 0;
      const forever = { validSeconds: Infinity, preferredSeconds: Infinity, nodad: true, protocol: 0 };
      for (const [linkIndex, net] of [[near, 1], [far, 2]] as const) {
        routes.putAddress({ ip: ip(`10.${net}.0.1`), prefixLength: 24, linkIndex, ...forever });
        routes.putAddress({ ip: ip(`fd0${net}::1`), prefixLength: 64, linkIndex, ...forever });
      }
      routes.addRoute({ destination: null, gateway: ip("fd01::254"), metric: 5 });
      routes.addRoute({ destination: null, gateway: ip("10.1.0.254"), metric: 200 });
      routes.addRoute({ destination: null, gateway: ip("10.2.0.254"), metric: 100 });
      routes.addRoute({ destination: null, gateway: ip("10.2.0.253"), table: 77 });
      routes.addRoute({ destination: null, family: 4, type: RouteType.BLACKHOLE, metric: 1 });
      const seen = (): unknown[] => routes.defaultRoutes().map(({ gateway, linkIndex }) => [gateway, linkIndex]);
      assert.deepEqual(seen(), [["10.2.0.254", far], ["10.1.0.254", near], ["fd01::254", near]]);
      routes.deleteLink(near);
      assert.deepEqual(seen(), []);
    }),
);

privileged("neighbours are listed and forgotten", () =>
  withLink((routes, link) => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 9);
    for (const address of [ip("10.1.0.7"), ip("fd01::7")]) {
      assert.equal(routes.flushNeighbour(address, link), "absent");
      routes.putNeighbour(address, link, { mac, state: NeighbourState.PERMANENT });
      assert.deepEqual(routes.neighbours().filter((entry) => entry.ip === address.text), [
        { ip: address.text, linkIndex: link, mac, state: NeighbourState.PERMANENT, router: false },
      ]);
      assert.equal(routes.flushNeighbour(address, link), "removed");
      assert.equal(routes.neighbours().some((entry) => entry.ip === address.text && entry.mac.length > 0), false);
    }
  }));

privileged("addDummy() makes a link, or says that the kernel has none of the kind", () =>
  withLink((routes) => {
    try {
      assert.equal(routes.addDummy("dummy0").kind, "dummy");
    } catch (error) {
      assert.ok(error instanceof SysError);
      assert.deepEqual([error.code, error.op, error.subject], ["EOPNOTSUPP", "add dummy", "dummy0"]);
    }
  }));
