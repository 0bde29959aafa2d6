/** Numbers of the route family (include/uapi/linux/rtnetlink.h). Messages are in `address.ts`, `link.ts`, `route.ts`, `neighbour.ts`. */

/** Message types. */
export const RouteMessage = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
} as const;

/** Multicast groups of the monitor, for NETLINK_ADD_MEMBERSHIP. */
export const RouteGroup = {
  LINK: 1,
  NEIGHBOUR: 3,
  IPV4_ADDRESS: 5,
  IPV4_ROUTE: 7,
  IPV6_ADDRESS: 9,
  IPV6_ROUTE: 11,
} as const;

/** Where an address or a route is valid. */
export const Scope = { UNIVERSE: 0, SITE: 200, LINK: 253, HOST: 254, NOWHERE: 255 } as const;

/** AF_INET and AF_INET6. */
export const AddressFamily = { UNSPEC: 0, INET: 2, INET6: 10 } as const;

/** The address family number for an IP version. */
export function addressFamily(version: 4 | 6): number {
  return version === 4 ? AddressFamily.INET : AddressFamily.INET6;
}
