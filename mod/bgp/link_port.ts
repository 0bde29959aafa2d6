import { WireError } from "../net/errors.ts";
import { isLinkLocal, parseIp, parseIp6 } from "../net/ip.ts";
import { decodeLink } from "../net/netlink/link.ts";
import { NeighbourState } from "../net/netlink/neighbour.ts";
import { RouteGroup, RouteMessage } from "../net/netlink/rtnetlink.ts";
import { decodeRouterMessage, encodeRouterMessage, type RouterMessage } from "../net/router_discovery.ts";
import { assert } from "../base/assert.ts";
import { NetlinkFamily, NetlinkSocket } from "../linux/netlink_socket.ts";
import type { Poller, Watch } from "../linux/poller.ts";
import { RouterSocket } from "../linux/router_socket.ts";
import { RouteSocket } from "../linux/rtnetlink.ts";

/** RFC 4291 §2.7.1. */
const GROUPS = { "all-nodes": "ff02::1", "all-routers": "ff02::2" } as const;
/** An entry that nobody answered for is no neighbour. */
const UNUSABLE = NeighbourState.INCOMPLETE | NeighbourState.FAILED | NeighbourState.NOARP;

/** A link that discovery works on. */
export interface PortLink {
  readonly index: number;
  /** Empty for links that have none. */
  readonly mac: Uint8Array;
  /** It carries packets. */
  readonly running: boolean;
}

/** A neighbour that the kernel knows by a link-local IPv6 address. */
export interface PortNeighbour {
  /** Canonical text. */
  readonly ip: string;
  readonly router: boolean;
}

/** What {@link LinkPort} tells; called from the event loop only. */
export interface LinkPortEvents {
  /** A valid message from a neighbour. */
  heard(message: RouterMessage, from: { readonly ip: string; readonly linkIndex: number }): void;
  /** Something about the link of this name has changed; null: about any. */
  changed(name: string | null): void;
}

/** Links and neighbours as link discovery needs them. Tests have their own. */
export interface LinkPort {
  /** The link of that name, null if there is none. */
  link(name: string): PortLink | null;
  /** Link-local IPv6 neighbours that the kernel has reached. */
  neighbours(linkIndex: number): readonly PortNeighbour[];
  /** Hears from now on what is sent to all routers of the link. */
  join(linkIndex: number): void;
  /** `"refused"` when the link has no address yet, is down or gone. */
  send(message: RouterMessage, to: keyof typeof GROUPS, linkIndex: number): "sent" | "refused";
  close(): void;
}

/** The real one, in the network namespace that was current when it was made. */
export class KernelLinkPort implements LinkPort {
  readonly #events: LinkPortEvents;
  readonly #routes: RouteSocket;
  readonly #monitor: NetlinkSocket;
  readonly #socket: RouterSocket;
  readonly #watches: readonly Watch[];

  /** Throws SysError, EPERM without CAP_NET_RAW. */
  constructor(poller: Poller, events: LinkPortEvents) {
    this.#events = events;
    this.#socket = new RouterSocket(); // the one that needs a privilege
    this.#routes = new RouteSocket();
    this.#monitor = new NetlinkSocket(NetlinkFamily.ROUTE);
    this.#monitor.join(RouteGroup.LINK);
    this.#watches = [
      poller.watch(this.#socket.fd, () => this.#receive()),
      poller.watch(this.#monitor.fd, () => this.#look()),
    ];
  }

  link(name: string): PortLink | null {
    return this.#routes.linkByName(name);
  }

  neighbours(linkIndex: number): PortNeighbour[] {
    return this.#routes.neighbours()
      .filter((entry) => entry.linkIndex === linkIndex && entry.mac.length > 0 && (entry.state & UNUSABLE) === 0)
      .filter(({ ip }) => isLinkLocal6(ip))
      .map(({ ip, router }) => ({ ip, router }));
  }

  join(linkIndex: number): void {
    this.#socket.join(group("all-routers"), linkIndex);
  }

  send(message: RouterMessage, to: keyof typeof GROUPS, linkIndex: number): "sent" | "refused" {
    return this.#socket.send(encodeRouterMessage(message), group(to), linkIndex);
  }

  close(): void {
    for (const watch of this.#watches) watch.stop();
    for (const socket of [this.#socket, this.#monitor, this.#routes]) socket.close();
  }

  #receive(): void {
    this.#socket.drain((bytes, sender) => {
      const source = parseIp(sender.ip);
      const message = source === null ? null : readOrNull(() => decodeRouterMessage(bytes, source));
      if (message !== null) this.#events.heard(message, sender);
    });
  }

  #look(): void {
    const drained = this.#monitor.drain((message) => {
      if (message.type !== RouteMessage.NEWLINK && message.type !== RouteMessage.DELLINK) return;
      const link = decodeLink(message);
      if (link !== null) this.#events.changed(link.name);
    });
    if (drained === "overrun") this.#events.changed(null);
  }
}

/** What neighbours send wrongly is left alone. */
function readOrNull(read: () => RouterMessage): RouterMessage | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function isLinkLocal6(text: string): boolean {
  const ip = parseIp6(text);
  return ip !== null && isLinkLocal(ip);
}

function group(name: keyof typeof GROUPS): NonNullable<ReturnType<typeof parseIp6>> {
  const ip = parseIp6(GROUPS[name]);
  assert(ip !== null, `${name} is an address`);
  return ip;
}
