import assert from "node:assert/strict";
import { type Route, RouteType } from "../../mod/net/netlink/route.ts";
import { Scope } from "../../mod/net/netlink/rtnetlink.ts";
import { hostRoute, literal, needsLink, otherRealm, removalOf, survey } from "../../mod/routes/table_plan.ts";
import { made } from "../fakes/route_book.ts";

const SHAPE = { table: 198, protocol: 248, type: RouteType.UNICAST };
const V4 = literal("10.98.0.200");
const V6 = literal("fd98::200");

Deno.test("a host route is global and over the link, with a realm for IPv4 only", () => {
  assert.deepEqual(hostRoute(SHAPE, V4, { linkIndex: 3, realm: 1 }), {
    ...SHAPE,
    destination: V4,
    prefixLength: 32,
    scope: Scope.UNIVERSE,
    linkIndex: 3,
    realm: 1,
  });
  assert.deepEqual(hostRoute(SHAPE, V6, { linkIndex: 3, realm: 1 }), {
    ...SHAPE,
    destination: V6,
    prefixLength: 128,
    scope: Scope.UNIVERSE,
    linkIndex: 3,
  });
});

Deno.test("each type of route has the scope and the link that the kernel takes", () => {
  const wanted: [type: number, scope: number, linked: boolean][] = [
    [RouteType.UNICAST, Scope.UNIVERSE, true],
    [RouteType.LOCAL, Scope.HOST, true],
    [RouteType.BROADCAST, Scope.LINK, true],
    [RouteType.ANYCAST, Scope.LINK, true],
    [RouteType.MULTICAST, Scope.UNIVERSE, true],
    [RouteType.BLACKHOLE, Scope.UNIVERSE, false],
    [RouteType.UNREACHABLE, Scope.UNIVERSE, false],
    [RouteType.PROHIBIT, Scope.UNIVERSE, false],
    [RouteType.THROW, Scope.UNIVERSE, false],
  ];
  for (const [type, scope, linked] of wanted) {
    const route = hostRoute({ ...SHAPE, type }, V4, { linkIndex: 3, realm: 1 });
    assert.deepEqual(
      [route.scope, route.linkIndex, needsLink(type)],
      [scope, linked ? 3 : undefined, linked],
      `${type}`,
    );
  }
});

Deno.test("a route is put again with the realm that it does not have", () => {
  const route = made(hostRoute(SHAPE, V4, { linkIndex: 3, realm: 1 }));
  assert.equal(otherRealm(route), 2);
  assert.equal(otherRealm({ ...route, realm: 2 }), 1);
  assert.equal(otherRealm({ ...route, realm: 0 }), 1);
});

Deno.test("a removal names all that tells a route from others", () => {
  const route = made({ ...hostRoute(SHAPE, V6, { linkIndex: 3, realm: 1 }), metric: 7 });
  assert.deepEqual(removalOf(route), {
    ...SHAPE,
    destination: V6,
    family: 6,
    prefixLength: 128,
    linkIndex: 3,
    metric: 7,
  });
  const blackhole = { ...route, destination: null, prefixLength: 0, linkIndex: 0, metric: 0 };
  assert.deepEqual(removalOf(blackhole), { ...SHAPE, destination: null, family: 6, prefixLength: 0 });
});

const GOOD_4 = made(hostRoute(SHAPE, V4, { linkIndex: 3, realm: 2 }));
const GOOD_6 = made(hostRoute(SHAPE, V6, { linkIndex: 3, realm: 1 }));

/** Which of right, surplus, unknown, occupied the route is put into; `"-"` for none. */
function sorted(route: Route, wanted: readonly string[], linkIndex: number | null = 3): string {
  const found = survey([route], {
    shape: SHAPE,
    linkIndex,
    isWanted: (ip) => wanted.includes(ip),
    isManaged: (ip) => ip === V4.text,
  });
  const sizes = {
    right: found.right.size,
    surplus: found.surplus.length,
    unknown: found.unknown.length,
    occupied: found.occupied.size,
  };
  const filled = Object.entries(sizes).filter(([, size]) => size > 0).map(([name]) => name);
  return filled.length === 0 ? "-" : filled.join();
}

Deno.test("routes of the table are told apart", () => {
  const both = [V4.text, V6.text];
  const cases: [what: string, is: string, wanted: string][] = [
    ["a wanted route", sorted(GOOD_4, both), "right"],
    ["the same for IPv6", sorted(GOOD_6, both), "right"],
    ["one that is managed and not wanted", sorted(GOOD_4, []), "surplus"],
    ["one that nobody knows", sorted(GOOD_6, []), "unknown"],
    ["over another link", sorted({ ...GOOD_4, linkIndex: 4 }, both), "surplus"],
    ["while there is no link", sorted(GOOD_4, both, null), "surplus"],
    ["of another type", sorted({ ...GOOD_4, type: RouteType.LOCAL }, both), "surplus"],
    ["of another scope", sorted({ ...GOOD_4, scope: Scope.LINK }, both), "surplus"],
    ["of another metric", sorted({ ...GOOD_6, metric: 5 }, both), "surplus"],
    ["over a gateway", sorted({ ...GOOD_4, gateway: "10.98.0.1" }, both), "surplus"],
    ["to a whole network", sorted({ ...GOOD_4, prefixLength: 24 }, both), "unknown"],
    ["of somebody else, in our place", sorted({ ...GOOD_4, protocol: 4 }, both), "occupied"],
    ["of somebody else, beside it", sorted({ ...GOOD_4, protocol: 4, metric: 9 }, both), "-"],
    ["of somebody else, elsewhere", sorted({ ...GOOD_4, protocol: 4 }, []), "-"],
    ["of another table", sorted({ ...GOOD_4, table: 254 }, both), "-"],
  ];
  for (const [what, is, wanted] of cases) assert.equal(is, wanted, what);
});
