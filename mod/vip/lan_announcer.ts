import { Errno, SysError } from "../linux/errno.ts";
import { PacketSocket } from "../linux/packet_socket.ts";
import type { Poller, Watch } from "../linux/poller.ts";
import { gratuitousReply, gratuitousRequest, probe } from "../net/arp.ts";
import { arpSenderFilter, encodeBpf, neighbourAdvertFilter } from "../net/bpf.ts";
import { EtherType } from "../net/ethernet.ts";
import { type Ip, isLinkLocal, parseIp } from "../net/ip.ts";
import { duplicateProbe, routersAdvert, unsolicitedAdvert } from "../net/ndp.ts";
import { assert } from "../base/assert.ts";
import type { Sighting } from "./conflict.ts";
import type { AddressBook, Announcer, Link } from "./kernel.ts";
import { sightingIn } from "./sighting.ts";

/** Hardware addresses of Ethernet have six bytes; other links (tunnels, IPoIB) are not announced on. */
const MAC_BYTES = 6;

interface Vip {
  readonly ip: Ip;
  readonly linkName: string;
}

interface Port {
  readonly link: Link;
  readonly arp: PacketSocket;
  readonly neighbour: PacketSocket;
  readonly watches: readonly Watch[];
}

/**
 * Announces on Ethernet links through packet sockets. A filter in the kernel lets in only frames that claim a managed address, so a
 * busy network costs nothing.
 */
export class LanAnnouncer implements Announcer {
  onSighting: (sighting: Sighting) => void = () => {};
  #vips: ReadonlyMap<string, Vip>;
  readonly #poller: Poller;
  readonly #book: AddressBook;
  /** By name of the link. */
  readonly #ports = new Map<string, Port>();

  /** @param options.book tells the link-local address that advertisements come from */
  constructor(options: {
    readonly vips: readonly { readonly ip: string; readonly linkName: string }[];
    readonly poller: Poller;
    readonly book: AddressBook;
  }) {
    this.#vips = byText(options.vips);
    this.#poller = options.poller;
    this.#book = options.book;
  }

  place(vips: readonly { readonly ip: string; readonly linkName: string }[]): void {
    this.#vips = byText(vips);
    const names = new Set(vips.map((vip) => vip.linkName));
    for (const name of [...this.#ports.keys()]) {
      if (!names.has(name)) this.#detach(name);
    }
    for (const { link, arp, neighbour } of this.#ports.values()) {
      refilter(arp, this.#filter(link.name, 4));
      refilter(neighbour, this.#filter(link.name, 6));
    }
  }

  /** Throws SysError when the link cannot be listened on. */
  attach(link: Link): void {
    const port = this.#ports.get(link.name);
    if (port?.link.index === link.index) {
      this.#ports.set(link.name, { ...port, link });
      return;
    }
    this.#detach(link.name);
    if (link.mac.length === MAC_BYTES && !link.loopback) this.#ports.set(link.name, this.#open(link));
  }

  announce(text: string): "sent" | "refused" {
    const { port, ip } = this.#about(text);
    if (port === null) return "refused";
    if (ip.family === 4) {
      const request = port.arp.send(gratuitousRequest(port.link.mac, ip));
      return port.arp.send(gratuitousReply(port.link.mac, ip)) === "sent" ? request : "refused";
    }
    const announcement = { source: this.#source(port.link, ip), target: ip };
    const nodes = port.neighbour.send(unsolicitedAdvert(port.link.mac, announcement));
    return port.neighbour.send(routersAdvert(port.link.mac, announcement)) === "sent" ? nodes : "refused";
  }

  probe(text: string): "sent" | "refused" {
    const { port, ip } = this.#about(text);
    if (port === null) return "refused";
    return ip.family === 4
      ? port.arp.send(probe(port.link.mac, ip))
      : port.neighbour.send(duplicateProbe(port.link.mac, ip));
  }

  close(): void {
    for (const name of [...this.#ports.keys()]) this.#detach(name);
  }

  #open(link: Link): Port {
    const arp = openFiltered(link.index, EtherType.arp, this.#filter(link.name, 4));
    try {
      const neighbour = openFiltered(link.index, EtherType.ipv6, this.#filter(link.name, 6));
      const watches = [arp, neighbour].map((socket) =>
        this.#poller.watch(socket.fd, () => void socket.drain((frame) => this.#received(frame, link.name)))
      );
      return { link, arp, neighbour, watches };
    } catch (error) {
      arp.close();
      throw error;
    }
  }

  #detach(name: string): void {
    const port = this.#ports.get(name);
    if (port === undefined) return;
    this.#ports.delete(name);
    for (const watch of port.watches) watch.stop();
    port.arp.close();
    port.neighbour.close();
  }

  #about(text: string): { port: Port | null; ip: Ip } {
    const vip = this.#vips.get(text);
    assert(vip !== undefined, `${text} is managed`);
    return { port: this.#ports.get(vip.linkName) ?? null, ip: vip.ip };
  }

  #filter(linkName: string, family: 4 | 6): Uint8Array<ArrayBuffer> {
    const here = [...this.#vips.values()].filter((vip) => vip.linkName === linkName && vip.ip.family === family);
    const ips = here.map((vip) => vip.ip.bytes);
    return encodeBpf(family === 4 ? arpSenderFilter(ips) : neighbourAdvertFilter(ips));
  }

  /** RFC 4861 §7.2.6 wants an address of the interface; without a link-local one the announced address itself is one. */
  #source(link: Link, ip: Ip): Ip {
    const ours = this.#book.addresses().filter((address) => address.linkIndex === link.index);
    const local = ours.map((address) => canonical(address.ip)).find((candidate) =>
      candidate.family === 6 && isLinkLocal(candidate)
    );
    return local ?? ip;
  }

  #received(frame: Uint8Array, linkName: string): void {
    const sighting = sightingIn(frame);
    if (sighting !== null && this.#vips.get(sighting.ip)?.linkName === linkName) this.onSighting(sighting);
  }
}

/** Kernels before 6.9 refuse long filters with ENOMEM (net.core.optmem_max); without one we look at every frame ourselves. */
function openFiltered(linkIndex: number, etherType: number, filter: Uint8Array): PacketSocket {
  try {
    return new PacketSocket({ linkIndex, etherType, filter });
  } catch (error) {
    if (error instanceof SysError && error.errno === Errno.ENOMEM) return new PacketSocket({ linkIndex, etherType });
    throw error;
  }
}

/** As {@link openFiltered}: without a filter we look at every frame ourselves. */
function refilter(socket: PacketSocket, filter: Uint8Array<ArrayBuffer>): void {
  try {
    socket.setFilter(filter);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    socket.setFilter(null);
  }
}

function byText(vips: readonly { readonly ip: string; readonly linkName: string }[]): ReadonlyMap<string, Vip> {
  return new Map(vips.map((vip) => [vip.ip, { ip: canonical(vip.ip), linkName: vip.linkName }]));
}

function canonical(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}
