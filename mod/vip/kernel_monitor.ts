import { NetlinkFamily, NetlinkSocket } from "../linux/netlink_socket.ts";
import type { Poller, Watch } from "../linux/poller.ts";
import { decodeAddress } from "../net/netlink/address.ts";
import { decodeLink } from "../net/netlink/link.ts";
import type { NetlinkMessage } from "../net/netlink/message.ts";
import { RouteGroup, RouteMessage } from "../net/netlink/rtnetlink.ts";
import type { KernelEvent } from "./kernel.ts";

/** Tells of changes to links and addresses as they happen. Opened by the agent, which closes it. */
export class KernelMonitor {
  readonly #socket: NetlinkSocket;
  readonly #watch: Watch;

  /**
   * Listens from now on. When the kernel had to drop events (ENOBUFS), the listener hears `resync` and must look for itself.
   * Throws SysError.
   */
  constructor(poller: Poller, onEvent: (event: KernelEvent) => void) {
    this.#socket = new NetlinkSocket(NetlinkFamily.ROUTE);
    for (const group of [RouteGroup.LINK, RouteGroup.IPV4_ADDRESS, RouteGroup.IPV6_ADDRESS]) this.#socket.join(group);
    this.#watch = poller.watch(this.#socket.fd, () => {
      const drained = this.#socket.drain((message) => {
        const event = eventIn(message);
        if (event !== null) onEvent(event);
      });
      if (drained === "overrun") onEvent({ type: "resync" });
    });
  }

  close(): void {
    this.#watch.stop();
    this.#socket.close();
  }
}

/** What a message of the monitor means to a holder, or null. */
export function eventIn(message: NetlinkMessage): KernelEvent | null {
  switch (message.type) {
    case RouteMessage.NEWADDR:
    case RouteMessage.DELADDR: {
      const address = decodeAddress(message);
      if (address === null) return null;
      const type = message.type === RouteMessage.NEWADDR ? "address-added" : "address-removed";
      return { type, ip: address.ip, linkIndex: address.linkIndex };
    }
    case RouteMessage.NEWLINK: {
      const link = decodeLink(message);
      return link === null ? null : { type: "link-changed", link };
    }
    case RouteMessage.DELLINK: {
      const link = decodeLink(message);
      return link === null ? null : { type: "link-removed", linkIndex: link.index, name: link.name };
    }
    default:
      return null;
  }
}
