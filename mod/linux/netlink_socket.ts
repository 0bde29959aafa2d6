/**
 * Netlink, synchronously. The kernel handles a request inside `sendmsg`, so that the answer stands in the receive queue when the call
 * returns; a dump goes on inside each `recvmsg`. Nothing here waits for anybody but the kernel.
 */
import { WireError } from "../net/errors.ts";
import { readU32 } from "../net/netlink/bytes.ts";
import {
  decodeAcknowledgement,
  decodeDone,
  decodeMessages,
  encodeMessage,
  MessageFlag,
  MessageType,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../net/netlink/message.ts";
import { Errno, sysCall, SysError } from "./errno.ts";
import { libc } from "./libc.ts";
import {
  bindSocket,
  closeFd,
  Family,
  Level,
  netlinkAddress,
  newSender,
  openSocket,
  type Sender,
  setOption,
  setQueueSize,
  SocketType,
  tryReceive,
  trySend,
} from "./socket.ts";

/** Netlink families (NETLINK_*). */
export const NetlinkFamily = { ROUTE: 0, NETFILTER: 12 } as const;

/** Options of SOL_NETLINK (include/uapi/linux/netlink.h). */
const ADD_MEMBERSHIP = 1;
const CAP_ACK = 10;
const EXT_ACK = 11;
const GET_STRICT_CHK = 12;

/** A megabyte holds the events of some thousands of address changes. */
const QUEUE_BYTES = 1024 * 1024;
/** The kernel fills at most 32 KiB at a time, unless one message alone is longer. */
const BUFFER_BYTES = 128 * 1024;
/** How long an answer may be late that should be there already: the kernel was asked synchronously. */
const LATE_MS = 1000;
/** Datagrams that one drain takes before others get their turn. */
const DRAIN_LIMIT = 256;
/** A dump that changes under our eyes is asked for again this many times. */
const DUMP_ATTEMPTS = 5;

const POLLIN = 1;
const KERNEL = netlinkAddress();
/** One buffer for all sockets: every call here copies what it keeps before it returns. */
const buffer = new Uint8Array(BUFFER_BYTES);
const sender: Sender = newSender();

/** How a drain ended: the queue is empty, or there is more for the next turn, or events were lost and everything must be looked at. */
export type Drained = "drained" | "more" | "overrun";

/** One netlink socket in the network namespace that was current when it was made. */
export class NetlinkSocket {
  /** For the poller; readable when a monitor message waits. */
  readonly fd: number;
  #sequence = 0;
  #open = true;

  /** Opens a socket of a {@link NetlinkFamily}; throws SysError. */
  constructor(family: number) {
    this.fd = openSocket(Family.NETLINK, SocketType.RAW, family);
    try {
      bindSocket(this.fd, KERNEL, "netlink");
      setQueueSize(this.fd, "receive", QUEUE_BYTES);
      // Each is an improvement that old kernels lack; without them acknowledgements are longer and errors say less.
      for (const name of [CAP_ACK, EXT_ACK, GET_STRICT_CHK]) {
        libc.setsockopt(this.fd, Level.NETLINK, name, Int32Array.of(1), 4);
      }
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Subscribes to a multicast group, e.g. `RouteGroup.LINK`. Use a socket of its own: {@link request} skips events. */
  join(group: number): void {
    setOption(this.fd, { level: Level.NETLINK, name: ADD_MEMBERSHIP, value: group });
  }

  /**
   * Sends the request and gives the messages of its answer, without the acknowledgement. Throws SysError with the request's `op` and
   * `subject` when the kernel refuses it.
   */
  request(request: NetlinkRequest): NetlinkMessage[] {
    for (let attempt = 1;; attempt++) {
      const sequence = this.nextSequence();
      const mode = isDump(request) ? 0 : MessageFlag.ACK;
      const flags = request.flags | MessageFlag.REQUEST | mode;
      this.send(encodeMessage({ ...request, flags, sequence, portId: 0 }), request);
      const answer = this.#collect(sequence, request);
      if (answer.consistent || attempt === DUMP_ATTEMPTS) return answer.messages;
    }
  }

  /** The number of the next message; wraps at 32 bits and is never 0, which is what events carry. */
  nextSequence(): number {
    this.#sequence = this.#sequence >= 0xffff_ffff ? 1 : this.#sequence + 1;
    return this.#sequence;
  }

  /** Hands whole messages to the kernel, which has acted on them when this returns. Throws SysError. */
  send(bytes: Uint8Array<ArrayBuffer>, about: { op: string; subject: string }): void {
    for (;;) {
      const sent = trySend(this.fd, bytes, KERNEL);
      if (sent === bytes.length) return;
      if (sent !== -Errno.EINTR) throw new SysError(about.op, sent < 0 ? -sent : Errno.EMSGSIZE, about);
    }
  }

  /** The messages of the next datagram, `"empty"`, or `"overrun"` if the kernel had to drop some before it. */
  receive(): NetlinkMessage[] | "empty" | "overrun" {
    for (;;) {
      const got = tryReceive(this.fd, buffer, sender);
      if (got === -Errno.EAGAIN) return "empty";
      if (got === -Errno.ENOBUFS) return "overrun";
      if (got === -Errno.EINTR) continue;
      if (got < 0) throw new SysError("receive from netlink", -got);
      // Port 0 is the kernel; another process may be allowed to write to us, but it has nothing to say.
      if (readU32(sender.storage, 4) !== 0) continue;
      if (got > buffer.length) {
        throw new WireError("netlink datagram", { where: "length", got, wanted: `at most ${buffer.length}` });
      }
      return decodeMessages(buffer.slice(0, got));
    }
  }

  /** Gives every waiting event to `onMessage`, at most {@link DRAIN_LIMIT} datagrams of them. After an overrun it goes on to drain. */
  drain(onMessage: (message: NetlinkMessage) => void): Drained {
    let overrun = false;
    for (let turn = 0; turn < DRAIN_LIMIT; turn++) {
      const received = this.receive();
      if (received === "empty") return overrun ? "overrun" : "drained";
      if (received === "overrun") overrun = true;
      else for (const message of received) overrun = deliver(message, onMessage) === "overrun" || overrun;
    }
    return overrun ? "overrun" : "more";
  }

  /** Waits until something can be received, at most {@link LATE_MS}; throws SysError ETIMEDOUT. */
  awaitAnswer(about: { op: string; subject: string }): void {
    const set = new Uint8Array(8);
    const view = new DataView(set.buffer);
    view.setInt32(0, this.fd, true);
    view.setInt16(4, POLLIN, true);
    if (sysCall("poll", libc.poll(set, 1n, LATE_MS)) === 0) throw new SysError(about.op, Errno.ETIMEDOUT, about);
  }

  /** Closes the socket; calling it twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
  }

  /** Reads until the acknowledgement, or the end of the dump, with this sequence number. */
  #collect(sequence: number, request: NetlinkRequest): { messages: NetlinkMessage[]; consistent: boolean } {
    const messages: NetlinkMessage[] = [];
    let consistent = true;
    for (;;) {
      const received = this.receive();
      if (received === "overrun") throw new SysError(request.op, Errno.ENOBUFS, request);
      if (received === "empty") {
        this.awaitAnswer(request);
        continue;
      }
      for (const message of received) {
        // Late answers to requests that timed out, and events, carry other numbers.
        if (message.sequence !== sequence) continue;
        consistent &&= (message.flags & MessageFlag.DUMP_INTERRUPTED) === 0;
        if (!isEnd(message, request)) messages.push(message);
        else return { messages, consistent };
      }
    }
  }
}

function isDump(request: NetlinkRequest): boolean {
  return (request.flags & MessageFlag.DUMP) === MessageFlag.DUMP;
}

/** Whether this message ends the answer; throws SysError if it ends it with a refusal. */
function isEnd(message: NetlinkMessage, request: NetlinkRequest): boolean {
  if (message.type !== MessageType.ERROR && message.type !== MessageType.DONE) return false;
  const { errno, reason } = message.type === MessageType.ERROR ? decodeAcknowledgement(message) : decodeDone(message);
  if (errno !== 0) throw new SysError(request.op, errno, { subject: request.subject, reason });
  return true;
}

function deliver(message: NetlinkMessage, onMessage: (message: NetlinkMessage) => void): "given" | "overrun" {
  if (message.type === MessageType.OVERRUN) return "overrun";
  if (message.type > MessageType.OVERRUN) onMessage(message);
  return "given";
}
