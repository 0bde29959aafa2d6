import assert from "node:assert/strict";
import { LinkDiscovery } from "../../mod/bgp/link_peers.ts";
import { KernelLinkPort, type LinkPortEvents } from "../../mod/bgp/link_port.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { parseIp6 } from "../../mod/net/ip.ts";
import { NeighbourState } from "../../mod/net/netlink/neighbour.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { privileged } from "../fakes/privileges.ts";
import { withCable } from "./cable.ts";
import { until } from "./tcp_ends.ts";

const IGNORE: LinkPortEvents = { heard: () => {}, changed: () => {} };

async function withPoller(body: (poller: Poller) => Promise<void>): Promise<void> {
  const poller = new Poller((error) => {
    throw error;
  });
  try {
    await body(poller);
  } finally {
    await poller.close();
  }
}

privileged(
  "two machines on a cable find each other, within a second, and lose each other with it",
  () =>
    withCable((here, there) =>
      withPoller(async (poller) => {
        const [near, far] = [here, there].map(({ namespace }) =>
          new LinkDiscovery({
            clock: systemClock,
            open: (events) => namespace.run(() => new KernelLinkPort(poller, events)),
          })
        );
        assert.ok(near && far);
        let changes = 0;
        near.onChange(() => changes++);
        const beganMs = performance.now();
        near.setInterfaces(["eth0"]);
        far.setInterfaces(["eth0"]);
        await until(() => near.peer("eth0") === there.linkLocal() && far.peer("eth0") === here.linkLocal(), "both");
        assert.ok(performance.now() - beganMs < 1000);
        assert.equal(changes, 1);
        there.routes.setDown(there.index);
        await until(() => near.peer("eth0") === null && far.peer("eth0") === null, "the loss");
        there.routes.setUp(there.index);
        await until(() => near.peer("eth0") === there.linkLocal() && there.linkLocal() !== null, "the return");
        near.stop();
        far.stop();
      })
    ),
);

privileged(
  "neighbours are those of the link that have a link-local address and have answered",
  () =>
    withCable((here) =>
      withPoller((poller) => {
        const port = here.namespace.run(() => new KernelLinkPort(poller, IGNORE));
        const mac = Uint8Array.of(2, 0, 0, 0, 0, 9);
        const entries = [
          ["fe80::7", NeighbourState.STALE],
          ["fe80::8", NeighbourState.NOARP],
          ["fd01::9", NeighbourState.REACHABLE],
        ] as const;
        for (const [text, state] of entries) {
          const ip = parseIp6(text);
          assert.ok(ip);
          here.routes.putNeighbour(ip, here.index, { mac, state });
        }
        assert.deepEqual(port.neighbours(here.index).filter(({ ip }) => /[789]$/.test(ip) && ip.length < 8), [
          { ip: "fe80::7", router: false },
        ]);
        assert.deepEqual(port.neighbours(here.index + 100), []);
        port.close();
        return Promise.resolve();
      })
    ),
);

privileged("links are told by name, and as they change", () =>
  withCable((here) =>
    withPoller(async (poller) => {
      const changed: (string | null)[] = [];
      const port = here.namespace.run(() =>
        new KernelLinkPort(poller, { ...IGNORE, changed: (name) => changed.push(name) })
      );
      assert.deepEqual([port.link("eth0")?.running, port.link("eth0")?.mac.length, port.link("eth1")], [true, 6, null]);
      here.routes.setDown(here.index);
      await until(() => changed.includes("eth0"), "the change");
      assert.equal(port.link("eth0")?.running, false);
      port.close();
    })
  ));
