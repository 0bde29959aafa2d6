/**
 * Router solicitations and advertisements on all links of a network namespace: one raw ICMPv6 socket. Its filters let nothing else in,
 * and nothing that a machine beyond the link could have sent (RFC 4861 §6.1: hop limit 255).
 */
import { encodeBpf, neighbourFilter } from "../net/bpf.ts";
import type { Ip } from "../net/ip.ts";
import { RouterMessageType } from "../net/router_discovery.ts";
import { Errno, readErrno, SysError } from "./errno.ts";
import { libc } from "./libc.ts";
import {
  attachFilter,
  closeFd,
  decodeEndpoint,
  Family,
  internetAddress,
  Level,
  newSender,
  openSocket,
  setOption,
  SocketType,
  tryReceive,
  trySend,
} from "./socket.ts";

const IPPROTO_ICMPV6 = 58;
/** ICMPV6_FILTER: struct icmp6_filter has a bit for each type, set for those that are kept out. */
const ICMPV6_FILTER = 1;
const ICMPV6_TYPES = 256;
/** ipv6(7). */
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const HOP_LIMIT = 255;
const DRAIN_LIMIT = 64;
const MESSAGE_BYTES = 2048;
/** sin6_scope_id in struct sockaddr_in6. */
const SCOPE_AT = 24;
/** The link is down, gone, without a usable address (EADDRNOTAVAIL, as long as duplicates are looked for), or full. */
const REFUSALS: readonly number[] = [
  Errno.ENETDOWN,
  Errno.ENETUNREACH,
  Errno.EHOSTUNREACH,
  Errno.EADDRNOTAVAIL,
  Errno.ENODEV,
  Errno.ENXIO,
  Errno.EINVAL,
  Errno.EAGAIN,
  Errno.ENOBUFS,
  Errno.EPERM,
];

/** Where a message came from. */
export interface RouterSender {
  /** Canonical text. */
  readonly ip: string;
  readonly linkIndex: number;
}

/** A raw ICMPv6 socket in the network namespace that was current when it was made. */
export class RouterSocket {
  /** For the poller. */
  readonly fd: number;
  readonly #buffer = new Uint8Array(MESSAGE_BYTES);
  readonly #sender = newSender();
  #open = true;

  /** Throws SysError, EPERM without CAP_NET_RAW. */
  constructor() {
    this.fd = openSocket(Family.INET6, SocketType.RAW, IPPROTO_ICMPV6);
    try {
      setOption(this.fd, { level: IPPROTO_ICMPV6, name: ICMPV6_FILTER, value: typeFilter() });
      attachFilter(this.fd, encodeBpf(neighbourFilter(6)));
      for (const name of [IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS]) {
        setOption(this.fd, { level: Level.IPV6, name, value: HOP_LIMIT });
      }
      // Our own messages to groups we are in.
      setOption(this.fd, { level: Level.IPV6, name: IPV6_MULTICAST_LOOP, value: 0 });
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Hears what is sent to this group on this link, until the link or the socket is gone. `"refused"` when the link is gone. */
  join(group: Ip, linkIndex: number): "joined" | "refused" {
    const request = new Uint8Array(20); // struct ipv6_mreq
    request.set(group.bytes);
    new DataView(request.buffer).setInt32(16, linkIndex, true);
    if (libc.setsockopt(this.fd, Level.IPV6, IPV6_ADD_MEMBERSHIP, request, request.length) === 0) return "joined";
    const errno = readErrno();
    if (errno === Errno.EADDRINUSE) return "joined"; // it was before
    if (REFUSALS.includes(errno)) return "refused";
    throw new SysError("join", errno, { subject: group.text });
  }

  /**
   * Sends a message from the link's own address; the kernel fills in the checksum. `"refused"` when the link cannot just now. Throws
   * SysError for anything else.
   */
  send(message: Uint8Array<ArrayBuffer>, to: Ip, linkIndex: number): "sent" | "refused" {
    const sent = trySend(this.fd, message, internetAddress(to, 0, linkIndex));
    if (sent >= 0) return "sent";
    if (REFUSALS.includes(-sent)) return "refused";
    throw new SysError("send router discovery to", -sent, { subject: to.text });
  }

  /** Gives every waiting message, at most {@link DRAIN_LIMIT}. The bytes are only valid during the call. Throws SysError. */
  drain(onMessage: (message: Uint8Array, sender: RouterSender) => void): "drained" | "more" {
    for (let turn = 0; turn < DRAIN_LIMIT && this.#open; turn++) {
      const got = tryReceive(this.fd, this.#buffer, this.#sender);
      if (got === -Errno.EAGAIN) return "drained";
      if (got < 0 && got !== -Errno.EINTR && !REFUSALS.includes(-got)) {
        throw new SysError("receive router discovery", -got);
      }
      if (got >= 0) onMessage(this.#buffer.subarray(0, Math.min(got, MESSAGE_BYTES)), this.#from());
    }
    return this.#open ? "more" : "drained";
  }

  /** Closes the socket; calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }

  #from(): RouterSender {
    const { storage } = this.#sender;
    const linkIndex = new DataView(storage.buffer).getUint32(SCOPE_AT, true);
    return { ip: decodeEndpoint(storage)?.ip ?? "::", linkIndex };
  }
}

function typeFilter(): Uint8Array {
  const blocked = new Uint32Array(ICMPV6_TYPES / 32).fill(0xffff_ffff);
  for (const type of Object.values(RouterMessageType)) {
    const word = type >> 5;
    blocked[word] = ((blocked[word] ?? 0) & ~(1 << (type & 31))) >>> 0;
  }
  return new Uint8Array(blocked.buffer);
}
