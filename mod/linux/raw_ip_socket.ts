/** Whole IP packets, headers included, on their way out: for packets whose sender is no socket of this machine. */
import type { Ip } from "../net/ip.ts";
import { Errno } from "./errno.ts";
import { closeFd, Family, internetAddress, openSocket, SocketType, trySend } from "./socket.ts";

/** IPPROTO_RAW: packets come with their headers, nothing is received. */
const RAW = 255;

/** A raw socket for each family, in the network namespace that was current when this was made. */
export class RawIpSocket {
  readonly #fds: Readonly<Record<4 | 6, number | null>>;
  #open = true;

  /** Throws SysError, EPERM without CAP_NET_RAW. A machine without IPv6 sends IPv4 only. */
  constructor() {
    const four = openSocket(Family.INET, SocketType.RAW, RAW);
    let six: number | null = null;
    try {
      six = openSocket(Family.INET6, SocketType.RAW, RAW);
    } catch {
      // No IPv6 here.
    }
    this.#fds = { 4: four, 6: six };
  }

  /** Sends a packet without waiting; whether it left is not known for long anyway, so a refusal is only told. */
  send(packet: Uint8Array<ArrayBuffer>, to: Ip): "sent" | "refused" {
    const fd = this.#fds[to.family];
    if (fd === null) return "refused";
    for (;;) {
      const sent = trySend(fd, packet, internetAddress(to, 0));
      if (sent >= 0) return "sent";
      if (sent !== -Errno.EINTR) return "refused";
    }
  }

  /** Closes the sockets; calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const fd of [this.#fds[4], this.#fds[6]]) if (fd !== null) closeFd(fd);
  }
}
