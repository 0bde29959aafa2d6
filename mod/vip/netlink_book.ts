import type { RouteSocket } from "../linux/rtnetlink.ts";
import { type Ip, parseIp } from "../net/ip.ts";
import type { LinkRecord } from "../net/netlink/link.ts";
import type { Route } from "../net/netlink/route.ts";
import { Scope } from "../net/netlink/rtnetlink.ts";
import { assert } from "../base/assert.ts";
import { ADDRESS_PROTOCOL } from "./address.ts";
import type { AddressBook, AddressScope, HeldAddress } from "./kernel.ts";

/** The addresses of this machine over rtnetlink. Throws SysError when the kernel refuses. */
export class NetlinkAddressBook implements AddressBook {
  readonly #socket: RouteSocket;

  /** @param socket belongs to the caller, who closes it */
  constructor(socket: RouteSocket) {
    this.#socket = socket;
  }

  /** With all that the kernel says about them. */
  links(): LinkRecord[] {
    return this.#socket.links();
  }

  /** The ways out of the local networks, IPv4 first, the preferred ones first; none: this machine is cut off from the rest. */
  defaultRoutes(): Route[] {
    return this.#socket.defaultRoutes();
  }

  addresses(): HeldAddress[] {
    return this.#socket.addresses();
  }

  put(
    ip: string,
    prefixLength: number,
    linkIndex: number,
    validSeconds: number,
    scope: AddressScope = "global",
  ): void {
    const address = canonical(ip);
    this.#socket.putAddress({
      ip: address,
      prefixLength,
      linkIndex,
      validSeconds,
      preferredSeconds: 0,
      nodad: address.family === 6,
      protocol: ADDRESS_PROTOCOL,
      scope: scope === "host" ? Scope.HOST : Scope.UNIVERSE,
    });
  }

  remove(ip: string, prefixLength: number, linkIndex: number): "removed" | "absent" {
    return this.#socket.removeAddress(canonical(ip), prefixLength, linkIndex);
  }
}

function canonical(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}
