/**
 * UDP for the messages between members: one bound socket, every call synchronous. Its datagrams are marked as network control, so that a
 * busy link or its queues let them pass first.
 */
import { type Ip, parseIp } from "../net/ip.ts";
import { Errno, errnoName, SysError } from "./errno.ts";
import {
  bindSocket,
  closeFd,
  Family,
  internetAddress,
  Level,
  localEndpoint,
  newSender,
  openSocket,
  setOption,
  setQueueSize,
  SocketOption,
  SocketType,
  tryReceive,
  trySend,
} from "./socket.ts";

/** IP_TOS and IPV6_TCLASS: the mark on the wire (ip(7), ipv6(7)). */
const IP_TOS = 1;
const IPV6_TCLASS = 67;
/** DSCP CS6, network control (RFC 4594 §3.1), in the upper six bits. */
const NETWORK_CONTROL = 0xc0;
/** SO_PRIORITY for the queues of this machine; 6 is the highest that needs no privilege (socket(7)). */
const FIRST_PRIORITY = 6;
/** Room for a dozen of the longest datagrams, or a thousand short ones. */
const QUEUE_BYTES = 1024 * 1024;
/** More than UDP can carry: nothing is ever cut. */
const DATAGRAM_BYTES = 65_536;
/** Datagrams that one drain takes before others get their turn. */
const DRAIN_LIMIT = 64;

/** One buffer for all sockets: the bytes are only lent to the handler. */
const buffer = new Uint8Array(DATAGRAM_BYTES);
const sender = newSender();

/** Where datagrams go to or are received: prepared once, used for every send. */
export type UdpAddress = Uint8Array<ArrayBuffer>;

/** The address as the system takes it. Throws SysError EINVAL for a text that is no IP address. */
export function udpAddress(address: string, port: number): UdpAddress {
  return internetAddress(requireIp(address), port);
}

/** A bound UDP socket, in the network namespace that was current when it was made. */
export class UdpSocket {
  /** For the poller. */
  readonly fd: number;
  #open = true;

  /**
   * Binds `address` and `port` (0: any that is free) for this socket alone. Throws SysError: EADDRNOTAVAIL while the address is not on
   * this machine or still being checked for duplicates, EADDRINUSE, EACCES.
   */
  constructor(address: string, port: number) {
    const ip = requireIp(address);
    this.fd = openSocket(ip.family === 4 ? Family.INET : Family.INET6, SocketType.DGRAM, 0);
    try {
      setQueueSize(this.fd, "receive", QUEUE_BYTES);
      setOption(this.fd, {
        level: ip.family === 4 ? Level.IP : Level.IPV6,
        name: ip.family === 4 ? IP_TOS : IPV6_TCLASS,
        value: NETWORK_CONTROL,
      });
      // After IP_TOS, which sets a priority of its own.
      setOption(this.fd, { level: Level.SOCKET, name: SocketOption.PRIORITY, value: FIRST_PRIORITY });
      bindSocket(this.fd, internetAddress(ip, port), `${address} port ${port}`);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** The port that was bound. */
  get port(): number {
    return localEndpoint(this.fd)?.port ?? 0;
  }

  /** Hands a datagram to the system, which has copied it when this returns; gives `"sent"` or the name of its error. */
  send(datagram: Uint8Array<ArrayBuffer>, to: UdpAddress): "sent" | string {
    for (;;) {
      const sent = trySend(this.fd, datagram, to);
      if (sent >= 0) return "sent";
      if (sent !== -Errno.EINTR) return errnoName(-sent);
    }
  }

  /**
   * Gives every waiting datagram to `onDatagram`, and every error the network reported to `onError` by its name, at most
   * {@link DRAIN_LIMIT} of both. The bytes are only valid during the call. Ends early when the socket is closed by a handler.
   */
  drain(onDatagram: (datagram: Uint8Array) => void, onError: (code: string) => void): "drained" | "more" {
    for (let turn = 0; turn < DRAIN_LIMIT && this.#open; turn++) {
      const got = tryReceive(this.fd, buffer, sender);
      if (got === -Errno.EAGAIN) return "drained";
      if (got >= 0) onDatagram(buffer.subarray(0, got));
      else if (got !== -Errno.EINTR) onError(errnoName(-got));
    }
    return this.#open ? "more" : "drained";
  }

  /** Closes the socket; what was sent still leaves. Calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }
}

function requireIp(text: string): Ip {
  const ip = parseIp(text);
  if (ip === null) throw new SysError("parse IP address", Errno.EINVAL, { subject: text });
  return ip;
}
