import { Errno, SysError } from "../../mod/linux/errno.ts";
import type { Removal } from "../../mod/linux/rtnetlink.ts";
import {
  type Route,
  type RouteFilter,
  RouteProtocol,
  type RouteRequest,
  RouteType,
} from "../../mod/net/netlink/route.ts";
import { Scope } from "../../mod/net/netlink/rtnetlink.ts";
import type { RouteBook } from "../../mod/routes/table_announcer.ts";

/** The only link. */
export const LINK = "eth0";

/** Routes in memory that behave as the kernel's do, as far as a host route over one link goes. */
export class MemoryRoutes implements RouteBook {
  readonly table: Route[] = [];
  /** What was asked for, in order: `create 10.0.0.1 realm 1`. */
  readonly calls: string[] = [];
  /** Index of the link; null: there is none. */
  linkIndex: number | null = 3;
  /** What the kernel answers to every change; null: it agrees. */
  refusal: string | null = null;
  /** Whether it refuses to list. */
  isMute = false;

  /** Addresses of the machine. */
  readonly attached: string[] = [];

  addresses(): { ip: string }[] {
    return this.attached.map((ip) => ({ ip }));
  }

  linkByName(name: string): { index: number } | null {
    return name === LINK && this.linkIndex !== null ? { index: this.linkIndex } : null;
  }

  routes({ table }: RouteFilter): Route[] {
    if (this.isMute) throw new SysError("list routes", Errno.ENOBUFS);
    return this.table.filter((route) => table === undefined || route.table === table);
  }

  createRoute(request: RouteRequest): void {
    this.#note("create", request);
    const route = made(request);
    if (this.table.some((other) => samePlace(other, route))) throw new SysError("create route", Errno.EEXIST);
    this.table.push(route);
  }

  addRoute(request: RouteRequest): void {
    this.#note("put", request);
    const route = made(request);
    const index = this.table.findIndex((other) => samePlace(other, route));
    if (index === -1) this.table.push(route);
    else this.table[index] = route;
  }

  removeRoute(request: RouteRequest): Removal {
    this.#note("remove", request);
    const index = this.table.findIndex((route) =>
      route.destination === (request.destination?.text ?? null) &&
      [[request.table, route.table], [request.protocol, route.protocol], [request.linkIndex, route.linkIndex], [
        request.metric,
        route.metric,
      ]].every(([asked, is]) => asked === undefined || asked === is)
    );
    if (index === -1) return "absent";
    this.table.splice(index, 1);
    return "removed";
  }

  /** What was asked for since the last time. */
  taken(): string[] {
    return this.calls.splice(0);
  }

  #note(verb: string, { destination, realm }: RouteRequest): void {
    this.calls.push(`${verb} ${destination?.text ?? "default"}${realm === undefined ? "" : ` realm ${realm}`}`);
    if (this.refusal !== null) throw new SysError(verb, Errno.ENETDOWN, { reason: this.refusal });
  }
}

/** A route as the kernel lists it after such a request. */
export function made(request: RouteRequest): Route {
  const { destination, table = 254, protocol = RouteProtocol.STATIC, type = RouteType.UNICAST } = request;
  const family = destination?.family ?? request.family ?? 4;
  return {
    family,
    destination: destination?.text ?? null,
    prefixLength: request.prefixLength ?? (destination?.bytes.length ?? 0) * 8,
    gateway: request.gateway?.text ?? null,
    linkIndex: request.linkIndex ?? 0,
    table,
    protocol,
    type,
    scope: family === 6 ? Scope.UNIVERSE : request.scope ?? Scope.LINK,
    metric: request.metric ?? (family === 6 ? 1024 : 0),
    source: null,
    realm: family === 6 ? 0 : request.realm ?? 0,
  };
}

function samePlace(one: Route, other: Route): boolean {
  return one.table === other.table && one.destination === other.destination && one.metric === other.metric &&
    one.prefixLength === other.prefixLength;
}
