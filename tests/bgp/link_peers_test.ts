import assert from "node:assert/strict";
import { LinkDiscovery } from "../../mod/bgp/link_peers.ts";
import type { LinkPort, LinkPortEvents, PortLink, PortNeighbour } from "../../mod/bgp/link_port.ts";
import { Errno, SysError } from "../../mod/linux/errno.ts";
import type { RouterMessage } from "../../mod/net/router_discovery.ts";
import { VirtualClock } from "../fakes/clock.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const RA = { type: "advertisement", lifetimeSeconds: 30, sourceMac: null } as const;
const RS: RouterMessage = { type: "solicitation", sourceMac: null };

/** Links in memory. */
class FakePort implements LinkPort {
  readonly links = new Map<string, PortLink>();
  readonly known = new Map<number, PortNeighbour[]>();
  /** `"advertisement@1000"`: what was sent, and when. */
  readonly sent: string[] = [];
  readonly joined: number[] = [];
  refuses = false;
  error: Error | null = null;
  open = true;

  constructor(readonly clock: VirtualClock, readonly events: LinkPortEvents) {
    this.links.set("eth0", { index: 2, mac: MAC, running: true });
  }

  link(name: string): PortLink | null {
    return this.links.get(name) ?? null;
  }

  neighbours(linkIndex: number): PortNeighbour[] {
    if (this.error !== null) throw this.error;
    return this.known.get(linkIndex) ?? [];
  }

  join(linkIndex: number): void {
    this.joined.push(linkIndex);
  }

  send(message: RouterMessage, to: string, linkIndex: number): "sent" | "refused" {
    if (this.refuses) return "refused";
    assert.equal(to, message.type === "advertisement" ? "all-nodes" : "all-routers");
    if (message.type === "advertisement") assert.equal(message.lifetimeSeconds, 0);
    assert.deepEqual([message.sourceMac, linkIndex], [MAC, 2]);
    this.sent.push(`${message.type}@${this.clock.now()}`);
    return "sent";
  }

  close(): void {
    this.open = false;
  }

  /** What was sent of that type since the last look. */
  times(type: string): number[] {
    const found = this.sent.filter((entry) => entry.startsWith(`${type}@`)).map((entry) => Number(entry.split("@")[1]));
    return found;
  }
}

interface Scene {
  readonly clock: VirtualClock;
  readonly discovery: LinkDiscovery;
  readonly port: () => FakePort;
  readonly opened: FakePort[];
  readonly changes: (string | null)[];
}

function scene(prepare: (port: FakePort) => void = () => {}): Scene {
  const clock = new VirtualClock(0);
  const opened: FakePort[] = [];
  const changes: (string | null)[] = [];
  const discovery = new LinkDiscovery({
    clock,
    open: (events) => {
      const port = new FakePort(clock, events);
      prepare(port);
      opened.push(port);
      return port;
    },
  });
  discovery.onChange(() => changes.push(discovery.peer("eth0")));
  return { clock, discovery, opened, changes, port: () => opened.at(-1) ?? assert.fail() };
}

function hears(port: FakePort, message: RouterMessage, ip = "fe80::1", linkIndex = 2): void {
  port.events.heard(message, { ip, linkIndex });
}

Deno.test("three advertisements are sent within a second, then one every ten seconds; questions as long as nobody is known", () => {
  const { clock, discovery, port } = scene();
  discovery.setInterfaces(["eth0"]);
  clock.advance(12_000);
  assert.deepEqual(port().times("advertisement"), [0, 250, 1000, 11_000]);
  assert.deepEqual(port().times("solicitation"), [0, 250, 1000, 11_000]);
  assert.deepEqual(port().joined, [2]);
  hears(port(), RA);
  clock.advance(20_000);
  assert.equal(port().times("solicitation").length, 4);
  discovery.stop();
  assert.deepEqual([clock.pending, port().open], [0, false]);
});

Deno.test("the router is who advertises on the link, once and for all who listen", () => {
  const { discovery, port, changes } = scene();
  discovery.setInterfaces(["eth0"]);
  assert.equal(discovery.peer("eth0"), null);
  hears(port(), RA, "fe80::9", 3);
  hears(port(), RS, "fe80::8");
  assert.equal(discovery.peer("eth0"), null);
  hears(port(), RA);
  hears(port(), RA);
  assert.deepEqual([discovery.peer("eth0"), discovery.peer("eth1"), changes], ["fe80::1", null, ["fe80::1"]]);
  const heard: string[] = [];
  const end = discovery.onChange(() => heard.push("changed"));
  end();
  discovery.stop();
  assert.deepEqual([heard, changes], [[], ["fe80::1", null]]);
});

Deno.test("a second router is used only when the first has been silent for thirty seconds", () => {
  const { clock, discovery, port, changes } = scene();
  discovery.setInterfaces(["eth0"]);
  hears(port(), RA, "fe80::1");
  clock.advance(30_000);
  hears(port(), RA, "fe80::2");
  assert.equal(discovery.peer("eth0"), "fe80::1");
  clock.advance(1);
  hears(port(), RA, "fe80::2");
  assert.deepEqual([discovery.peer("eth0"), changes], ["fe80::2", ["fe80::1", "fe80::2"]]);
  discovery.stop();
});

Deno.test("who offers itself as a default router counts for more than who does not, which may be another of us", () => {
  const { discovery, port } = scene();
  discovery.setInterfaces(["eth0"]);
  hears(port(), { ...RA, lifetimeSeconds: 0 }, "fe80::7");
  assert.equal(discovery.peer("eth0"), "fe80::7");
  hears(port(), { ...RA, lifetimeSeconds: 0 }, "fe80::8");
  assert.equal(discovery.peer("eth0"), "fe80::7");
  hears(port(), RA, "fe80::1");
  hears(port(), { ...RA, lifetimeSeconds: 0 }, "fe80::7");
  assert.equal(discovery.peer("eth0"), "fe80::1");
  discovery.stop();
});

for (
  const [name, known, found] of [
    ["the only router", [["fe80::1", false], ["fe80::2", true]], "fe80::2"],
    ["the only neighbour", [["fe80::1", false]], "fe80::1"],
    ["nobody if there are two routers", [["fe80::1", true], ["fe80::2", true]], null],
    ["nobody if there are two neighbours", [["fe80::1", false], ["fe80::2", false]], null],
    ["nobody if there is none", [], null],
  ] as const
) {
  Deno.test(`of what the kernel knows already, ${name} is taken; an advertisement counts for more`, () => {
    const { discovery, port } = scene((port) => port.known.set(2, known.map(([ip, router]) => ({ ip, router }))));
    discovery.setInterfaces(["eth0"]);
    assert.equal(discovery.peer("eth0"), found);
    hears(port(), RA, "fe80::3");
    assert.equal(discovery.peer("eth0"), "fe80::3");
    discovery.stop();
  });
}

Deno.test("whoever asks, in words or by being about to connect, gets an advertisement, at most one a second", () => {
  const { clock, discovery, port } = scene();
  discovery.setInterfaces(["eth0"]);
  hears(port(), RA);
  clock.advance(5000);
  assert.deepEqual(port().times("advertisement"), [0, 250, 1000]);
  for (let i = 0; i < 10; i++) {
    hears(port(), RS, "fe80::1");
    discovery.peer("eth0");
    clock.advance(100);
  }
  clock.advance(3000);
  assert.deepEqual(port().times("advertisement"), [0, 250, 1000, 5000, 6000]);
  clock.advance(8000);
  assert.deepEqual(port().times("advertisement").at(-1), 16_000);
  discovery.stop();
});

Deno.test("a router that has come up is told where we are", () => {
  const { clock, discovery, port } = scene();
  discovery.setInterfaces(["eth0"]);
  clock.advance(5000);
  hears(port(), RA);
  clock.advance(0);
  assert.deepEqual(port().times("advertisement"), [0, 250, 1000, 5000]);
  discovery.stop();
});

Deno.test("a link that goes down loses its router, and begins anew when it is back, also as another link of that name", () => {
  const { clock, discovery, port, changes } = scene();
  discovery.setInterfaces(["eth0"]);
  hears(port(), RA);
  port().events.changed("eth0");
  port().links.set("eth0", { index: 2, mac: MAC, running: false });
  port().events.changed("eth1");
  assert.deepEqual(changes, ["fe80::1"]);
  port().events.changed("eth0");
  assert.deepEqual([changes, clock.pending], [["fe80::1", null], 0]);
  hears(port(), RA);
  assert.equal(discovery.peer("eth0"), null);
  clock.advance(60_000);
  port().links.set("eth0", { index: 2, mac: MAC, running: true });
  port().events.changed(null);
  assert.deepEqual(port().times("advertisement"), [0, 60_000]);
  port().links.delete("eth0");
  port().events.changed("eth0");
  assert.deepEqual([clock.pending, discovery.peer("eth0")], [0, null]);
  discovery.stop();
});

Deno.test("a link that has no address yet is tried four times a second, later every ten seconds", () => {
  const { clock, discovery, port } = scene((port) => port.refuses = true);
  discovery.setInterfaces(["eth0"]);
  clock.advance(1600);
  port().refuses = false;
  clock.advance(1400);
  assert.deepEqual(port().times("advertisement"), [1750, 2000, 2750]);
  port().refuses = true;
  clock.advance(10_000 + 39 * 250 + 9000);
  port().refuses = false;
  clock.advance(1000);
  assert.equal(port().times("advertisement").length, 4);
  discovery.stop();
});

Deno.test("a kernel that cannot answer is asked again ten seconds later; any other error is nobody's secret", () => {
  const { clock, discovery, port } = scene((port) => port.error = new SysError("list neighbours", Errno.ENOBUFS));
  discovery.setInterfaces(["eth0"]);
  clock.advance(9999);
  assert.deepEqual(port().times("advertisement"), [0]);
  port().known.set(2, [{ ip: "fe80::1", router: true }]);
  port().error = null;
  clock.advance(1);
  assert.equal(discovery.peer("eth0"), "fe80::1");
  discovery.stop();
  assert.throws(() => {
    discovery.setInterfaces(["eth0"]);
    port().error = new TypeError("a bug");
    clock.advance(10_000);
  }, TypeError);
  discovery.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("links come and go; those that stay keep their router; the port is open while there are any", () => {
  const { clock, discovery, port, opened } = scene((port) =>
    port.links.set("eth1", { index: 2, mac: MAC, running: true })
  );
  discovery.setInterfaces([]);
  assert.equal(opened.length, 0);
  discovery.setInterfaces(["eth0", "missing0"]);
  hears(port(), RA);
  discovery.setInterfaces(["eth0", "eth1"]);
  assert.equal(discovery.peer("eth0"), "fe80::1");
  discovery.setInterfaces(["eth1"]);
  assert.deepEqual([discovery.peer("eth0"), opened.length], [null, 1]);
  discovery.stop();
  discovery.stop();
  assert.deepEqual([opened.map(({ open }) => open), clock.pending], [[false], 0]);
});
