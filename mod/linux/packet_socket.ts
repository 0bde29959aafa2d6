/** Ethernet frames of one EtherType on one link: AF_PACKET, SOCK_RAW. */
import { Errno, SysError } from "./errno.ts";
import { libc } from "./libc.ts";
import {
  attachFilter,
  bindSocket,
  closeFd,
  Family,
  Level,
  linkAddress,
  newSender,
  openSocket,
  SocketOption,
  SocketType,
  tryReceive,
  trySend,
} from "./socket.ts";

const PACKET_IGNORE_OUTGOING = 23;
const PACKET_OUTGOING = 4;
/** sll_pkttype in struct sockaddr_ll. */
const PACKET_TYPE = 10;
/** Frames that one drain takes before others get their turn. */
const DRAIN_LIMIT = 64;
/** The longest frame of interest; what is longer is cut. ARP and neighbour discovery stay far below. */
const FRAME_BYTES = 2048;

/** Errors of a link that is down, gone, or has no room just now: the frame is lost, as frames are. */
const REFUSALS: readonly number[] = [Errno.ENETDOWN, Errno.ENXIO, Errno.ENODEV, Errno.ENOBUFS, Errno.EAGAIN];

/** What {@link PacketSocket} needs. */
export interface PacketSocketOptions {
  readonly linkIndex: number;
  /** 16 bits, e.g. 0x0806 for ARP. */
  readonly etherType: number;
  /** A classic BPF program (struct sock_filter in host order) that lets frames in; all of the type without one. */
  readonly filter?: Uint8Array;
}

/** A raw socket on one link, in the network namespace that was current when it was made. */
export class PacketSocket {
  /** For the poller. */
  readonly fd: number;
  readonly #buffer = new Uint8Array(FRAME_BYTES);
  readonly #sender = newSender();
  #open = true;

  /** Opens the socket; no frame that the filter would refuse ever gets in. Throws SysError. */
  constructor(options: PacketSocketOptions) {
    const { filter } = options;
    // Protocol 0 receives nothing: the filter is in place before the bind lets the first frame in.
    this.fd = openSocket(Family.PACKET, SocketType.RAW, 0);
    try {
      if (filter !== undefined && filter.length > 0) attachFilter(this.fd, filter);
      // Linux 4.20; older kernels deliver our own frames, which drain() leaves out.
      libc.setsockopt(this.fd, Level.PACKET, PACKET_IGNORE_OUTGOING, Int32Array.of(1), 4);
      bindSocket(this.fd, linkAddress(options.linkIndex, options.etherType), `link ${options.linkIndex}`);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Lets in what this program lets in from now on, everything of the type with null; no frame meets neither. Throws SysError. */
  setFilter(filter: Uint8Array<ArrayBuffer> | null): void {
    if (filter === null) {
      // ENOENT: there was none.
      libc.setsockopt(this.fd, Level.SOCKET, SocketOption.DETACH_FILTER, Int32Array.of(0), 4);
      return;
    }
    attachFilter(this.fd, filter);
  }

  /**
   * Sends a complete Ethernet frame; `"refused"` when the link is down, gone or full, and in the moments after it was
   * switched on until the kernel has seen its carrier (`Link.running`). Other errors throw SysError.
   */
  send(frame: Uint8Array<ArrayBuffer>): "sent" | "refused" {
    const sent = trySend(this.fd, frame, null);
    if (sent >= 0) return "sent";
    if (REFUSALS.includes(-sent)) return "refused";
    throw new SysError("send frame", -sent);
  }

  /**
   * Gives every waiting frame to `onFrame`, at most {@link DRAIN_LIMIT} of them. The bytes are only valid during the call.
   * A link that goes down is no error here: its events tell.
   */
  drain(onFrame: (frame: Uint8Array) => void): "drained" | "more" {
    for (let turn = 0; turn < DRAIN_LIMIT; turn++) {
      const got = tryReceive(this.fd, this.#buffer, this.#sender);
      if (got === -Errno.EAGAIN) return "drained";
      if (got < 0 && got !== -Errno.EINTR && !REFUSALS.includes(-got)) throw new SysError("receive frame", -got);
      if (got >= 0 && this.#sender.storage[PACKET_TYPE] !== PACKET_OUTGOING) {
        onFrame(this.#buffer.subarray(0, Math.min(got, FRAME_BYTES)));
      }
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
