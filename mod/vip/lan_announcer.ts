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

interface Port {
  readonly link: Link;
  readonly arp: PacketSocket;
  readonly neighbour: PacketSocket;
  readonly watches: readonly Watch[];
}

/**
 * Announces on an Ethernet link through packet sockets. A filter in the kernel lets in only frames that claim a managed address, so a
 * busy network costs nothing.
 */
export class LanAnnouncer implements Announcer {
  onSighting: (sighting: Sighting) => void = () => {};
  readonly #ips: ReadonlyMap<string, Ip>;
  readonly #poller: Poller;
  readonly #book: AddressBook;
  #port: Port | null = null;

  /** @param options.book tells the link-local address that advertisements come from */
  constructor(options: { readonly ips: readonly string[]; readonly poller: Poller; readonly book: AddressBook }) {
    this.#ips = new Map(options.ips.map((text) => [text, canonical(text)]));
    this.#poller = options.poller;
    this.#book = options.book;
  }

  /** Throws SysError when the link cannot be listened on. */
  attach(link: Link): void {
    if (this.#port?.link.index === link.index) {
      this.#port = { ...this.#port, link };
      return;
    }
    this.close();
    if (link.mac.length !== MAC_BYTES) return;
    const arp = openFiltered(link.index, EtherType.arp, this.#filter(4));
    try {
      const neighbour = openFiltered(link.index, EtherType.ipv6, this.#filter(6));
      const watches = [arp, neighbour].map((socket) =>
        this.#poller.watch(socket.fd, () => void socket.drain((frame) => this.#received(frame)))
      );
      this.#port = { link, arp, neighbour, watches };
    } catch (error) {
      arp.close();
      throw error;
    }
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
    const port = this.#port;
    this.#port = null;
    if (port === null) return;
    for (const watch of port.watches) watch.stop();
    port.arp.close();
    port.neighbour.close();
  }

  #about(text: string): { port: Port | null; ip: Ip } {
    const ip = this.#ips.get(text);
    assert(ip !== undefined, `${text} is managed`);
    return { port: this.#port, ip };
  }

  #filter(family: 4 | 6): Uint8Array {
    const ips = [...this.#ips.values()].filter((ip) => ip.family === family).map((ip) => ip.bytes);
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

  #received(frame: Uint8Array): void {
    const sighting = sightingIn(frame);
    if (sighting !== null && this.#ips.has(sighting.ip)) this.onSighting(sighting);
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

function canonical(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}
