/**
 * Long lists over netlink. The kernel walks its table inside `sendmsg` and `recvmsg`; a table of a quarter of a million buckets takes it
 * longer for one datagram than an election may wait. So these calls are made on a pool thread, one datagram at a time, and between two
 * of them everybody else has a turn.
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
import { Errno, SysError } from "./errno.ts";
import { libc } from "./libc.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import { netlinkAddress } from "./socket.ts";

/** The kernel fills at most 32 KiB at a time, unless one message alone is longer. */
const BUFFER_BYTES = 64 * 1024;
/** Gives the length of a datagram also when it is longer than the buffer. */
const MSG_TRUNC = 0x20;
const KERNEL = netlinkAddress();

/** A socket for lists in the network namespace that was current when it was made. Lists run one after the other. */
export class NetlinkDump {
  readonly #socket: NetlinkSocket;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #sender = netlinkAddress();
  readonly #senderLength = new Uint32Array(1);
  /** The end of the last list asked for. */
  #tail: Promise<void> = Promise.resolve();
  #open = true;

  /** Opens a socket of a {@link NetlinkFamily}; throws SysError. */
  constructor(family: number) {
    this.#socket = new NetlinkSocket(family);
  }

  /**
   * Asks for a list and gives its messages to `take`, a datagram at a time. Throws SysError when the kernel refuses, and whatever `take`
   * throws, after the list has come to its end: the kernel takes no other question before. A table that changes meanwhile may show an
   * object twice or leave out a new one.
   */
  read(request: NetlinkRequest, take: (messages: readonly NetlinkMessage[]) => void): Promise<void> {
    const done = this.#tail.then(() => this.#read(request, take));
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Closes the socket once no call uses it; a list that is being read fails with ECONNABORTED. Calling it twice does nothing. */
  async close(): Promise<void> {
    this.#open = false;
    await this.#tail;
    this.#socket.close();
  }

  async #read(request: NetlinkRequest, take: (messages: readonly NetlinkMessage[]) => void): Promise<void> {
    this.#requireOpen(request);
    const sequence = this.#socket.nextSequence();
    const flags = request.flags | MessageFlag.REQUEST;
    await this.#send(encodeMessage({ ...request, flags, sequence, portId: 0 }), request);
    let thrown: { readonly error: unknown } | null = null;
    for (let ended = false; !ended;) {
      this.#requireOpen(request);
      const received = await this.#receive();
      if (received === "overrun") throw new SysError(request.op, Errno.ENOBUFS, request);
      if (received === "empty") {
        this.#socket.awaitAnswer(request);
        continue;
      }
      const messages = received.filter((message) => message.sequence === sequence);
      ended = messages.some((message) => isEnd(message, request));
      try {
        if (thrown === null) take(messages.filter(({ type }) => type > MessageType.OVERRUN));
      } catch (error) {
        thrown = { error };
      }
    }
    if (thrown !== null) throw thrown.error;
  }

  async #send(bytes: Uint8Array<ArrayBuffer>, request: NetlinkRequest): Promise<void> {
    const sent = await libc.sendtoAside(this.#socket.fd, bytes, BigInt(bytes.length), 0, KERNEL, KERNEL.length);
    // Why it failed only a call on this thread can tell; and it may not fail again.
    if (sent === -1) this.#socket.send(bytes, request);
  }

  async #receive(): Promise<NetlinkMessage[] | "empty" | "overrun"> {
    const [buffer, sender] = [this.#buffer, this.#sender];
    this.#senderLength[0] = sender.length;
    const length = BigInt(buffer.length);
    const got = await libc.recvfromAside(this.#socket.fd, buffer, length, MSG_TRUNC, sender, this.#senderLength);
    if (got === -1) return this.#socket.receive();
    // Port 0 is the kernel.
    if (readU32(sender, 4) !== 0) return [];
    if (got > buffer.length) {
      throw new WireError("netlink datagram", { where: "length", got, wanted: `at most ${buffer.length}` });
    }
    return decodeMessages(buffer.slice(0, got));
  }

  #requireOpen({ op, subject }: NetlinkRequest): void {
    if (!this.#open) throw new SysError(op, Errno.ECONNABORTED, { subject });
  }
}

/** Whether this message ends the list; throws SysError if it ends it with a refusal. */
function isEnd(message: NetlinkMessage, request: NetlinkRequest): boolean {
  if (message.type !== MessageType.ERROR && message.type !== MessageType.DONE) return false;
  const { errno, reason } = message.type === MessageType.ERROR ? decodeAcknowledgement(message) : decodeDone(message);
  if (errno !== 0) throw new SysError(request.op, errno, { subject: request.subject, reason });
  return true;
}
