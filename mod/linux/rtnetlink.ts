/** Links, addresses, routes and neighbours of one network namespace. Every call is complete when it returns. */
import type { Ip } from "../net/ip.ts";
import {
  type AddressRecord,
  type AddressRequest,
  decodeAddress,
  deleteAddress,
  dumpAddresses,
  putAddress,
} from "../net/netlink/address.ts";
import {
  changeLink,
  createLink,
  decodeLink,
  deleteLink,
  dumpLinks,
  getLink,
  type LinkChange,
  type LinkRecord,
} from "../net/netlink/link.ts";
import type { NetlinkMessage, NetlinkRequest } from "../net/netlink/message.ts";
import {
  decodeNeighbour,
  deleteNeighbour,
  dumpNeighbours,
  type Neighbour,
  putNeighbour,
} from "../net/netlink/neighbour.ts";
import {
  createRoute,
  decodeRoute,
  deleteRoute,
  dumpRoutes,
  putRoute,
  type Route,
  type RouteFilter,
  type RouteRequest,
  RouteTable,
  RouteType,
} from "../net/netlink/route.ts";
import { RouteMessage } from "../net/netlink/rtnetlink.ts";
import { Errno, SysError } from "./errno.ts";
import { NetlinkFamily, NetlinkSocket } from "./netlink_socket.ts";

/** What became of something that should go; that it was not there is not an error. */
export type Removal = "removed" | "absent";

/** A socket of the route family. All calls throw SysError when the kernel refuses. */
export class RouteSocket {
  readonly #socket: NetlinkSocket;

  /** Opens a socket in the current network namespace, to which it belongs from then on. */
  constructor() {
    this.#socket = new NetlinkSocket(NetlinkFamily.ROUTE);
  }

  /** Every interface. */
  links(): LinkRecord[] {
    return this.#list(dumpLinks(), RouteMessage.NEWLINK, decodeLink);
  }

  /** The interface of that name, or null. */
  linkByName(name: string): LinkRecord | null {
    try {
      return this.#list(getLink(name), RouteMessage.NEWLINK, decodeLink)[0] ?? null;
    } catch (error) {
      if (error instanceof SysError && error.errno === Errno.ENODEV) return null;
      throw error;
    }
  }

  /** Every IPv4 and IPv6 address of every link. */
  addresses(): AddressRecord[] {
    return this.#list(dumpAddresses(), RouteMessage.NEWADDR, decodeAddress);
  }

  /** Adds the address, or gives it new lifetimes; no event says that it went away in between. */
  putAddress(request: AddressRequest): void {
    this.#socket.request(putAddress(request));
  }

  /** Takes the address away; a link that is gone has taken it along. */
  removeAddress(ip: Ip, prefixLength: number, linkIndex: number): Removal {
    return this.#remove(deleteAddress(ip, prefixLength, linkIndex), [Errno.EADDRNOTAVAIL, Errno.ENODEV]);
  }

  /** Makes a veth pair, both ends down; the peer is born in the given namespace if there is one. Gives this end. */
  addVeth(pair: { name: string; peerName: string; peerNamespaceFd?: number }): LinkRecord {
    this.#socket.request(createLink({ kind: "veth", ...pair }));
    return this.#made(pair.name);
  }

  /** Makes a bridge that forwards at once: no spanning tree, no forward delay. */
  addBridge(name: string): LinkRecord {
    this.#socket.request(createLink({ kind: "bridge", name }));
    return this.#made(name);
  }

  /** Makes a dummy link. */
  addDummy(name: string): LinkRecord {
    this.#socket.request(createLink({ kind: "dummy", name }));
    return this.#made(name);
  }

  /** Removes a link (and the other end, if it is a veth). */
  deleteLink(linkIndex: number): Removal {
    return this.#remove(deleteLink(linkIndex), [Errno.ENODEV]);
  }

  /** Changes any of a link's properties; what is not named stays. */
  changeLink(linkIndex: number, change: LinkChange): void {
    this.#socket.request(changeLink(linkIndex, change));
  }

  /** Switches the link on. */
  setUp(linkIndex: number): void {
    this.changeLink(linkIndex, { up: true });
  }

  /** Switches the link off. The kernel drops its IPv6 addresses and its routes. */
  setDown(linkIndex: number): void {
    this.changeLink(linkIndex, { up: false });
  }

  /** Makes the link a port of a bridge; 0 takes it out. */
  setMaster(linkIndex: number, master: number): void {
    this.changeLink(linkIndex, { master });
  }

  /** Sets the hardware address. */
  setMac(linkIndex: number, mac: Uint8Array): void {
    this.changeLink(linkIndex, { mac });
  }

  /** Every route of every table, or of one; a table that does not exist has none. */
  routes(filter: RouteFilter = {}): Route[] {
    const listed = this.#list(dumpRoutes(filter), RouteMessage.NEWROUTE, decodeRoute);
    return filter.table === undefined ? listed : listed.filter(({ table }) => table === filter.table);
  }

  /** The default routes of the main table that lead somewhere, IPv4 first, the preferred ones first. */
  defaultRoutes(): Route[] {
    return this.routes()
      .filter((route) =>
        route.table === RouteTable.MAIN && route.prefixLength === 0 && route.type === RouteType.UNICAST
      )
      .sort((a, b) => a.family - b.family || a.metric - b.metric);
  }

  /** Adds a route; EEXIST when there is one to the same destination, table and metric, whoever made it. */
  createRoute(route: RouteRequest): void {
    this.#socket.request(createRoute(route));
  }

  /** Adds or replaces a route. */
  addRoute(route: RouteRequest): void {
    this.#socket.request(putRoute(route));
  }

  /** Removes the first route that matches what is named. */
  removeRoute(route: RouteRequest): Removal {
    return this.#remove(deleteRoute(route), [Errno.ESRCH, Errno.ENODEV]);
  }

  /** The ARP and neighbour discovery caches. */
  neighbours(): Neighbour[] {
    return this.#list(dumpNeighbours(), RouteMessage.NEWNEIGH, decodeNeighbour);
  }

  /** Makes or replaces an entry of those caches. */
  putNeighbour(ip: Ip, linkIndex: number, entry: { mac: Uint8Array; state: number }): void {
    this.#socket.request(putNeighbour(ip, linkIndex, entry));
  }

  /** Forgets what is known about a neighbour, so that it is asked for again. */
  flushNeighbour(ip: Ip, linkIndex: number): Removal {
    return this.#remove(deleteNeighbour(ip, linkIndex), [Errno.ENOENT, Errno.ENODEV]);
  }

  /** Closes the socket; calling it twice does nothing. */
  close(): void {
    this.#socket.close();
  }

  #list<T>(request: NetlinkRequest, type: number, decode: (message: NetlinkMessage) => T | null): T[] {
    return this.#socket.request(request)
      .map((message) => message.type === type ? decode(message) : null)
      .filter((record) => record !== null);
  }

  #remove(request: NetlinkRequest, absent: readonly number[]): Removal {
    try {
      this.#socket.request(request);
      return "removed";
    } catch (error) {
      if (error instanceof SysError && absent.includes(error.errno)) return "absent";
      throw error;
    }
  }

  #made(name: string): LinkRecord {
    const link = this.linkByName(name);
    if (link === null) throw new SysError("find link", Errno.ENODEV, { subject: name });
    return link;
  }
}
