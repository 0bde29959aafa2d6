/**
 * UDP for BFD (RFC 5881, RFC 5883): one receiver for each family and kind of path, one sender for each session, every call synchronous.
 * Sockets belong to the network namespace that was current when they were made.
 */
import { assert } from "../base/assert.ts";
import type { Random } from "../base/clock.ts";
import { encodeBpf, neighbourFilter } from "../net/bpf.ts";
import { formatIp, type Ip, ipFromBytes } from "../net/ip.ts";
import { Errno, errnoName, readErrno, SysError } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import {
  attachFilter,
  bindSocket,
  closeFd,
  decodeEndpoint,
  Family,
  getOption,
  internetAddress,
  Level,
  MessageOption,
  openSocket,
  setOption,
  setQueueSize,
  SocketOption,
  SocketType,
  trySend,
} from "./socket.ts";

/** Where control packets are sent to: RFC 5881 §4, and RFC 5883 §5 for multihop. */
export const BfdPort = { singleHop: 3784, multihop: 4784 } as const;
/** Source ports, the first and how many there are (RFC 5881 §4). */
const FIRST_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 16_384;
/** Ports tried before giving up: others of the machine may have taken many, hardly all. */
const PORT_ATTEMPTS = 64;

/** ip(7), ipv6(7), by the IP version of the socket. `packetInfo` is the option, `packetInfoType` the control message it brings. */
const OPTIONS = {
  4: { level: Level.IP, trafficClass: 1, hopLimit: 2, packetInfo: 8, packetInfoType: 8 },
  6: { level: Level.IPV6, trafficClass: 67, hopLimit: 16, packetInfo: 49, packetInfoType: 50 },
} as const;
const IPV6_V6ONLY = 26;
const SO_BINDTODEVICE = 25;
/** Linux 5.0; reads back what SO_BINDTODEVICE has set. */
const SO_BINDTOIFINDEX = 62;
/** DSCP CS6, network control (RFC 4594 §3.1), in the upper six bits. */
const NETWORK_CONTROL = 0xc0;
/** SO_PRIORITY for the queues of this machine; 6 is the highest that needs no privilege (socket(7)). */
const FIRST_PRIORITY = 6;
/** RFC 5881 §5: the receiver knows that the packet comes from its own link. */
const HOP_LIMIT = 255;

/** A second of a thousand sessions at their fastest, as the kernel counts small datagrams. */
const QUEUE_BYTES = 4 * 1024 * 1024;
/** Longer than any control packet, authentication included (the length field has 8 bits). */
const PACKET_BYTES = 512;
/** Packets that one drain takes before others get their turn. */
const DRAIN_LIMIT = 256;
/** sizeof(struct sockaddr_storage). */
const STORAGE = 128;
const CONTROL_BYTES = 128;
/** struct cmsghdr: u64 length with this header, i32 level, i32 type; what follows is padded to 8 bytes. */
const CONTROL_HEADER = 16;

/** How a control packet arrived. */
export interface BfdArrival {
  /** Canonical text. */
  readonly source: string;
  readonly destination: string;
  readonly linkIndex: number;
}

/**
 * struct msghdr and what it points at, once for all receivers: the bytes are only lent to the handler. Each part has an ArrayBuffer of its
 * own, whose memory does not move.
 */
class Message {
  readonly bytes = new Uint8Array(new ArrayBuffer(PACKET_BYTES));
  readonly name = new Uint8Array(new ArrayBuffer(STORAGE));
  readonly #control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES));
  readonly #controlView = new DataView(this.#control.buffer);
  readonly #vector = new Uint8Array(new ArrayBuffer(16));
  readonly #header = new Uint8Array(new ArrayBuffer(56));
  readonly #headerView = new DataView(this.#header.buffer);

  constructor() {
    new BigUint64Array(this.#vector.buffer).set([address(this.bytes), BigInt(PACKET_BYTES)]);
    this.#headerView.setBigUint64(0, address(this.name), true);
    this.#headerView.setBigUint64(16, address(this.#vector), true);
    this.#headerView.setBigUint64(24, 1n, true);
    this.#headerView.setBigUint64(32, address(this.#control), true);
  }

  /** Receives one datagram without waiting: its length or the negative errno. */
  receive(fd: number): number {
    // The kernel writes the real lengths over those of the room there is.
    this.#headerView.setUint32(8, STORAGE, true);
    this.#headerView.setBigUint64(40, BigInt(CONTROL_BYTES), true);
    const got = libc.recvmsg(fd, this.#header, MessageOption.DONTWAIT);
    return got === -1 ? -readErrno() : got;
  }

  /** struct in_pktinfo: i32 link, two addresses of which the second was sent to; struct in6_pktinfo: address, i32 link. */
  arrival(family: 4 | 6): BfdArrival {
    const at = this.#find(OPTIONS[family].level, OPTIONS[family].packetInfoType);
    const [link, ip, size] = family === 4 ? [at, at + 8, 4] : [at + 16, at, 16];
    return {
      source: decodeEndpoint(this.name)?.ip ?? "",
      destination: formatIp(this.#control.subarray(ip, ip + size)),
      linkIndex: this.#controlView.getInt32(link, true),
    };
  }

  #find(level: number, type: number): number {
    const end = Number(this.#headerView.getBigUint64(40, true));
    for (let at = 0; at + CONTROL_HEADER <= end;) {
      const view = this.#controlView;
      if (view.getInt32(at + 8, true) === level && view.getInt32(at + 12, true) === type) return at + CONTROL_HEADER;
      at += Math.max(CONTROL_HEADER, Math.ceil(Number(view.getBigUint64(at, true)) / 8) * 8);
    }
    throw new SysError("receive BFD", Errno.EPROTONOSUPPORT, { reason: "the kernel does not say where to" });
  }
}

function address(bytes: Uint8Array<ArrayBuffer>): bigint {
  const pointer = Deno.UnsafePointer.of(bytes);
  assert(pointer !== null, "memory has an address");
  return Deno.UnsafePointer.value(pointer);
}

const message = new Message();

/** Receives the control packets of one family, single hop or multihop, to any address of this machine. */
export class BfdReceiver {
  /** For the poller. */
  readonly fd: number;
  readonly #family: 4 | 6;
  #open = true;

  /** Throws SysError, EADDRINUSE when the port belongs to another daemon of this machine. */
  constructor(family: 4 | 6, multihop: boolean) {
    this.#family = family;
    const port = multihop ? BfdPort.multihop : BfdPort.singleHop;
    const { level, packetInfo } = OPTIONS[family];
    this.fd = openSocket(family === 4 ? Family.INET : Family.INET6, SocketType.DGRAM, 0);
    try {
      setQueueSize(this.fd, "receive", QUEUE_BYTES);
      setOption(this.fd, { level, name: packetInfo, value: 1 });
      if (family === 6) setOption(this.fd, { level, name: IPV6_V6ONLY, value: 1 });
      if (!multihop) attachFilter(this.fd, encodeBpf(neighbourFilter(family)));
      bindReceiver(this.fd, family, port);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Gives every waiting packet, at most {@link DRAIN_LIMIT}; the bytes are only valid during the call. */
  drain(onPacket: (packet: Uint8Array, arrival: BfdArrival) => void): "drained" | "more" {
    for (let turn = 0; turn < DRAIN_LIMIT && this.#open; turn++) {
      const got = message.receive(this.fd);
      if (got === -Errno.EAGAIN) return "drained";
      if (got >= 0) onPacket(message.bytes.subarray(0, got), message.arrival(this.#family));
    }
    return this.#open ? "more" : "drained";
  }

  /** Closes the socket; calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }
}

function bindReceiver(fd: number, family: 4 | 6, port: number): void {
  try {
    bindSocket(fd, internetAddress(ipFromBytes(new Uint8Array(family === 4 ? 4 : 16)), port), `UDP port ${port}`);
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== Errno.EADDRINUSE) throw error;
    const reason = "another program of this machine has it, such as FRR's bfdd or BIRD; BFD can have one owner only";
    throw new SysError("bind", error.errno, { subject: `UDP port ${port} for BFD over IPv${family}`, reason });
  }
}

/** What a {@link BfdSender} needs. */
export interface BfdSenderOptions {
  /** An address of this machine. */
  readonly local: Ip;
  readonly remote: Ip;
  /** The packets leave through this link only, and belong to its scope; null: as the routes say. */
  readonly interface: string | null;
  readonly multihop: boolean;
  readonly random: Random;
}

/** Sends the control packets of one session, always from the same address and port. */
export class BfdSender {
  /** Of the link, 0 without one. */
  readonly linkIndex: number;
  readonly port: number;
  readonly #fd: number;
  readonly #to: Uint8Array<ArrayBuffer>;
  #open = true;

  /** Throws SysError: EADDRNOTAVAIL when the local address is not on this machine, ENODEV when the link is not. */
  constructor(options: BfdSenderOptions) {
    const { local, remote, multihop } = options;
    const { level, trafficClass, hopLimit } = OPTIONS[local.family];
    this.#fd = openSocket(local.family === 4 ? Family.INET : Family.INET6, SocketType.DGRAM, 0);
    try {
      setOption(this.#fd, { level, name: trafficClass, value: NETWORK_CONTROL });
      // After IP_TOS, which sets a priority of its own.
      setOption(this.#fd, { level: Level.SOCKET, name: SocketOption.PRIORITY, value: FIRST_PRIORITY });
      setOption(this.#fd, { level, name: hopLimit, value: HOP_LIMIT });
      // Nobody has a reason to send to this port: the kernel makes this its minimum.
      setOption(this.#fd, { level: Level.SOCKET, name: SocketOption.RCVBUF, value: 0 });
      this.linkIndex = options.interface === null ? 0 : bindToLink(this.#fd, options.interface);
      this.port = bindSource(this.#fd, local, options.random);
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
    this.#to = internetAddress(remote, multihop ? BfdPort.multihop : BfdPort.singleHop, this.linkIndex);
  }

  /** Hands a packet to the system; gives `"sent"` or the name of its error. */
  send(packet: Uint8Array<ArrayBuffer>): "sent" | string {
    if (!this.#open) return "EBADF";
    const sent = trySend(this.#fd, packet, this.#to);
    return sent >= 0 ? "sent" : errnoName(-sent);
  }

  /** Closes the socket; what was sent still leaves. Calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.#fd);
  }
}

function bindToLink(fd: number, name: string): number {
  const bytes = cString(name);
  if (libc.setsockopt(fd, Level.SOCKET, SO_BINDTODEVICE, bytes, bytes.length) === -1) {
    throw new SysError("bind BFD to link", readErrno(), { subject: name });
  }
  return getOption(fd, Level.SOCKET, SO_BINDTOIFINDEX);
}

/** Sessions of one machine have different ports (RFC 5881 §4), which the system sees to; the first is chosen by chance. */
function bindSource(fd: number, local: Ip, random: Random): number {
  for (let attempt = 1;; attempt++) {
    const port = FIRST_SOURCE_PORT + Math.floor(random() * SOURCE_PORTS);
    try {
      bindSocket(fd, internetAddress(local, port), `${local.text} port ${port} for BFD`);
      return port;
    } catch (error) {
      const taken = error instanceof SysError && error.errno === Errno.EADDRINUSE;
      if (!taken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
