import assert from "node:assert/strict";
import { PathMonitor } from "../../mod/bfd/monitor.ts";
import { type BfdDatagram, UdpBfdNetwork } from "../../mod/bfd/network.ts";
import type { BfdPath, BfdState } from "../../mod/bfd/types.ts";
import { BfdReceiver } from "../../mod/linux/bfd_socket.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { AddressFlag } from "../../mod/net/netlink/address.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { privileged } from "../fakes/privileges.ts";
import { type Machine, Network } from "../lab/network.ts";
import { station } from "../lab/plan.ts";
import { Changes, sleep, within } from "../lab/time.ts";

const PATH: BfdPath = {
  remoteIp: "127.0.0.1",
  localIp: "127.0.0.1",
  interface: "lo",
  multihop: false,
  desiredTxMs: 50,
  requiredRxMs: 50,
  multiplier: 3,
};
const LIMIT_MS = 5000;

function fail(error: unknown): never {
  throw error;
}

/** An empty namespace whose loopback is up, a poller, and a network. */
async function withNetwork(
  body: (setup: { namespace: Namespace; poller: Poller; network: UdpBfdNetwork }) => Promise<void>,
): Promise<void> {
  const namespace = Namespace.create();
  const poller = new Poller(fail);
  const network = new UdpBfdNetwork({ poller, random: Math.random, onError: fail });
  try {
    namespace.run(() => {
      const routes = new RouteSocket();
      routes.setUp(routes.linkByName("lo")?.index ?? 0);
      routes.close();
    });
    await body({ namespace, poller, network });
  } finally {
    network.close();
    await poller.close();
    namespace.close();
  }
}

/** Whether the ports for neighbours and for multihop are free over IPv4. */
function freePorts(namespace: Namespace): boolean[] {
  return namespace.run(() =>
    [false, true].map((multihop) => {
      try {
        new BfdReceiver(4, multihop).close();
        return true;
      } catch {
        return false;
      }
    })
  );
}

privileged(
  "a port is taken with the first path that needs it and free after the last",
  () =>
    withNetwork(async ({ namespace, poller, network }) => {
      assert.deepEqual(freePorts(namespace), [true, true]);
      const first = namespace.run(() => network.open(PATH));
      const second = namespace.run(() => network.open(PATH));
      assert.deepEqual(freePorts(namespace), [false, true]);
      const far = namespace.run(() => network.open({ ...PATH, multihop: true }));
      assert.deepEqual(freePorts(namespace), [false, false]);
      far.close();
      first.close();
      first.close();
      await poller.released();
      await Promise.resolve();
      assert.deepEqual(freePorts(namespace), [false, true]);
      second.close();
      const again = namespace.run(() => network.open(PATH));
      await poller.released();
      assert.deepEqual(freePorts(namespace), [false, true], "whoever comes in the same turn keeps the port");
      again.close();
      await poller.released();
      await Promise.resolve();
      assert.deepEqual(freePorts(namespace), [true, true]);
    }),
);

privileged("a path that cannot be had leaves nothing behind", () =>
  withNetwork(async ({ namespace, network }) => {
    const open = (differs: Partial<BfdPath>): void => void namespace.run(() => network.open({ ...PATH, ...differs }));
    assert.throws(() => open({ localIp: "192.0.2.1" }), { code: "EADDRNOTAVAIL" });
    assert.throws(() => open({ interface: "eth9" }), { code: "ENODEV" });
    assert.throws(() => open({ localIp: "::1" }), { code: "EAFNOSUPPORT" });
    assert.throws(() => open({ remoteIp: "router" }), { code: "EINVAL" });
    const other = namespace.run(() => new BfdReceiver(4, false));
    assert.throws(() => open({}), { code: "EADDRINUSE" });
    other.close();
    assert.deepEqual(freePorts(namespace), [true, true]);
    await Promise.resolve();
  }));

privileged(
  "packets come by the poller, or at once to whoever drains",
  () =>
    withNetwork(async ({ namespace, network }) => {
      const got: BfdDatagram[] = [];
      const changes = new Changes();
      network.listen((datagram) => {
        got.push({ ...datagram, bytes: datagram.bytes.slice() });
        changes.changed();
      });
      const line = namespace.run(() => network.open(PATH));
      line.send(Uint8Array.of(1));
      network.drain();
      const arrived = { source: "127.0.0.1", destination: "127.0.0.1", linkIndex: line.linkIndex, multihop: false };
      assert.deepEqual(got, [{ bytes: Uint8Array.of(1), ...arrived }]);
      line.send(Uint8Array.of(2));
      await changes.until(() => got[1] ?? null, LIMIT_MS, "a packet");
      assert.deepEqual(got[1], { bytes: Uint8Array.of(2), ...arrived });
      for (let i = 0; i < 1000; i++) line.send(Uint8Array.of(3));
      network.drain();
      assert.equal(got.length, 1002, "all that waited");
    }),
);

/** The kernel gives it a moment after the link has come up. */
async function linkLocalOf({ routes, linkIndex }: Machine): Promise<string> {
  const untilMs = performance.now() + LIMIT_MS;
  for (;;) {
    const found = routes.addresses().find(({ ip, flags, ...each }) =>
      each.linkIndex === linkIndex && ip.startsWith("fe80:") && (flags & AddressFlag.TENTATIVE) === 0
    );
    if (found !== undefined) return found.ip;
    if (performance.now() > untilMs) throw new Error(`no link-local address within ${LIMIT_MS} ms`);
    await sleep(5);
  }
}

privileged("two monitors come up with each other over IPv4, IPv6, link-local addresses and several hops", async () => {
  const cables = Network.create();
  const machines = [1, 2].map((host) => cables.connect(station(`m${host}`, host)));
  const poller = new Poller(fail);
  const changes = new Changes();
  const monitors = machines.map(() => {
    const network = new UdpBfdNetwork({ poller, random: Math.random, onError: fail });
    return new PathMonitor({ network, clock: systemClock, random: Math.random });
  });
  try {
    const linkLocal = await Promise.all(machines.map(linkLocalOf));
    const pairs = [
      { ips: machines.map(({ station }) => station.ip4), interface: "eth0", multihop: false },
      { ips: machines.map(({ station }) => station.ip6), interface: "eth0", multihop: false },
      { ips: linkLocal, interface: "eth0", multihop: false },
      { ips: machines.map(({ station }) => station.ip4), interface: null, multihop: true },
      { ips: machines.map(({ station }) => station.ip6), interface: null, multihop: true },
    ];
    for (const { ips, ...how } of pairs) {
      const states: BfdState[] = ["down", "down"];
      const watches = machines.map((machine, end) => {
        const path = { ...PATH, ...how, localIp: ips[end] ?? "", remoteIp: ips[1 - end] ?? "" };
        return machine.inside(() =>
          monitors[end]?.watch(path, ({ state }) => {
            states[end] = state;
            changes.changed();
          })
        );
      });
      const both = (state: BfdState): Promise<true> =>
        changes.until(() => states.every((each) => each === state) || null, LIMIT_MS, `${ips} ${state}`);
      await both("up");
      watches[0]?.stop();
      states[0] = "down";
      await both("down");
      watches[1]?.stop();
    }
  } finally {
    for (const monitor of monitors) monitor.close();
    await within(poller.close(), LIMIT_MS, "end of the poller");
    cables.close();
  }
});
