import assert from "node:assert/strict";
import { RouteType } from "../../mod/net/netlink/route.ts";
import { hostRoute, literal } from "../../mod/routes/table_plan.ts";
import { RouteTableAnnouncer, type RouteTableOptions } from "../../mod/routes/table_announcer.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { LINK, made, MemoryRoutes } from "../fakes/route_book.ts";

const SHAPE = { table: 198, protocol: 248, type: RouteType.UNICAST };
const [V4, V6] = ["10.98.0.200", "fd98::200"];
const OWNER = "control-plane";

class Bench {
  readonly clock = new VirtualClock();
  readonly book = new MemoryRoutes();
  readonly announcer: RouteTableAnnouncer;

  constructor(other: Partial<RouteTableOptions> = {}) {
    this.announcer = new RouteTableAnnouncer({
      shape: SHAPE,
      cleanStale: false,
      linkName: LINK,
      reassertMs: 5000,
      managed: () => [V4, V6],
      book: this.book,
      clock: this.clock,
      ...other,
    });
  }

  /** Destinations in the table with their realms. */
  get routes(): string[] {
    return this.book.table.map(({ destination, realm }) => `${destination} ${realm}`);
  }

  /** A route of ours over the link to what nobody announced. */
  leave(ip: string, other: Partial<ReturnType<typeof made>> = {}): void {
    this.book.table.push({ ...made(hostRoute(SHAPE, literal(ip), { linkIndex: 3, realm: 1 })), ...other });
  }
}

Deno.test("an address is routed from its first owner to its last", async () => {
  const { announcer, book, ...bench } = new Bench();
  announcer.announce(V4, "a");
  announcer.announce(V4, "b");
  announcer.announce(V4, "b");
  announcer.announce(V6, "a");
  assert.deepEqual(book.taken(), [`create ${V4} realm 1`, `create ${V6}`]);
  assert.deepEqual(announcer.status().map(({ ip, state }) => [ip, state]), [[V4, "routed"], [V6, "routed"]]);
  announcer.drain(V4);
  announcer.withdraw(V4, "a");
  announcer.withdraw(V4, "stranger");
  assert.deepEqual(book.taken(), []);
  announcer.withdraw(V4, "b");
  assert.deepEqual(book.table.map(({ destination }) => destination), [V6]);
  await announcer.close();
  await announcer.close();
  assert.deepEqual([book.table, announcer.status(), bench.clock.pending], [[], [], 0]);
  announcer.announce(V4, "a");
  announcer.start();
  assert.deepEqual([book.table, bench.clock.pending], [[], 0]);
});

Deno.test("routes to own addresses are put again every period, IPv4 with the other realm, and others never", async () => {
  const bench = new Bench();
  bench.book.attached.push(V4, V6);
  bench.announcer.start();
  bench.announcer.announce(V4, OWNER);
  bench.announcer.announce(V6, OWNER);
  bench.announcer.announce("10.98.0.201", OWNER);
  bench.book.taken();
  bench.clock.advance(4999);
  assert.deepEqual(bench.book.taken(), []);
  bench.clock.advance(1);
  assert.deepEqual(bench.book.taken(), [`put ${V4} realm 2`, `put ${V6}`]);
  bench.clock.advance(5000);
  assert.deepEqual(bench.book.taken(), [`put ${V4} realm 1`, `put ${V6}`]);
  assert.deepEqual(bench.routes, [`${V4} 1`, `${V6} 0`, "10.98.0.201 1"]);
  bench.book.attached.length = 0;
  bench.clock.advance(10_000);
  assert.deepEqual(bench.book.taken(), []);
  await bench.announcer.close();
});

Deno.test("a route that somebody removed or changed is back within a second", async () => {
  const bench = new Bench();
  bench.announcer.start();
  bench.announcer.announce(V4, OWNER);
  bench.book.table.length = 0;
  bench.clock.advance(1000);
  assert.deepEqual(bench.routes, [`${V4} 1`]);
  bench.book.table.length = 0;
  bench.leave(V4, { linkIndex: 9 });
  bench.clock.advance(1000);
  assert.deepEqual(bench.book.table.map(({ linkIndex }) => linkIndex), [3]);
  bench.book.linkIndex = 5;
  bench.announcer.check();
  assert.deepEqual(bench.book.table.map(({ linkIndex }) => linkIndex), [5]);
  await bench.announcer.close();
});

Deno.test("what the kernel refuses is told with its reason and gets in when the kernel agrees", async () => {
  const bench = new Bench();
  const status = (): unknown => bench.announcer.status().map(({ state, why }) => [state, why]);
  bench.announcer.start();
  bench.book.linkIndex = null;
  bench.announcer.announce(V4, OWNER);
  assert.deepEqual(status(), [["refused", "there is no link eth0"]]);
  bench.book.linkIndex = 3;
  bench.book.refusal = "Device for nexthop is not up";
  bench.clock.advance(1000);
  assert.deepEqual(status(), [["refused", "Cannot create: ENETDOWN (Device for nexthop is not up)"]]);
  bench.book.refusal = null;
  bench.clock.advance(1000);
  assert.deepEqual([status(), bench.routes], [[["routed", ""]], [`${V4} 1`]]);
  await bench.announcer.close();
});

Deno.test("a route that leads nowhere needs no link", async () => {
  const bench = new Bench({ shape: { ...SHAPE, type: RouteType.BLACKHOLE } });
  bench.book.linkIndex = null;
  bench.announcer.announce(V4, OWNER);
  assert.equal(bench.announcer.status()[0]?.state, "routed");
  await bench.announcer.close();
});

Deno.test("a route of somebody else in our place stays, and ours takes the place when it is free", async () => {
  const bench = new Bench();
  bench.announcer.start();
  bench.leave(V4, { protocol: 4 });
  bench.announcer.announce(V4, OWNER);
  const why = "table 198 has a route to it already, of protocol 4 and metric 0";
  assert.deepEqual(bench.announcer.status(), [{ ip: V4, state: "refused", why }]);
  bench.clock.advance(20_000);
  assert.deepEqual(bench.book.table.map(({ protocol }) => protocol), [4]);
  bench.book.table.length = 0;
  bench.clock.advance(1000);
  assert.deepEqual(bench.book.table.map(({ protocol }) => protocol), [248]);
  await bench.announcer.close();
});

Deno.test("a route of an earlier run stays until it is known what is announced, and is not touched if it still is", async () => {
  for (const end of ["announced", "ready", "waited", "closed"]) {
    const bench = new Bench({});
    bench.leave(V4);
    const [left] = bench.book.table;
    bench.announcer.start();
    bench.clock.advance(5000);
    assert.deepEqual(bench.book.table, [left]);
    if (end === "announced") bench.announcer.announce(V4, OWNER);
    if (end !== "waited" && end !== "closed") bench.announcer.ready();
    if (end === "closed") await bench.announcer.close();
    bench.clock.advance(end === "waited" ? 5000 : 0);
    assert.deepEqual(bench.book.table, end === "announced" ? [left] : [], end);
    await bench.announcer.close();
    assert.deepEqual(bench.book.table, []);
  }
});

Deno.test("routes of an earlier run to managed addresses go, and unknown ones ten seconds after the start if wanted", async () => {
  for (const cleanStale of [false, true]) {
    const bench = new Bench({ cleanStale });
    bench.leave(V4);
    bench.leave("10.98.0.77");
    bench.leave("10.98.0.78", { protocol: 4 });
    bench.leave("10.98.0.79", { table: 254 });
    bench.announcer.start();
    bench.announcer.start();
    bench.announcer.ready();
    assert.deepEqual(bench.book.table.map(({ destination }) => destination), [
      "10.98.0.77",
      "10.98.0.78",
      "10.98.0.79",
    ]);
    bench.clock.advance(9999);
    assert.equal(bench.book.table.length, 3);
    bench.clock.advance(1);
    assert.equal(bench.book.table.length, cleanStale ? 2 : 3);
    bench.leave("10.98.0.80");
    bench.clock.advance(30_000);
    assert.equal(bench.book.table.length, cleanStale ? 3 : 4, "only once");
    await bench.announcer.close();
  }
});

Deno.test("a withdrawal that the kernel refuses is tried again", async () => {
  const bench = new Bench({ managed: () => [] });
  bench.announcer.start();
  bench.announcer.announce(V4, OWNER);
  bench.book.refusal = "busy";
  bench.announcer.withdraw(V4, OWNER);
  assert.deepEqual([bench.routes, bench.announcer.status()], [[`${V4} 1`], []]);
  bench.book.refusal = null;
  bench.clock.advance(1000);
  assert.deepEqual(bench.routes, []);
  await bench.announcer.close();
});

Deno.test("a kernel that does not list its routes changes nothing", async () => {
  const bench = new Bench();
  bench.announcer.start();
  bench.announcer.announce(V4, OWNER);
  bench.book.isMute = true;
  bench.book.taken();
  bench.clock.advance(10_000);
  assert.deepEqual(bench.book.taken(), []);
  assert.equal(bench.announcer.status()[0]?.state, "routed");
  bench.leave(V6);
  bench.announcer.announce(V6, OWNER);
  assert.match(bench.announcer.status()[1]?.why ?? "", /ENOBUFS/);
  bench.book.isMute = false;
  bench.clock.advance(1000);
  assert.equal(bench.announcer.status()[1]?.state, "routed");
  await bench.announcer.close();
});
