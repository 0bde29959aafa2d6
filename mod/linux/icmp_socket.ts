/** Raw ICMP, for the laboratory's probes: whole ICMP messages to and from any address. */
import { formatIp, type Ip } from "../net/ip.ts";
import { Errno, SysError } from "./errno.ts";
import {
  closeFd,
  decodeEndpoint,
  Family,
  internetAddress,
  newSender,
  openSocket,
  SocketType,
  tryReceive,
  trySend,
} from "./socket.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const DRAIN_LIMIT = 256;
const PACKET_BYTES = 2048;
/** No way to the address just now; EPERM is what a netfilter rule that drops gives. */
const REFUSALS: readonly number[] = [
  Errno.ENETUNREACH,
  Errno.EHOSTUNREACH,
  Errno.ENETDOWN,
  Errno.EADDRNOTAVAIL,
  Errno.EAGAIN,
  Errno.ENOBUFS,
  Errno.EPERM,
];

/** A raw ICMP socket of one IP version, in the network namespace that was current when it was made. */
export class IcmpSocket {
  /** For the poller. */
  readonly fd: number;
  readonly #version: 4 | 6;
  readonly #buffer = new Uint8Array(PACKET_BYTES);
  readonly #sender = newSender();
  #open = true;

  /** Throws SysError, EPERM without privilege. */
  constructor(version: 4 | 6) {
    this.#version = version;
    this.fd = version === 4
      ? openSocket(Family.INET, SocketType.RAW, IPPROTO_ICMP)
      : openSocket(Family.INET6, SocketType.RAW, IPPROTO_ICMPV6);
  }

  /**
   * Sends an ICMP message. For IPv4 its checksum must be right; for IPv6 the kernel fills it in. `linkIndex` is needed for
   * link-local addresses. `"refused"` when there is no way to the address just now.
   */
  send(message: Uint8Array<ArrayBuffer>, to: Ip, linkIndex = 0): "sent" | "refused" {
    const sent = trySend(this.fd, message, internetAddress(to, 0, linkIndex));
    if (sent >= 0) return "sent";
    if (REFUSALS.includes(-sent)) return "refused";
    throw new SysError("send ICMP to", -sent, { subject: to.text });
  }

  /**
   * Gives every waiting ICMP message, without IP header, with its source address in canonical text. Own echo requests to local
   * addresses are among them. The bytes are only valid during the call.
   */
  drain(onMessage: (message: Uint8Array, source: string) => void): "drained" | "more" {
    for (let turn = 0; turn < DRAIN_LIMIT; turn++) {
      const got = tryReceive(this.fd, this.#buffer, this.#sender);
      if (got === -Errno.EAGAIN) return "drained";
      if (got === -Errno.EINTR) continue;
      if (got < 0) throw new SysError("receive ICMP", -got);
      const packet = this.#buffer.subarray(0, Math.min(got, PACKET_BYTES));
      if (this.#version === 4) {
        // The kernel has checked the header (RFC 791 §3.1: its length is in the low four bits, in words).
        onMessage(packet.subarray(((packet[0] ?? 0) & 0xf) * 4), formatIp(packet.subarray(12, 16)));
      } else onMessage(packet, decodeEndpoint(this.#sender.storage)?.ip ?? "");
    }
    return "more";
  }

  /** Closes the socket; calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }
}
