import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { type Route, RouteType } from "../../mod/net/netlink/route.ts";
import { Scope } from "../../mod/net/netlink/rtnetlink.ts";
import { RouteTableAnnouncer, type RouteTableOptions } from "../../mod/routes/table_announcer.ts";
import { literal } from "../../mod/routes/table_plan.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { privileged } from "../fakes/privileges.ts";

const SHAPE = { table: 198, protocol: 248, type: RouteType.UNICAST };
const BOTH = ["10.98.0.200", "fd98::200"];
const OWNER = "control-plane";

/** An announcer over a link of a namespace of its own; only time is not real. */
class KernelBench {
  readonly clock = new VirtualClock();
  readonly book: RouteSocket;
  readonly link: number;
  readonly #namespace = Namespace.create();
  readonly #announcers: RouteTableAnnouncer[] = [];

  constructor() {
    this.book = this.#namespace.run(() => new RouteSocket());
    this.link = this.book.addVeth({ name: "eth0", peerName: "eth1" }).index;
    this.book.setUp(this.link);
    this.book.setUp(this.book.linkByName("eth1")?.index ?? 0);
  }

  /** Puts the addresses on the link. */
  attach(): void {
    const lifetimes = { validSeconds: 60, preferredSeconds: 0, nodad: true, protocol: 0 };
    for (const ip of BOTH.map(literal)) {
      this.book.putAddress({ ip, prefixLength: ip.bytes.length * 8, linkIndex: this.link, ...lifetimes });
    }
  }

  announcer(other: Partial<RouteTableOptions> = {}): RouteTableAnnouncer {
    const { book, clock } = this;
    const usual = { shape: SHAPE, cleanStale: false, linkName: "eth0", reassertMs: 5000, managed: () => BOTH };
    const announcer = new RouteTableAnnouncer({ ...usual, book, clock, ...other });
    this.#announcers.push(announcer);
    return announcer;
  }

  /** What is in the table, IPv4 first. */
  routes(table = SHAPE.table): Route[] {
    return this.book.routes({ table });
  }

  /** Destination, protocol and realm of what is in the table. */
  get seen(): string[] {
    return this.routes().map(({ destination, protocol, realm }) => `${destination} ${protocol} ${realm}`);
  }

  async close(): Promise<void> {
    for (const announcer of this.#announcers) await announcer.close();
    this.book.close();
    this.#namespace.close();
  }
}

function onKernel(name: string, body: (bench: KernelBench) => Promise<void>): void {
  privileged(name, async () => {
    const bench = new KernelBench();
    try {
      await body(bench);
    } finally {
      await bench.close();
    }
  });
}

onKernel(
  "announced addresses stand in the table as unicast routes of global scope, and nowhere else",
  async (bench) => {
    const before = bench.book.routes();
    const announcer = bench.announcer();
    announcer.start();
    for (const ip of BOTH) announcer.announce(ip, OWNER);
    const common = { gateway: null, linkIndex: bench.link, ...SHAPE, scope: Scope.UNIVERSE, source: null };
    assert.deepEqual(bench.routes(), [
      { ...common, family: 4, destination: "10.98.0.200", prefixLength: 32, metric: 0, realm: 1 },
      { ...common, family: 6, destination: "fd98::200", prefixLength: 128, metric: 1024, realm: 0 },
    ]);
    assert.deepEqual(announcer.status().map(({ state }) => state), ["routed", "routed"]);
    announcer.withdraw("10.98.0.200", OWNER);
    assert.deepEqual(bench.seen, ["fd98::200 248 0"]);
    await announcer.close();
    assert.deepEqual(bench.book.routes(), before);
  },
);

onKernel("putting routes again changes the realm of IPv4 routes and leaves one route each", (bench) => {
  bench.attach();
  const announcer = bench.announcer();
  announcer.start();
  for (const ip of BOTH) announcer.announce(ip, OWNER);
  for (const realm of [2, 1, 2]) {
    bench.clock.advance(5000);
    assert.deepEqual(bench.seen, [`10.98.0.200 248 ${realm}`, "fd98::200 248 0"]);
  }
  return Promise.resolve();
});

onKernel("routes that were removed are back within a second, those of a link that flapped too", (bench) => {
  const announcer = bench.announcer();
  announcer.start();
  for (const ip of BOTH) announcer.announce(ip, OWNER);
  const wanted = bench.seen;
  for (const ip of BOTH) assert.equal(bench.book.removeRoute({ destination: literal(ip), table: 198 }), "removed");
  assert.deepEqual(bench.seen, []);
  bench.clock.advance(1000);
  assert.deepEqual(bench.seen, wanted);
  bench.book.setDown(bench.link);
  assert.deepEqual(bench.seen, []);
  announcer.check();
  assert.ok(announcer.status().every(({ state, why }) => state === "refused" && /ENETDOWN/.test(why)));
  bench.book.setUp(bench.link);
  announcer.check();
  assert.deepEqual(bench.seen, wanted);
  bench.book.deleteLink(bench.link);
  bench.clock.advance(1000);
  assert.deepEqual(announcer.status().map(({ why }) => why), Array(2).fill("there is no link eth0"));
  bench.book.setUp(bench.book.addVeth({ name: "eth0", peerName: "eth1" }).index);
  bench.clock.advance(1000);
  assert.deepEqual(bench.seen, wanted);
  return Promise.resolve();
});

onKernel("of what an earlier run left only ours goes, whatever link or metric it had", async (bench) => {
  const other = bench.book.linkByName("eth1")?.index ?? 0;
  for (const ip of BOTH) {
    const route = { destination: literal(ip), table: 198, protocol: 248 };
    bench.book.addRoute({ ...route, linkIndex: other });
    bench.book.addRoute({ ...route, linkIndex: bench.link, metric: 5 });
  }
  const stranger = { table: 198, linkIndex: other };
  bench.book.addRoute({ ...stranger, destination: literal("10.98.0.0"), prefixLength: 24, protocol: 4 });
  bench.book.addRoute({ ...stranger, destination: literal("10.98.0.200"), metric: 9, protocol: 4 });
  bench.book.addRoute({ ...stranger, destination: literal("10.98.0.9"), protocol: 248 });
  const kept = ["10.98.0.0 4 0", "10.98.0.200 4 0"];
  const announcer = bench.announcer({ cleanStale: true });
  announcer.start();
  announcer.ready();
  assert.deepEqual(bench.seen.toSorted(), ["10.98.0.0 4 0", "10.98.0.200 4 0", "10.98.0.9 248 0"]);
  bench.clock.advance(10_000);
  assert.deepEqual(bench.seen.toSorted(), kept);
  for (const ip of BOTH) announcer.announce(ip, OWNER);
  assert.equal(bench.routes().length, 4);
  await announcer.close();
  assert.deepEqual(bench.seen.toSorted(), kept);
});

onKernel("a route of somebody else in our place stays", async (bench) => {
  const announcer = bench.announcer();
  announcer.start();
  for (const ip of BOTH) {
    bench.book.addRoute({ destination: literal(ip), table: 198, protocol: 4, linkIndex: bench.link });
  }
  for (const ip of BOTH) announcer.announce(ip, OWNER);
  assert.deepEqual(announcer.status().map(({ state }) => state), ["refused", "refused"]);
  bench.clock.advance(10_000);
  assert.deepEqual(bench.seen, BOTH.map((ip) => `${ip} 4 0`));
  await announcer.close();
  assert.deepEqual(bench.seen, BOTH.map((ip) => `${ip} 4 0`));
});

const TYPES = [RouteType.UNICAST, RouteType.LOCAL, RouteType.ANYCAST, RouteType.BLACKHOLE, RouteType.UNREACHABLE];

onKernel("every type of route gets in, is put again and goes", async (bench) => {
  bench.attach();
  for (const type of [...TYPES, RouteType.PROHIBIT, RouteType.THROW, RouteType.MULTICAST]) {
    const announcer = bench.announcer({ shape: { ...SHAPE, table: 4000, type } });
    announcer.start();
    for (const ip of BOTH) announcer.announce(ip, OWNER);
    assert.deepEqual(announcer.status().map(({ why }) => why), ["", ""], `type ${type}`);
    bench.clock.advance(5000);
    assert.deepEqual(announcer.status().map(({ why }) => why), ["", ""], `type ${type} again`);
    assert.deepEqual(bench.routes(4000).map((route) => [route.destination, route.type]), BOTH.map((ip) => [ip, type]));
    await announcer.close();
    assert.deepEqual(bench.routes(4000), [], `type ${type} left`);
  }
});

onKernel("a type that the kernel does not know is refused with its words", (bench) => {
  const announcer = bench.announcer({ shape: { ...SHAPE, type: 99 } });
  announcer.announce("10.98.0.200", OWNER);
  const [status] = announcer.status();
  assert.equal(status?.state, "refused");
  assert.match(status?.why ?? "", /EINVAL/);
  return Promise.resolve();
});
