/** What a route of ours in a table of the kernel looks like, and what to do about those that are there. Pure. */
import { assert } from "../base/assert.ts";
import { type Ip, parseIp } from "../net/ip.ts";
import { type Route, type RouteRequest, RouteType } from "../net/netlink/route.ts";
import { Scope } from "../net/netlink/rtnetlink.ts";

/** What all routes of one announcer have in common. */
export interface RouteShape {
  readonly table: number;
  /** `rtm_protocol`, which says that a route is ours. */
  readonly protocol: number;
  /** `rtm_type`. */
  readonly type: number;
}

/** IPv6 routes without a metric get this one (IP6_RT_PRIO_USER). */
const IPV6_METRIC = 1024;

/** Routes of these types lead nowhere, and the kernel refuses them with a link (fib_create_info). */
const WITHOUT_LINK: readonly number[] = [
  RouteType.BLACKHOLE,
  RouteType.UNREACHABLE,
  RouteType.PROHIBIT,
  RouteType.THROW,
];

/** Whether routes of the type go out over a link. */
export function needsLink(type: number): boolean {
  return !WITHOUT_LINK.includes(type);
}

/**
 * The route to `ip` alone, a host route whatever `vip_subnet` says: the kernel takes no IPv4 destination with bits beyond its prefix, and
 * of a shorter prefix this node would announce the neighbours of the address as well. Its scope is global, except for types for which the
 * kernel insists on another (fib_props): of local routes it takes only those of the host, where upstream asks for link and is refused.
 *
 * @param linkIndex null only for types without link
 * @param realm of IPv4
 */
export function hostRoute(shape: RouteShape, ip: Ip, out: { linkIndex: number | null; realm: 1 | 2 }): RouteRequest {
  const { linkIndex, realm } = out;
  return {
    ...shape,
    destination: ip,
    prefixLength: ip.bytes.length * 8,
    scope: scopeOf(shape.type),
    ...(linkIndex === null || !needsLink(shape.type) ? {} : { linkIndex }),
    ...(ip.family === 4 ? { realm } : {}),
  };
}

function scopeOf(type: number): number {
  if (type === RouteType.LOCAL) return Scope.HOST;
  return type === RouteType.ANYCAST || type === RouteType.BROADCAST ? Scope.LINK : Scope.UNIVERSE;
}

/** Removes exactly this route of the kernel's. */
export function removalOf(route: Route): RouteRequest {
  const { destination, family, prefixLength, table, protocol, type, linkIndex, metric } = route;
  return {
    destination: destination === null ? null : literal(destination),
    family,
    prefixLength,
    table,
    protocol,
    type,
    ...(linkIndex === 0 ? {} : { linkIndex }),
    ...(metric === 0 ? {} : { metric }),
  };
}

/** The other realm: with the one it has, the kernel would tell nobody that a route was put again. */
export function otherRealm(route: Route): 1 | 2 {
  return route.realm === 1 ? 2 : 1;
}

/** What is in the table, seen from what should be. */
export interface Survey {
  /** Wanted, there and as it should be: by address. */
  readonly right: ReadonlyMap<string, Route>;
  /** Ours, but not as they should be, or to addresses that are `managed` and not wanted. */
  readonly surplus: readonly Route[];
  /** Ours by protocol, to something that this announcer knows nothing of. */
  readonly unknown: readonly Route[];
  /** By address: whose route is in the way of a wanted one. */
  readonly occupied: ReadonlyMap<string, Route>;
}

/** Sorts the routes of the table. Addresses are canonical texts. */
export function survey(
  routes: readonly Route[],
  view: {
    readonly shape: RouteShape;
    /** null: there is no such link now. */
    readonly linkIndex: number | null;
    readonly isWanted: (ip: string) => boolean;
    readonly isManaged: (ip: string) => boolean;
  },
): Survey {
  const right = new Map<string, Route>();
  const occupied = new Map<string, Route>();
  const [surplus, unknown]: [Route[], Route[]] = [[], []];
  for (const route of routes) {
    if (route.table !== view.shape.table) continue;
    const ip = hostOf(route);
    const isWanted = ip !== null && view.isWanted(ip);
    if (route.protocol !== view.shape.protocol) {
      if (isWanted && hasOurMetric(route)) occupied.set(ip, route);
    } else if (isWanted && isRight(route, view)) right.set(ip, route);
    else if (isWanted || (ip !== null && view.isManaged(ip))) surplus.push(route);
    else unknown.push(route);
  }
  return { right, surplus, unknown, occupied };
}

/** The address that a host route leads to; null for any other route. */
function hostOf({ destination, family, prefixLength }: Route): string | null {
  return prefixLength === (family === 4 ? 32 : 128) ? destination : null;
}

function isRight(route: Route, view: { shape: RouteShape; linkIndex: number | null }): boolean {
  const { shape, linkIndex } = view;
  if (route.type !== shape.type || !hasOurMetric(route) || route.gateway !== null) return false;
  if (needsLink(shape.type) && route.linkIndex !== linkIndex) return false;
  return route.family === 6 || route.scope === scopeOf(shape.type);
}

function hasOurMetric(route: Route): boolean {
  return route.metric === (route.family === 4 ? 0 : IPV6_METRIC);
}

/** The address of a canonical text; anything else is a programmer's error. */
export function literal(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}
